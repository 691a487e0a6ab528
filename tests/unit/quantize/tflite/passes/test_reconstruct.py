from typing import Any

import numpy as np
import pytest
import torch
from tiny_nets import build, conv, dense, depthwise, images, mobile_net

from edgeforge.errors import StageFailed
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.adaround import learned_rounding, rectified_sigmoid
from edgeforge.quantize.tflite.passes.float_layer import linear
from edgeforge.quantize.tflite.passes.reconstruct import Reconstruct, Reconstructed, outputs_of
from edgeforge.quantize.tflite.static import Precision, quantize_static
from edgeforge.recipe.sections.quantize import AdaRound
from edgeforge.tflite.flatbuffer import operators, read_model
from edgeforge.tflite.layers import BIAS, WEIGHTS, Layer, constant, read_layer
from edgeforge.tflite.steps import Steps


def reconstruct(model: bytes, quantized: bytes, x: np.ndarray, **settings: Any) -> Reconstructed:
    done = Reconstruct(model, x, **settings)(quantized)
    assert isinstance(done, Reconstructed) and operators(done.model) == operators(quantized)
    return done


def layers_of(model: bytes) -> list[Layer]:
    read = read_model(model)
    return [layer for op in read.subgraphs[0].operators if (layer := read_layer(read, op))]


@pytest.mark.parametrize(
    ("kind", "coarse", "left"),  # coarse: steps as many times as wide as int8's; left: of nearest rounding's error
    [("conv", 1, 0.9), ("conv", 16, 0.9), ("depthwise", 16, 0.95), ("dense", 16, 0.8)],
)
def test_learned_rounding_beats_the_nearest(kind: str, coarse: int, left: float) -> None:
    random = np.random.default_rng(0)
    make = {"conv": lambda: conv(random, 8, 12, 3), "depthwise": lambda: depthwise(random, 8, 4),
            "dense": lambda: dense(random, 512, 10)}  # fmt: skip
    layer = layers_of(build((8, 8, 8), [make[kind]()]))[0]
    # Inputs as layers give them: correlated and not centred, where rounding errors add up.
    x = np.maximum(images(random, 48, 8) + 0.5 + images(random, 48, 1), 0).transpose(0, 2, 3, 1).copy()
    axes = tuple(axis for axis in range(layer.weights.ndim) if axis != layer.output_axis)
    scales = (abs(layer.weights).max(axes, keepdims=True) * coarse / 127).astype(np.float32)
    targets = outputs_of(layer, x)
    weights, before, after = learned_rounding(layer, layer.weights, scales, x, targets, iterations=200, seed=0)
    assert weights.dtype == np.int8 and abs(weights - layer.weights / scales).max() < 1
    assert after < left * before
    # The figure stated is the layer's own.
    found = linear(layer, torch.from_numpy(x), torch.from_numpy(weights * scales)).numpy()
    assert ((found - targets) ** 2).mean() == pytest.approx(after, rel=1e-3)


def test_rectified_sigmoid_reaches_zero_and_one() -> None:
    found = rectified_sigmoid(torch.tensor([-9.0, -2.5, 0.0, 2.5, 9.0]))
    np.testing.assert_allclose(found, [0, 0, 0.5, 1, 1], atol=1e-6)


@pytest.mark.parametrize("precision", ["int8", "int16"])
def test_bias_correction_removes_the_mean_error_of_every_channel(precision: Precision) -> None:
    random = np.random.default_rng(1)
    model, x = mobile_net(random), images(random, 24)
    quantized = quantize_static(model, calibrate(model, x), precision=precision, per_channel=False)
    corrected = reconstruct(model, quantized, x, bias_correction=True)
    assert len(corrected.bias_changes) == 8
    assert largest_mean_error(model, corrected.model, x) < 0.1 * largest_mean_error(model, quantized, x)
    for before, after in zip(layers_of(quantized), layers_of(corrected.model), strict=True):
        np.testing.assert_array_equal(before.weights, after.weights)


def largest_mean_error(model: bytes, quantized: bytes, x: np.ndarray) -> float:
    """The mean error of a channel before the activation, in units of its spread, of the worst layer."""
    reference, steps, worst = Steps(read_model(model), x), Steps(read_model(quantized), x), 0.0
    while steps.operator is not None:
        layer, original = (read_layer(s.model, s.operator) for s in (steps, reference))
        if layer and original:
            expected = outputs_of(original, reference.real(reference.operator.inputs[0]))
            off = outputs_of(layer, steps.real(steps.operator.inputs[0])) - expected
            worst = max(worst, float(abs(off.reshape(-1, off.shape[-1]).mean(0)).max() / expected.std()))
        steps.step()
        reference.step()
    return worst


def test_only_weights_and_biases_change() -> None:
    random = np.random.default_rng(2)
    model, x = mobile_net(random), images(random, 8)
    quantized = quantize_static(model, calibrate(model, x))
    settings = AdaRound(iterations=20, samples=8)
    result = reconstruct(model, quantized, x, adaround=settings, bias_correction=True, seed=3)
    assert result.model == reconstruct(model, quantized, x, adaround=settings, bias_correction=True, seed=3).model
    assert len(result.rounding) == 8 and all(after <= before for before, after in result.rounding.values())
    before, after = read_model(quantized), read_model(result.model)
    changed = set()
    for one, other in zip(before.subgraphs[0].operators, after.subgraphs[0].operators, strict=True):
        for slot, (a, b) in enumerate(zip(one.inputs, other.inputs, strict=True)):
            old, new = (m.subgraphs[0].tensors[t] for m, t in ((before, a), (after, b)))
            if old.quantization is not None:
                np.testing.assert_array_equal(old.quantization.scale, new.quantization.scale)
            numbers = constant(before, a), constant(after, b)
            if numbers[0] is not None and numbers[1] is not None and (numbers[0] != numbers[1]).any():
                changed.add(slot)
                assert numbers[0].dtype == numbers[1].dtype
                assert slot == BIAS or abs(numbers[0].astype(int) - numbers[1]).max() == 1
    assert changed == {WEIGHTS, BIAS}


def test_nothing_asked_for_changes_nothing() -> None:
    random = np.random.default_rng(4)
    model, x = build((8, 8, 3), [conv(random, 3, 4, 3)]), images(random, 2)
    quantized = quantize_static(model, calibrate(model, x))
    numbers = [constant(read_model(m), 1) for m in (quantized, reconstruct(model, quantized, x).model)]
    np.testing.assert_array_equal(*numbers)


def test_a_model_of_another_network_is_not_taken() -> None:
    random = np.random.default_rng(5)
    model, other, x = build((8, 8, 3), [conv(random, 3, 4, 3)]), mobile_net(random), images(random, 2)
    with pytest.raises(StageFailed, match="Reconstruct requires more than the model has: the float model has no layer"):
        Reconstruct(model, x, bias_correction=True)(quantize_static(other, calibrate(other, x)))
