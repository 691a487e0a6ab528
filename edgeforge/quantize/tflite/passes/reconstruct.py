"""Bias correction and AdaRound: a quantized .tflite made to follow its float model, layer by layer in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.quantize.tflite.passes.adaround import learned_rounding
from edgeforge.quantize.tflite.passes.float_layer import activated, linear
from edgeforge.recipe.sections.quantize import AdaRound
from edgeforge.tflite.flatbuffer import operators, read_model, write_model
from edgeforge.tflite.layers import BIAS, WEIGHTS, Layer, constant, read_layer, scales_of, set_constant
from edgeforge.tflite.steps import Steps

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PORTION = 32  # images that go through a layer at once
MOST_VALUES = 2**26  # of one tensor over all images: 256 MB in float32; large nets are corrected on fewer images


@dataclass(frozen=True)
class Reconstructed(Rewritten[bytes]):
    """The model, each layer's mean squared error with nearest and with learned rounding, each largest bias change."""

    rounding: dict[str, tuple[float, float]] = field(default_factory=dict)
    bias_changes: dict[str, float] = field(default_factory=dict)  # in units of the layer's outputs


@dataclass(frozen=True)
class Reconstruct(Pass[bytes]):
    """Change weights (AdaRound) and biases (bias correction) of a quantized model; its scales stay.

    Each layer sees what the layers already changed give it, so that it mends their errors too. Bias correction adds
    E[y] - E[y'] of each output channel, before the activation, to the bias (Nagel et al. 2019, section 4.2 and
    appendix D: the empirical form). Requires a model quantized from `float_model`, with int8 weights: a layer has its
    name there. Ensures the same operators, scales and zero points.

    float_model: as `prepared` returns it. images: N,C,H,W float32.
    """

    float_model: bytes
    images: NDArray[np.float32]
    adaround: AdaRound | None = None
    bias_correction: bool = False
    seed: int = 0
    progress: Callable[[float, str], None] = lambda share, what: None

    def requires(self, model: bytes) -> Iterator[str]:
        """Yield the layers that the float model does not have."""
        graph = read_model(self.float_model).subgraphs[0]
        known = {graph.tensors[operator.outputs[0]].name.decode() for operator in graph.operators}
        quantized = read_model(model)
        for operator in quantized.subgraphs[0].operators:
            layer = _quantized_layer(quantized, operator)
            if layer is not None and layer.name not in known:
                yield f"the float model has no layer '{layer.name}'"

    def rewrite(self, model: bytes) -> Reconstructed:
        """Return the model that follows its float model more closely."""
        images = self.images[: max(PORTION, MOST_VALUES // _largest_tensor(self.float_model))]
        reference, steps = Steps(read_model(self.float_model), images), Steps(read_model(model), images)
        rounding: dict[str, tuple[float, float]] = {}
        bias_changes: dict[str, float] = {}
        while steps.operator is not None:
            layer = _quantized_layer(steps.model, steps.operator)
            if layer is not None:
                self.progress(steps.place / len(steps.graph.operators), layer.name)
                original = _advance(reference, layer.name)
                if self.adaround is not None:
                    layer, rounding[layer.name] = _round(reference, steps, original, layer, self.adaround, self.seed)
                if self.bias_correction:
                    bias_changes |= _correct(reference, steps, original, layer)
            steps.step()
        changed = tuple(dict.fromkeys([*rounding, *bias_changes]))
        return Reconstructed(write_model(steps.model), changed, (), rounding, bias_changes)

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield other operators, and activations whose scale or zero point is another."""
        if operators(before) != operators(after.model):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
        old, new = (_quantizations(model) for model in (before, after.model))
        yield from (f"the scale of '{name}' is another" for name in old if old[name] != new.get(name))


def _quantizations(model: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Return each activation's scale and zero point."""
    import numpy as np

    graph = read_model(model).subgraphs[0]
    places = {int(place) for operator in graph.operators for place in operator.outputs}
    found = {graph.tensors[place].name.decode(): graph.tensors[place].quantization for place in places}
    return {
        name: (np.asarray(one.scale).tobytes(), np.asarray(one.zeroPoint).tobytes())
        for name, one in found.items()
        if one is not None and one.scale is not None
    }


def _quantized_layer(model: Any, operator: Any) -> Layer | None:
    """Return an operator as a layer with int8 weights; None for all others."""
    layer = read_layer(model, operator)
    weights = constant(model, operator.inputs[WEIGHTS]) if layer else None
    return layer if weights is not None and weights.dtype == "int8" else None


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
    reference: Steps, steps: Steps, original: Layer, layer: Layer, settings: AdaRound, seed: int
) -> tuple[Layer, tuple[float, float]]:
    """Round a layer's weights; return the layer as it is then, and its error before and after."""
    import numpy as np
    import torch

    inputs = steps.real(steps.operator.inputs[0])[: settings.samples]
    real_inputs = reference.real(reference.operator.inputs[0])[: settings.samples]
    with torch.no_grad():
        targets = activated(original, torch.from_numpy(outputs_of(original, real_inputs))).numpy()
    tensor = steps.graph.tensors[steps.operator.inputs[WEIGHTS]]
    weights, before, after = learned_rounding(
        layer,
        original.weights,
        scales_of(tensor, original.weights.ndim),
        inputs,
        np.ascontiguousarray(targets),
        iterations=settings.iterations,
        seed=seed,
    )
    set_constant(steps.model, steps.operator, WEIGHTS, weights)
    changed = read_layer(steps.model, steps.operator)
    assert changed is not None
    return changed, (before, after)


def _correct(reference: Steps, steps: Steps, original: Layer, layer: Layer) -> dict[str, float]:
    """Correct a layer's bias; return by how much at most, by its name. None for a layer without a bias."""
    import numpy as np

    operator = steps.operator
    if len(operator.inputs) <= BIAS or operator.inputs[BIAS] < 0:
        return {}
    expected = outputs_of(original, reference.real(reference.operator.inputs[0]))
    found = outputs_of(layer, steps.real(operator.inputs[0]))
    shift = (expected - found).reshape(-1, expected.shape[-1]).mean(0)
    bias = constant(steps.model, operator.inputs[BIAS])
    scales = scales_of(steps.graph.tensors[operator.inputs[BIAS]], 1)
    assert bias is not None
    limits = np.iinfo(bias.dtype)
    corrected = np.clip(np.round(bias + shift.astype(np.float64) / scales), limits.min, limits.max)
    set_constant(steps.model, operator, BIAS, corrected)
    return {layer.name: float(abs(shift).max())}


def outputs_of(layer: Layer, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the layer's outputs (N,…) before its activation."""
    import numpy as np
    import torch

    weights = torch.from_numpy(layer.weights)
    with torch.no_grad():
        parts = [
            linear(layer, torch.from_numpy(inputs[start : start + PORTION]), weights).numpy()
            for start in range(0, len(inputs), PORTION)
        ]
    return np.concatenate(parts)
