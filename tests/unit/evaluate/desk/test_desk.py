"""What the checks of a desk say: of this one, of a processor without VNNI, and of a runtime that is off."""

import desk_nets
import numpy as np
import pytest
from onnx.reference import ReferenceEvaluator

from edgeforge.evaluate.desk import checks, found
from edgeforge.evaluate.desk.nets import ACTIVATION_SCALE, TFLITE, desk_images, four_convolutions
from edgeforge.machine import has_vnni


def test_the_tflite_net_is_what_the_helper_writes() -> None:
    assert TFLITE.read_bytes() == desk_nets.four_convolutions()


def test_the_nets_use_the_whole_of_their_types() -> None:
    images = desk_images(count=2)
    for kind in checks.KINDS:
        model = four_convolutions(kind)
        assert model == four_convolutions(kind)
        (outputs,) = ReferenceEvaluator(_at_opset_19(model)).run(None, {"input": images[:1]})
        steps = np.rint(outputs / ACTIVATION_SCALE)
        assert steps.min() == 0 and steps.max() > 150 and len(np.unique(steps)) > 50


@pytest.mark.parametrize("group", ["onnxruntime", "tflite"])
def test_onnx_runtime_litert_and_tflm_agree_with_themselves(group: str) -> None:
    rows = found.run_group(group)
    assert [row.runtime for row in rows] == {
        "onnxruntime": ["ONNX Runtime uint8", "ONNX Runtime int8"],
        "tflite": ["LiteRT XNNPACK", "LiteRT builtin", "TFLM"],
    }[group]
    if group == "onnxruntime" and has_vnni():
        assert {row.what for row in rows} == {"agrees with itself; the same as its unoptimised graph"}
    for row in rows:
        assert row.what.startswith("agrees with itself"), row
        assert row.trustworthy or not has_vnni(), row


def test_pytorchs_engines_saturate_without_vnni_and_qnnpack_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    # What FBGEMM and oneDNN compute with where the processor has no more than AVX2.
    monkeypatch.setenv("FBGEMM_ENABLE_INSTRUCTIONS", "AVX2")
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    rows = {row.runtime: row for row in found.run_group("pytorch")}
    assert rows["PyTorch qnnpack"].trustworthy
    assert rows["PyTorch qnnpack"].what == "agrees with itself; the same as the exact sums"
    x86 = rows["PyTorch x86"]
    assert not x86.trustworthy and x86.what == "agrees with itself, but 63 steps from the exact sums"
    assert "compare with qnnpack" in x86.remedy


def test_a_check_that_ends_badly_or_never_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    (late,) = found.run_group("tflite", seconds=0.01)
    assert not late.trustworthy and late.what.startswith("cannot be checked: no answer within")
    monkeypatch.setitem(found.GROUPS, "none", ("None", ()))
    (broken,) = found.run_group("none")
    assert not broken.trustworthy and broken.what == "cannot be checked: KeyError: 'none'"
    monkeypatch.setattr(found, "GROUPS", {"none": ("None", ("no_such_package",))})
    assert list(found.check_desk()) == []


def _at_opset_19(model: bytes) -> object:
    import onnx

    return onnx.version_converter.convert_version(onnx.load_from_string(model), 19)
