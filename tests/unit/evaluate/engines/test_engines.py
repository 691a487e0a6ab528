"""Two engines on one model: what they agree on, what one of them refuses, and what ends one of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from free_batch import free
from int8_models import MODELS, Net
from places import ROOT
from streaming import streaming

from edgeforge.errors import ParityError
from edgeforge.evaluate.engines.inputs import inputs_of, inputs_of_images
from edgeforge.evaluate.engines.judge import confirmed
from edgeforge.evaluate.engines.layers import Alone, Found, Tflm, compare
from edgeforge.evaluate.engines.process import compare_apart
from edgeforge.targets.fit.judge import fit_file
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.graph import Graph, TensorRunner
from edgeforge.tflite.layers import constant, set_constant
from edgeforge.tflite.passes.fixed.order import fixed

DATA = ROOT / "tests" / "data"


def compared(model: bytes) -> Found:
    return compare(model, inputs_of(Graph(model)), lambda text: None)


@pytest.mark.parametrize("name", MODELS)
def test_sound_models_are_confirmed(name: str) -> None:
    found = compared(MODELS[name]())
    assert (found.refused, found.disagreements) == ([], []) and found.inputs >= 3


@pytest.mark.parametrize("name", ["lstm_int8", "streaming_int8"])
def test_models_that_keep_state_are_confirmed(name: str) -> None:
    model = (DATA / f"{name}.tflite").read_bytes()
    assert Graph(model).stateful and compared(model) == Found(inputs=8)


def test_a_state_that_begins_otherwise_than_litert_says_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    model = streaming(1.5)
    assert compared(model) == Found(inputs=8)
    run = TensorRunner.run
    monkeypatch.setattr(TensorRunner, "run", lambda *given: [value + 1 for value in run(*given)])
    assert "READ_VARIABLE" in [one.operator for one in compared(model).disagreements]


def test_a_state_that_begins_with_nothing_is_refused() -> None:
    with pytest.raises(ParityError, match=r"READ_VARIABLE 1 .*: LiteRT does not run the model"):
        confirmed(streaming(begun=False))


def test_a_free_batch_that_tflm_takes_for_one_is_named_and_fixed() -> None:
    with pytest.raises(ParityError) as caught:
        confirmed(free())
    assert "SPACE_TO_BATCH_ND 0" in caught.value.reason
    assert "TFLM gives the shape [1, 6, 6, 3], LiteRT [4, 6, 6, 3]" in caught.value.reason
    assert confirmed(fixed(free())[0]) == []


def test_a_layer_more_than_a_step_apart_is_told() -> None:
    graph, other = Graph(MODELS["keywords"]()), Graph(MODELS["keywords"]())
    bias = constant(other.model, other.operators[0].inputs[2])
    set_constant(other.model, other.operators[0], 2, bias + 2000)
    values = Tflm(graph, every=True).values(inputs_of(graph)[2])
    assert Alone(graph, 0).differs(values) is None
    apart, said = Alone(Graph(other.model), 0).differs(values)
    assert apart > 1 and said.endswith("steps apart on the same inputs (allowed: 1)")


def six_dimensions() -> bytes:
    net = Net(8, 8, 4)
    x = net.conv(net.input, 4)
    sizes, turned = (1, 2, 2, 2, 4, 8), (1, 2, 2, 2, 8, 4)
    x = net.operator("RESHAPE", [x, net.whole("shape", sizes)], sizes, newShape=list(sizes))
    x = net.operator("TRANSPOSE", [x, net.whole("order", [0, 2, 1, 3, 5, 4])], turned)
    x = net.operator("RESHAPE", [x, net.whole("shape", [1, 256])], (1, 256), newShape=[1, 256])
    return net.build(net.dense(x, 3))


def unknown() -> bytes:
    net = Net(8, 8, 4)
    return net.build(net.operator("HASHTABLE", [net.conv(net.input, 4)], (1, 8, 8, 4)))


@pytest.mark.parametrize(
    ("made", "layer", "reason"),
    [
        (six_dimensions, "TRANSPOSE 2", "refuses it: its kernel does not take these types or shapes"),
        (unknown, "HASHTABLE 1", "refuses it: there is no kernel for operator 'HASHTABLE'"),
    ],
)
def test_what_tflm_refuses_is_named_and_does_not_fit(
    tmp_path: Path, made: Callable[[], bytes], layer: str, reason: str
) -> None:
    (refusal,) = confirmed(made())
    assert refusal.layer.startswith(layer) and reason in refusal.reason
    (tmp_path / "m.tflite").write_bytes(made())
    (row,) = fit_file(tmp_path / "m.tflite", "arduino-nano-33-ble")
    assert not row.deployable and row.library.refusals[0].layer.startswith(layer)


def test_a_crash_is_a_finding_with_its_layer() -> None:
    net = Net(8, 8, 4)
    x = net.operator("MEAN", [net.conv(net.input, 4)], (1, 8, 8, 4))  # without axes
    model = net.build(net.dense(net.flat(x), 3))
    found = compare_apart(model, inputs_of(Graph(model)))
    assert [(one.layer, one.reason) for one in found.refused] == [
        ("MEAN 1 (mean_4)", "TensorFlow Lite Micro crashes (SIGSEGV) on it")
    ]


def test_inputs_are_the_same_for_the_same_model_and_over_its_range() -> None:
    graph = Graph(MODELS["residual"]())
    first, again = inputs_of(graph), inputs_of(graph)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert {int(one[0].min()) for one in first} >= {-128, 127}
    images = np.zeros((20, 3, 32, 32), np.float32)
    assert [one[0].shape for one in inputs_of_images(graph, images)] == [(1, 32, 32, 3)] * len(first)


def test_a_scale_of_zero_and_a_missing_name_are_taken_as_they_are() -> None:
    model = read_model(MODELS["keywords"]())
    for tensor in model.subgraphs[0].tensors:
        tensor.name = None
        if tensor.type == 2 and tensor.quantization is not None:
            tensor.quantization.scale = np.zeros_like(tensor.quantization.scale)
    faults = compared(write_model(model))
    assert [one.layer for one in (*faults.refused, *faults.disagreements)] in ([], ["CONV_2D 0 (tensor_3)"])
