"""Memory plans: read as TFLM reads them, better than its own where one is, and the same bytes out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from int8_models import MODELS
from mlperf_tiny import visual_wake_words

from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import library
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.fit.arena import predict_arena
from edgeforge.targets.fit.better_plan import _plans, as_packed, better_plan
from edgeforge.targets.fit.judge import fit_file, fit_model
from edgeforge.targets.fit.memory_planner import Request, height, place
from edgeforge.targets.fit.tflm_memory import runtimes
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.passes.compact import Compact
from edgeforge.tflite.passes.memory_plan import ONLINE, read_plan, with_plan

NANO, S3 = board("arduino-nano-33-ble"), board("esp32-s3")
HEAD = library("tflite-micro-2026-08")
REFERENCE = runtimes()["tflite-micro"]

requests = st.lists(
    st.builds(
        lambda size, first, length: Request(16 * size, first, first + length),
        st.integers(1, 64), st.integers(0, 12), st.integers(0, 6),
    ),
    max_size=16,
)  # fmt: skip


def tflm(model: bytes, folder: Path) -> TFLMRunner:
    path = folder / f"{len(list(folder.iterdir()))}.tflite"
    path.write_bytes(model)
    return TFLMRunner(path)


def answers(runner: TFLMRunner, count: int = 2) -> list[int]:
    """Return what the model says of inputs over the whole int8 range."""
    inputs = np.random.default_rng(0).integers(-128, 128, (count, *runner.input.shape[1:]))
    return list(runner.run_raw(inputs.astype(runner.input.dtype)).ravel())


def test_a_plan_saves_18_432_bytes_of_visual_wake_words_by_tflm_s_own_word(tmp_path: Path) -> None:
    model = visual_wake_words(mean=True)
    packed = as_packed(model, HEAD, [NANO])
    before, after = tflm(model, tmp_path), tflm(packed, tmp_path)
    assert answers(before) == answers(after)
    assert (before.arena().head, after.arena().head) == (73_728, 55_296)
    row = fit_model(packed, NANO, sketch=HEAD)
    # On an emulated Cortex-M4F, a sketch of it on tflite-micro of 2026-08 said: arena 82116 of 83008 bytes used.
    assert (row.arena.plan, row.arena.used_bytes, row.arena.greedy_head_bytes) == ("offline", 82_116, 73_728)
    assert len(packed) < len(model) and as_packed(model, HEAD, [NANO]) == packed


@pytest.mark.parametrize("model", ["digits", "keywords", "wide", "residual"])
def test_any_plan_in_a_model_is_honoured_as_tflm_honours_it(model: str, tmp_path: Path) -> None:
    """Offsets for some tensors, too high or on top of each other in time, and the rest left to TFLM."""
    from places import DATA

    flatbuffer = (DATA / "digits_int8.tflite").read_bytes() if model == "digits" else MODELS[model]()
    random = np.random.default_rng(len(flatbuffer))
    tensors = len(Graph(flatbuffer).tensors)
    for _ in range(4):
        plan = np.where(random.random(tensors) < 0.5, ONLINE, 16 * random.integers(0, 2000, tensors)).tolist()
        planned = Compact()(with_plan(flatbuffer, plan)).model
        assert read_plan(Graph(planned).model) == plan
        arena = predict_arena(Graph(planned), REFERENCE, "reference", "cortex-m4f")
        assert arena.head_bytes == tflm(planned, tmp_path).arena().head and arena.plan == "offline"


def test_a_bad_plan_is_replaced_and_one_that_is_no_plan_is_the_library_s_to_refuse(tmp_path: Path) -> None:
    model = visual_wake_words(mean=True)
    tensors = len(Graph(model).tensors)
    stacked = with_plan(model, [4096 * n for n in range(tensors)])
    assert fit_model(stacked, NANO).memory.fits is False
    assert read_plan(Graph(as_packed(stacked, HEAD, [NANO])).model) == better_plan(Graph(model), HEAD, [NANO])
    wrong = with_plan(model, [0] * (tensors + 1))
    row = fit_model(wrong, NANO)
    assert row.memory.fits and row.library.verdict.endswith(
        f"its memory plan: {tensors + 1} offsets for {tensors} tensors, and AllocateTensors() refuses that"
    )
    assert fit_model(as_packed(wrong, HEAD, [NANO]), NANO).deployable


def test_several_boards_share_a_plan_that_is_worse_on_none() -> None:
    model = Graph(MODELS["person_detection"]())
    esp = library("esp-tflite-micro-1.4.0")
    assert better_plan(model, esp, [NANO]) is None  # greedy's is the best there is without ESP32-S3's scratch buffers
    plan = better_plan(model, esp, [S3])
    assert plan is not None
    saved = fit_model(with_plan(model.model_bytes, plan), S3, sketch=esp).arena
    assert (saved.greedy_head_bytes, saved.head_bytes) == (95_456, 86_240)
    assert better_plan(model, esp, [S3, NANO]) is None


def test_fit_says_what_packing_saves_and_when_it_is_what_makes_a_model_fit(tmp_path: Path) -> None:
    path = tmp_path / "vww.tflite"
    path.write_bytes(visual_wake_words(mean=True))
    small = NANO.model_copy(update={"ram_bytes": 150_000})
    (row,) = fit_file(path, "small", {"small": small}, HEAD)
    assert not row.memory.fits and row.packed and row.packed.fits
    assert row.memory.ram_bytes - row.packed.ram_bytes >= 18_432
    assert row.advice[0].startswith("`edgeforge pack` writes it smaller") and "it fits: " in row.advice[0]


@given(requests)
def test_a_plan_never_overlaps_and_is_lower_than_greedy_s(wanted: list[Request]) -> None:
    top = height(wanted, place(wanted))
    live = max((sum(one.bytes for one in wanted if one.first <= step <= one.last) for step in range(20)), default=0)
    for offsets in _plans(wanted):
        assert live <= height(wanted, offsets) < top
        top = height(wanted, offsets)
        for n, one in enumerate(wanted):
            for m in range(n):
                if one.lives_with(wanted[m]):
                    assert offsets[n] + one.bytes <= offsets[m] or offsets[m] + wanted[m].bytes <= offsets[n]
