# make demo        build the embedded default recipe, from data to an Arduino project
# make test        run the tests, but for the slow proofs
# make test-other  run a build and most unit tests on the other Python, where 3.12 and 3.13 are both there (6 GB more, in .venv-other)
# make proofs      run the slow proofs: MNIST, the battery cells, the conversion matrix
# make docs        build the documentation as a site, build/site
# make soak        run what takes an hour: two thousand hostile inputs, the fuzzers, the server under hostile clients
# make snapshots   accept the messages that people see as they are now; read the diff of tests/snapshots
# Each creates .venv with the pinned dependencies when it is not there yet.

ifndef PYTHON
PYTHON := $(or $(shell scripts/find_python.sh 3.12),$(shell scripts/find_python.sh 3.13))
endif
VERSION = '%d.%d' % __import__('sys').version_info[:2]
OTHER := $(if $(PYTHON),$(shell scripts/find_python.sh $$($(PYTHON) -c "print('3.12' if $(VERSION) == '3.13' else '3.13')")))
NO_PYTHON := Python 3.12 or 3.13 is needed: sudo apt-get install python3.12 python3.12-venv, or: pyenv install 3.12
BIN := .venv/bin
IN_TWO := --numprocesses 2 --dist loadfile --no-loadscope-reorder
# Two tests at a time, of one thread each: networks this small wait for each other's threads more than they compute.
ONE_THREAD := OMP_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/pytest $(IN_TWO)
# make proofs PROOFS=tests/end_to_end/test_mnist.py: only these
PROOFS ?= tests

.PHONY: demo test test-other other proofs soak test-tools docs snapshots clean

demo: .venv/.installed
	$(BIN)/edgeforge build recipes/digits.yaml

test: .venv/.installed test-tools
	$(PYTEST) -m "not proof and not soak"

# The other Python has another language and other wheels. A whole build shows the wheels: torch, ONNX Runtime, LiteRT and
# TFLM; the unit tests of what a build has in it, and of the C that it writes, would show them again.
IN_A_BUILD := $(addprefix --ignore=tests/unit/,targets firmware quantize train export evaluate)
A_BUILD := tests/end_to_end/test_digits.py::test_every_variant_is_made_and_about_as_accurate
test-other: other
	$(if $(OTHER),$(ONE_THREAD) .venv-other/bin/pytest $(IN_TWO) -m "not proof and not soak" $(A_BUILD) tests/unit $(IN_A_BUILD))

other: $(if $(OTHER),.venv-other/.installed)
	@$(if $(OTHER),,echo "One of Python 3.12 and 3.13 is here: nothing else to test on.")

proofs: .venv/.installed
	$(PYTEST) -m proof $(PROOFS)

soak: .venv/.installed test-tools
	$(BIN)/pytest -m soak tests

test-tools:
	scripts/install_test_tools.sh

docs: .venv/.installed
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

snapshots: .venv/.installed
	UPDATE_SNAPSHOTS=1 $(BIN)/pytest tests/unit/test_messages.py tests/unit/cli/test_messages.py

# An environment that another Python has made is not added to.
.venv/.installed: MADE_BY = $(PYTHON)
.venv-other/.installed: MADE_BY = $(OTHER)
.venv/.installed .venv-other/.installed: pyproject.toml constraints.txt
	@test -n "$(MADE_BY)" || { echo "$(NO_PYTHON)" >&2; exit 1; }
	@test "$$($(@D)/bin/python -V 2>&1)" = "$$($(MADE_BY) -V)" || scripts/remove_made.sh $(@D)
	@mkdir -p $(@D) && touch $(@D)/.edgeforge-made
	$(MADE_BY) -m venv $(@D)
	$(@D)/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

# Builds stay: edgeforge clean removes what no build needs.
clean:
	scripts/remove_made.sh .venv .venv-other
