import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_network import Network
from tiny_nets import build, conv, dense, depthwise, images, mobile_net

from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.float_layer import activated
from edgeforge.quantize.tflite.passes.reconstruct import outputs_of
from edgeforge.quantize.tflite.prepared import activations
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.layers import (
    BIAS,
    WEIGHTS,
    constant,
    dequantized,
    read_layer,
    same_padding,
    set_constant,
)
from edgeforge.tflite.steps import Steps

KINDS = {"CONV_2D": conv, "DEPTHWISE_CONV_2D": depthwise}


@settings(max_examples=30)
@given(
    kind=st.sampled_from([*KINDS, "FULLY_CONNECTED"]),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    size=st.integers(1, 4),
    same=st.booleans(),
    outputs=st.sampled_from([3, 6]),
    activation=st.sampled_from(["NONE", "RELU", "RELU6"]),
)
def test_a_layer_computes_what_litert_computes(
    kind: str, stride: int, dilation: int, size: int, same: bool, outputs: int, activation: str
) -> None:
    random = np.random.default_rng(0)
    if kind == "FULLY_CONNECTED":
        op = dense(random, 8 * 8 * 3, outputs, activation=activation)
    else:
        second = outputs if kind == "CONV_2D" else outputs // 3
        dilation = 1 if stride > 1 else dilation  # TFLite takes one of the two
        kept = {"stride": stride, "dilation": dilation, "same": same, "activation": activation}
        op = KINDS[kind](random, 3, second, size=size, **kept)
    model = build((8, 8, 3), [op])
    x = images(random, 2)
    layer = read_layer(read_model(model), read_model(model).subgraphs[0].operators[0])
    assert layer is not None and layer.kind == kind
    found = activated(layer, torch.from_numpy(outputs_of(layer, x.transpose(0, 2, 3, 1)))).numpy()
    expected = np.concatenate([values[layer.name] for values in activations(model, x)])
    np.testing.assert_allclose(found, expected, atol=2e-5)


@given(size=st.integers(1, 40), kernel=st.integers(1, 7), stride=st.integers(1, 4))
def test_same_padding_gives_every_stride_an_output(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride, 1)
    assert 0 <= after - before <= 1
    padded = size + before + after
    assert max(padded - kernel, 0) // stride + 1 == -(-size // stride)


def test_operator_by_operator_gives_what_the_whole_model_gives() -> None:
    random = np.random.default_rng(1)
    model, x = mobile_net(random), images(random, 3)
    quantized = quantize_static(model, calibrate(model, x))
    for candidate in (model, quantized):
        steps = Steps(read_model(candidate), x)
        held = 0
        while steps.operator is not None:
            steps.step()
            held = max(held, len(steps.values))
        assert held <= 4  # the sum's two inputs, its output; the model's input
        output = int(steps.graph.outputs[0])
        if candidate is model:
            expected = [v[steps.graph.tensors[output].name.decode()] for v in activations(candidate, x)]
            np.testing.assert_allclose(steps.values[output], np.stack(expected), atol=1e-5)
        else:
            assert steps.values[output].dtype == np.int8


def test_a_constant_that_two_operators_share_is_changed_for_one() -> None:
    random = np.random.default_rng(2)
    op = conv(random, 3, 3)
    model = read_model(build((8, 8, 3), [op, conv(random, 3, 3)]))
    first, second = model.subgraphs[0].operators
    second.inputs = [second.inputs[0], *first.inputs[1:]]
    before, count = dequantized(model, second.inputs[BIAS]), len(model.subgraphs[0].tensors)
    set_constant(model, first, BIAS, before + 1)
    model = read_model(write_model(model))
    first, second = model.subgraphs[0].operators
    np.testing.assert_array_equal(dequantized(model, second.inputs[BIAS]), before)
    np.testing.assert_array_equal(dequantized(model, first.inputs[BIAS]), before + 1)
    assert len(model.subgraphs[0].tensors) == count + 1
    set_constant(model, first, BIAS, before)  # now its own: written in place
    assert len(model.subgraphs[0].tensors) == count + 1


def test_quantized_weights_are_read_as_real_numbers() -> None:
    random = np.random.default_rng(3)
    model, x = build((8, 8, 3), [conv(random, 3, 4, 3), depthwise(random, 4)]), images(random, 4)
    for per_channel in (True, False):
        quantized = read_model(quantize_static(model, calibrate(model, x), per_channel=per_channel))
        for place, operator in enumerate(quantized.subgraphs[0].operators):
            real = read_layer(read_model(model), read_model(model).subgraphs[0].operators[place])
            layer = read_layer(quantized, operator)
            assert real and layer and constant(quantized, operator.inputs[WEIGHTS]).dtype == np.int8  # type: ignore[union-attr]
            step = abs(real.weights).max() / 127
            assert abs(layer.weights - real.weights).max() <= 0.51 * step
            np.testing.assert_allclose(layer.bias, real.bias, atol=1e-3)


def test_other_operators_are_no_layers() -> None:
    model = read_model(build((8, 8, 3), [Network.pool]))
    assert read_layer(model, model.subgraphs[0].operators[0]) is None


@pytest.mark.parametrize("place", [0, 1])
def test_an_activation_is_no_constant(place: int) -> None:
    model = read_model(build((8, 8, 3), [Network.pool]))
    assert constant(model, place) is None
