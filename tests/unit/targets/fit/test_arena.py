"""The predicted arena against TFLM's on an emulated Cortex-M4F (tests/data/arena_cortex_m4.json says how)."""

import json
from pathlib import Path

import pytest
from int8_models import MODELS, Net
from places import DATA

from edgeforge.results.rows.fit import ArenaRow
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.targets.fit.arena import predict_arena, round_up
from edgeforge.targets.fit.tflm_memory import operator_memory, runtimes
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import Graph

MEASURED = json.loads((DATA / "arena_cortex_m4.json").read_text())["measured"]
CASES = [(setup, model) for setup, rows in MEASURED.items() for model in rows]


def flatbuffer(model: str) -> bytes:
    return pure_flatbuffer((DATA / "digits_int8.tflite").read_bytes()) if model == "digits" else MODELS[model]()


def predicted(setup: str, model: str, core: str = "cortex-m4f") -> ArenaRow:
    library, kernels = setup.split("/")
    return predict_arena(Graph(flatbuffer(model)), runtimes()[library], kernels, core)  # type: ignore[arg-type]


@pytest.mark.parametrize(("setup", "model"), CASES)
def test_the_prediction_is_what_the_board_says(setup: str, model: str) -> None:
    arena, board = predicted(setup, model), MEASURED[setup][model]
    assert not arena.estimated
    # Promised: 64 bytes for reference kernels, 5 % for CMSIS-NN. Found: equal to the byte.
    assert arena.used_bytes == board["used"]
    assert round_up(arena.needed_bytes) in (board["needed"], board["needed"] - 16)


@pytest.mark.parametrize("model", ["digits", *MODELS])
def test_the_planned_head_is_tflms_own_on_this_desk(model: str, tmp_path: Path) -> None:
    """The desk's TFLM plans activations and the reference kernels' scratch buffers: sizes that no pointer changes."""
    path = tmp_path / "model.tflite"
    path.write_bytes(flatbuffer(model))
    runner = TFLMRunner(path)
    arena = predicted("tflite-micro/reference", model)
    assert arena.head_bytes == runner.arena().head
    assert arena.tail_bytes < runner.arena().tail


@pytest.mark.parametrize("model", ["digits", *MODELS])
def test_no_two_buffers_that_live_at_the_same_time_overlap(model: str) -> None:
    buffers = predicted("chirale-2.0.0/cmsis-nn", model).buffers
    for n, one in enumerate(buffers):
        for other in buffers[:n]:
            if one.first <= other.last and other.first <= one.last:
                apart = one.offset + one.bytes <= other.offset or other.offset + other.bytes <= one.offset
                assert apart, (one, other)


def test_without_dsp_instructions_cmsis_nn_asks_for_less_scratch() -> None:
    with_dsp, without = (
        predicted("chirale-2.0.0/cmsis-nn", "mobilenet_v2", core) for core in ("cortex-m4f", "cortex-m0plus")
    )
    assert sum(one.kind == "scratch" for one in without.buffers) < sum(
        one.kind == "scratch" for one in with_dsp.buffers
    )
    assert without.used_bytes < with_dsp.used_bytes


def test_what_is_live_in_the_peak_step_is_what_the_plan_needs_at_least() -> None:
    arena = predicted("tflite-micro/cmsis-nn", "mnist_cnn")
    assert arena.steps[arena.peak_step - 1].startswith("CONV_2D 1 ")
    assert arena.live_bytes[arena.peak_step] == max(arena.live_bytes) <= arena.head_bytes
    assert sum(arena.tail.values()) == arena.tail_bytes
    assert arena.used_bytes == arena.head_bytes + arena.tail_bytes


def test_an_lstm_keeps_its_data_and_asks_for_four_buffers_of_its_state() -> None:
    """On an emulated Cortex-M4F with tflite-micro of 2026-08 such a layer's model took what this says, to the byte."""
    net = Net(4, 3)
    other, state = net.whole("other", [1]), net.whole("state", list(range(16)))
    inputs = [net.input, *[other] * 17, state, *[other] * 5]
    graph = Graph(net.build(net.operator("UNIDIRECTIONAL_SEQUENCE_LSTM", inputs, (4, 16))))
    head, chirale = runtimes()["tflite-micro"], runtimes()["chirale-2.0.0"]
    memory = operator_memory(graph, 0, head, "reference", "cortex-m4f")
    assert (memory.data, memory.scratch, memory.measured) == (688, [32] * 4, True)
    guessed = operator_memory(graph, 0, chirale, "cmsis-nn", "cortex-m4f")
    assert not guessed.measured and guessed.data > memory.data and sum(guessed.scratch) > sum(memory.scratch)


def test_resource_variables_and_further_subgraphs_are_counted() -> None:
    """2,132 bytes is what the sketch says on an emulated Cortex-M4F with tflite-micro of 2026-08."""
    graph = Graph((DATA / "streaming_int8.tflite").read_bytes())
    arena = predict_arena(graph, runtimes()["tflite-micro"], "reference", "cortex-m4f")
    assert (arena.used_bytes, arena.estimated) == (2132, [])
    assert arena.tail["variables"] == 284  # the list of variables, an entry, and ten frames of six float32
    assert "subgraph 1 of CALL_ONCE 0" in arena.steps and "ASSIGN_VARIABLE 1 of subgraph 1" in arena.steps
