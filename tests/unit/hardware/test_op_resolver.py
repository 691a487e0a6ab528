"""The tables of operators are what the installed TFLM says, not what somebody wrote down."""

import subprocess
import sys
import tomllib

import pytest
from places import ROOT

from edgeforge.hardware.libraries import library
from edgeforge.hardware.op_resolver import OPERATORS, resolver_method

SCRIPT, FILE = ROOT / "scripts" / "tflm_operators.py", ROOT / "edgeforge" / "hardware" / "tflm_operators.toml"


def test_the_resolver_s_operators_are_those_of_the_installed_tflm() -> None:
    code = f"import runpy; print(runpy.run_path({str(SCRIPT)!r})['document'](), end='')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert done.stdout == FILE.read_text(), f"run python scripts/tflm_operators.py{done.stderr}"


def test_today_s_library_has_the_same_operators() -> None:
    known = library("tflite-micro-2026-08").operators
    assert frozenset[str]().union(*known.values()) == OPERATORS == set(tomllib.loads(FILE.read_text())["operators"])


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
