# make demo        build the embedded default recipe, from data to an Arduino project
# make test        run the tests, but for the slow proofs
# make proofs      run the slow proofs: MNIST, the battery cells, the conversion matrix
# make snapshots   accept the messages that people see as they are now; read the diff of tests/snapshots
# Each creates .venv with the pinned dependencies when it is not there yet.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
PYTEST := $(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder
# make proofs PROOFS=tests/end_to_end/test_mnist.py: only these
PROOFS ?= tests

.PHONY: demo test proofs test-tools snapshots clean

demo: .venv/.installed
	$(BIN)/edgeforge build recipes/digits.yaml

test: .venv/.installed test-tools
	$(PYTEST) -m "not proof"

proofs: .venv/.installed
	$(PYTEST) -m proof $(PROOFS)

test-tools:
	scripts/install_test_tools.sh

snapshots: .venv/.installed
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest tests/unit/test_messages.py tests/unit/cli/test_messages.py

.venv/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

clean:
	rm -rf .venv build
