"""TFLM that answers otherwise the next time it is asked: nothing that it says is kept, and the build goes on."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from arduino_projects import DIGITS, MODEL, digit_images

from edgeforge.builder.stage import Job
from edgeforge.errors import StageFailed
from edgeforge.evaluate import tflm
from edgeforge.evaluate.measure import AGREES_WITH_ITSELF
from edgeforge.evaluate.predict import read_agreements
from edgeforge.recipe.schema import Recipe
from edgeforge.report.stage import _findings
from edgeforge.results.rows.calibration import CalibrationRow
from edgeforge.results.rows.report import Check, VariantRow
from edgeforge.results.variant import TFLITE_INT8, Variant, read_variants, write_variants
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.arduino.golden_vectors import choose_vectors


class Drifting(TFLMRunner):
    """Answers otherwise from the second run on."""

    runs = 0

    def run(self, batch: np.ndarray) -> np.ndarray:
        self.runs += 1
        return super().run(batch) + (0.25 if self.runs > 1 else 0)


def ran(folder: Path) -> Path:
    """Run the stage on ten digits; return its artifact."""
    inputs = {name: folder / name for name in ("data", "tflite")}
    for path in (*inputs.values(), folder / "out"):
        path.mkdir()
    raw, labels = digit_images()
    np.savez(inputs["data"] / "data.npz", test_x=raw[:10], test_y=labels[:10])
    (inputs["data"] / "preprocessing.json").write_text(DIGITS.to_json())
    shutil.copy(MODEL, inputs["tflite"] / "int8.tflite")
    write_variants(inputs["tflite"], [Variant(TFLITE_INT8, "litert", "int8", "int8.tflite")])
    recipe = Recipe.model_validate({"name": "digits", "data": {"source": "digits"}, "model": {"name": "m"}})
    tflm.run_tflm(Job("tflm", recipe, inputs, folder / "out", folder, lambda share, text: None))
    return folder / "out"


def test_tflm_agrees_with_itself(tmp_path: Path) -> None:
    out = ran(tmp_path)
    assert read_agreements(out)["tflm-int8"]["agrees"] and tflm.read_tflm(out)["reason"] == ""


def test_tflm_that_disagrees_with_itself_is_a_row_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tflm, "TFLMRunner", Drifting)
    out = ran(tmp_path)
    (variant,) = read_variants(out)
    assert variant.reason == tflm.read_tflm(out)["reason"] and "disagrees with itself" in variant.reason
    assert not list(out.glob("*.npz")), "no predictions: there is nothing to trust"


def test_no_sketch_carries_vectors_of_a_tflm_that_disagrees_with_itself() -> None:
    raw, labels = digit_images()
    with pytest.raises(StageFailed, match="disagrees with itself"):
        choose_vectors(Drifting(MODEL), MODEL, DIGITS, raw[:10], [str(label) for label in labels[:10]], 8)


def test_a_runtime_that_disagrees_with_itself_is_an_error_of_the_report() -> None:
    check = Check(name=AGREES_WITH_ITSELF, passed=False, detail="ONNX Runtime 1.23.0 on a Xeon: run again, 3 differ")
    row = VariantRow(name="onnx-static-int8", runtime="onnxruntime", precision="int8", checks=[check])
    calibration = CalibrationRow(samples=1, per_class={}, source="", minimum=0, maximum=1)
    (finding,) = _findings([row], calibration, [])
    assert finding.severity == "error" and finding.what.endswith(check.detail) and "doctor" in finding.remedy
