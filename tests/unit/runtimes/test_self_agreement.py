"""A runtime against itself: the same again, other values, other shapes, no numbers, and a process that fails."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from places import DATA

from edgeforge.errors import StageFailed
from edgeforge.runtimes.second_process import OPENERS, Model, in_second_process
from edgeforge.runtimes.self_agreement import (
    agreement,
    agreements,
    difference,
    on_this_desk,
    require_tflm_agreement,
    twice,
)
from edgeforge.runtimes.tflm import TFLMRunner

MODEL = DATA / "digits_int8.tflite"
IMAGES = np.random.default_rng(0).normal(size=(3, 1, 8, 8)).astype(np.float32)


class Drifting(TFLMRunner):
    """TFLM that answers otherwise from the second run on."""

    runs = 0

    def run(self, batch: np.ndarray) -> np.ndarray:
        self.runs += 1
        return super().run(batch) + (0.25 if self.runs > 1 else 0)


@pytest.mark.parametrize("how", [how for how in OPENERS if how != "unoptimized"])
def test_litert_and_tflm_agree_with_themselves(how: str) -> None:
    model = Model(MODEL, how)  # type: ignore[arg-type]
    found = agreement(model.open(), model, IMAGES)
    assert found.agrees and len(found.outputs) == 3
    assert str(found) == "the same 3 outputs, run again in the same session and run in a second process"


def test_one_second_process_serves_all_models_and_one_failure_is_not_the_others(tmp_path: Path) -> None:
    (tmp_path / "broken.tflite").write_bytes(b"nothing")
    models = {"a": Model(MODEL), "b": Model(tmp_path / "broken.tflite"), "c": Model(MODEL, "tflm")}
    outputs, failed = in_second_process(models, IMAGES)
    assert set(outputs) == {"a", "c"} and "broken.tflite" in failed["b"]
    assert (outputs["a"] == Model(MODEL).open().run(IMAGES)).all()
    runs = {"b": (IMAGES, IMAGES)}
    assert "cannot be run in a second process" in str(agreements(runs, {"b": models["b"]}, IMAGES)["b"])


def test_tflm_that_disagrees_with_itself_is_refused_with_version_and_processor() -> None:
    first, again = twice(Drifting(MODEL), IMAGES)
    assert (abs(first - again) == 0.25).all()
    with pytest.raises(StageFailed) as caught:
        require_tflm_agreement(Drifting(MODEL), MODEL, IMAGES)
    assert caught.value.reason.startswith(
        f"{on_this_desk('tflm')} disagrees with itself: run again in the same session"
    )
    assert "by up to 0.25" in caught.value.reason


@given(arrays(np.float32, (2, 3), elements=st.floats(width=32)), st.integers(0, 5), st.floats(width=32))
def test_any_other_bit_is_a_difference(outputs: np.ndarray, place: int, value: float) -> None:
    other = outputs.copy()
    other.flat[place] = value
    assert (difference(outputs, other, "then") == "") == (outputs.tobytes() == other.tobytes())
    assert difference(outputs, outputs[:1], "then") == "then, its outputs have the shape [1, 3] instead of [2, 3]"
