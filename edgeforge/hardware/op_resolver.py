"""TFLM's op resolver: which method of MicroMutableOpResolver registers which TFLite operator."""

from __future__ import annotations

import tomllib
from pathlib import Path

from edgeforge.errors import StageFailed

# The operators that the installed TFLM has, and with it MicroMutableOpResolver a method for.
OPERATORS = frozenset(tomllib.loads(Path(__file__).with_name("tflm_operators.toml").read_text())["operators"])

# Where the method's name does not follow from the operator's.
SPECIAL = {
    "CUMSUM": "AddCumSum",
    "PADV2": "AddPadV2",
    "BATCH_MATMUL": "AddBatchMatMul",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "AddUnidirectionalSequenceLSTM",
}


def resolver_method(operator: str) -> str:
    """Return `AddConv2D` for `CONV_2D`. Raises StageFailed for an operator that TFLM has no method for."""
    if operator not in OPERATORS:
        raise StageFailed(f"TFLM's op resolver has no method for operator {operator}", fix="replace it in the model")
    if operator in SPECIAL:
        return SPECIAL[operator]
    parts = [part if part[0].isdigit() else part.capitalize() for part in operator.split("_")]
    return "Add" + "".join(parts)
