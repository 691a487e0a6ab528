"""Bias correction and AdaRound: a quantized .tflite made to follow its float model, layer by layer in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from edgeforge.quantize.tflite.adaround import learned_rounding
from edgeforge.recipe.schema import AdaRound
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.layers import (
    BIAS,
    WEIGHTS,
    Layer,
    constant,
    read_layer,
    scales_of,
    set_constant,
)
from edgeforge.tflite.steps import Steps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PORTION = 32  # images that go through a layer at once
MOST_VALUES = 2**26  # of one tensor over all images: 256 MB in float32; large nets are corrected on fewer images


@dataclass
class Reconstructed:
    """The model, each layer's mean squared error with nearest and with learned rounding, each largest bias change."""

    model: bytes
    rounding: dict[str, tuple[float, float]] = field(default_factory=dict)
    bias_changes: dict[str, float] = field(default_factory=dict)  # in units of the layer's outputs


def reconstruct(
    float_model: bytes,
    quantized: bytes,
    images: NDArray[np.float32],
    *,
    adaround: AdaRound | None = None,
    bias_correction: bool = False,
    seed: int = 0,
    progress: Callable[[float, str], None] = lambda share, what: None,
) -> Reconstructed:
    """Change weights (AdaRound) and biases (bias correction) of a quantized model; its scales stay.

    float_model: as `prepared`; quantized: made of it, int8 weights, int8 or int16 activations. images: N,C,H,W float32.
    Each layer sees what the layers already changed give it, so that it mends their errors too. Bias correction adds
    E[y] - E[y'] of each output channel, before the activation, to the bias (Nagel et al. 2019, section 4.2 and
    appendix D: the empirical form).
    """
    images = images[: max(PORTION, MOST_VALUES // _largest_tensor(float_model))]
    reference, model = Steps(read_model(float_model), images), Steps(read_model(quantized), images)
    result = Reconstructed(b"")
    while model.operator is not None:
        layer = read_layer(model.model, model.operator)
        if layer is not None and constant(model.model, model.operator.inputs[WEIGHTS]).dtype == "int8":  # type: ignore[union-attr]
            progress(model.place / len(model.graph.operators), layer.name)
            original = _advance(reference, layer.name)
            if adaround is not None:
                layer = _round(reference, model, original, layer, adaround, seed, result)
            if bias_correction:
                _correct(reference, model, original, layer, result)
        model.step()
    result.model = write_model(model.model)
    return result


def _largest_tensor(model: bytes) -> int:
    """Return how many values the largest activation of one image has."""
    graph = read_model(model).subgraphs[0]
    return int(max(prod(graph.tensors[operator.outputs[0]].shape) for operator in graph.operators))


def _advance(reference: Steps, name: str) -> Layer:
    """Bring the float model to the operator of that name, and return its layer."""
    while reference.graph.tensors[reference.operator.outputs[0]].name.decode() != name:
        reference.step()
    layer = read_layer(reference.model, reference.operator)
    assert layer is not None
    return layer


def _round(
    reference: Steps, model: Steps, original: Layer, layer: Layer, settings: AdaRound, seed: int, result: Reconstructed
) -> Layer:
    import numpy as np
    import torch

    inputs = model.real(model.operator.inputs[0])[: settings.samples]
    real_inputs = reference.real(reference.operator.inputs[0])[: settings.samples]
    with torch.no_grad():
        targets = original.activated(torch.from_numpy(linear(original, real_inputs))).numpy()
    tensor = model.graph.tensors[model.operator.inputs[WEIGHTS]]
    weights, before, after = learned_rounding(
        layer,
        original.weights,
        scales_of(tensor, original.weights.ndim),
        inputs,
        np.ascontiguousarray(targets),
        iterations=settings.iterations,
        seed=seed,
    )
    result.rounding[layer.name] = before, after
    set_constant(model.model, model.operator, WEIGHTS, weights)
    changed = read_layer(model.model, model.operator)
    assert changed is not None
    return changed


def _correct(reference: Steps, model: Steps, original: Layer, layer: Layer, result: Reconstructed) -> None:
    import numpy as np

    operator = model.operator
    if len(operator.inputs) <= BIAS or operator.inputs[BIAS] < 0:
        return
    expected = linear(original, reference.real(reference.operator.inputs[0]))
    found = linear(layer, model.real(operator.inputs[0]))
    shift = (expected - found).reshape(-1, expected.shape[-1]).mean(0)
    bias, scales = (
        constant(model.model, operator.inputs[BIAS]),
        scales_of(model.graph.tensors[operator.inputs[BIAS]], 1),
    )
    assert bias is not None
    limits = np.iinfo(bias.dtype)
    corrected = np.clip(np.round(bias + shift.astype(np.float64) / scales), limits.min, limits.max)
    set_constant(model.model, operator, BIAS, corrected)
    result.bias_changes[layer.name] = float(abs(shift).max())


def linear(layer: Layer, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the layer's outputs (N,…) before its activation."""
    import numpy as np
    import torch

    weights = torch.from_numpy(layer.weights)
    with torch.no_grad():
        parts = [
            layer.linear(torch.from_numpy(inputs[start : start + PORTION]), weights).numpy()
            for start in range(0, len(inputs), PORTION)
        ]
    return np.concatenate(parts)
