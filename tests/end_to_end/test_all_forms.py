"""All forms of PyTorch networks by value: torch, ONNX Runtime, LiteRT in float, and int8 on LiteRT and TFLM."""

from collections.abc import Callable
from pathlib import Path

import pytest
from torch_forms import FORMS, outcomes


@pytest.mark.proof
def test_every_form_goes_the_whole_way(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    found = outcomes(FORMS, tmp_path)
    for name, made in found.items():
        record_property(name, f"int8 {made.int8:.1f} dB, TFLM {made.tflm:.1f} dB, {made.steps:.0f} step(s) apart")
    wrong = {
        name: made
        for name, made in found.items()
        if made.convert
        or min(made.onnx, made.float32) < 100
        or min(made.int8, made.tflm) < FORMS[name].least
        or made.steps > 2
        or not set(made.failed) <= set(FORMS[name].failing)
    }
    assert not wrong
