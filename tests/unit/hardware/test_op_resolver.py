"""The tables of operators are what the installed TFLM says, not what somebody wrote down."""

import subprocess
import sys
import tomllib

import pytest
from places import ROOT

from edgeforge.hardware.libraries import libraries, library
from edgeforge.hardware.op_resolver import OPERATORS, resolver_method

SCRIPT, FILE = ROOT / "scripts" / "tflm_operators.py", ROOT / "edgeforge" / "hardware" / "tflm_operators.toml"


def test_the_resolver_s_operators_are_those_of_the_installed_tflm() -> None:
    code = f"import runpy; print(runpy.run_path({str(SCRIPT)!r})['document'](), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout == FILE.read_text(), f"run python scripts/tflm_operators.py{done.stderr}"


def test_today_s_library_has_the_same_operators() -> None:
    known = library("tflite-micro-2026-08").operators
    assert frozenset[str]().union(*known.values()) == OPERATORS == set(tomllib.loads(FILE.read_text())["operators"])


def test_no_older_library_takes_a_type_that_today_s_refuses() -> None:
    """Theirs were read in their sources, today's was asked."""
    for older in libraries().values():
        for kind in ("int8", "int16", "uint8"):
            assert older.operators[kind] <= library("tflite-micro-2026-08").operators[kind], older.key


@pytest.mark.parametrize(
    ("operator", "kind"), [("EQUAL", "int16"), ("MIRROR_PAD", "int16"), ("FILL", "int16"), ("CONV_2D", "uint8")]
)
def test_what_prepares_and_does_not_run_is_not_taken(operator: str, kind: str) -> None:
    known = library("tflite-micro-2026-08")
    assert operator in known.operators["int8"] and operator not in known.operators[kind]


def test_what_only_moves_values_takes_every_type() -> None:
    for one in libraries().values():
        assert all("READ_VARIABLE" in one.operators[kind] for kind in ("int8", "int16", "uint8"))


@pytest.mark.parametrize(
    ("operator", "method"),
    [
        ("UNIDIRECTIONAL_SEQUENCE_LSTM", "AddUnidirectionalSequenceLSTM"),
        ("SELECT_V2", "AddSelectV2"),
        ("WHILE", "AddWhile"),
        ("CALL_ONCE", "AddCallOnce"),
        ("VAR_HANDLE", "AddVarHandle"),
        ("READ_VARIABLE", "AddReadVariable"),
        ("ASSIGN_VARIABLE", "AddAssignVariable"),
    ],
)
def test_operators_that_keep_state_or_branch_have_methods(operator: str, method: str) -> None:
    assert resolver_method(operator) == method
