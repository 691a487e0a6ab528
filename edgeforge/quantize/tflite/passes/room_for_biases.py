"""Filters so small that their bias would not fit 32 bits: pruned ones, and those that training let die."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Rewritten
from edgeforge.tflite.flatbuffer import operators, read_model, write_model
from edgeforge.tflite.layers import BIAS, WEIGHTS, Layer, read_layer, set_constant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST_BIAS = 2**30  # half of what 32 bits hold, for the sums that are added to it


@dataclass(frozen=True)
class RoomForBiases(Pass[bytes]):
    """Raise one weight of each such filter, the least by which its bias can be an integer.

    A bias counts in steps of input scale times weight scale (TFLite's quantization specification), and the largest
    weight of a filter decides its scale. The raised weight adds at most 3e-5 of the bias where inputs are int8, and
    0.4 % of it where they are int16. Requires a float32 model as `prepared` returns it. Ensures the same operators,
    and that every bias fits; a model whose biases fit keeps its very bytes.

    input_steps: layers whose weights are quantized per channel → their input's scale.
    """

    input_steps: Mapping[str, float]

    def rewrite(self, model: bytes) -> Rewritten[bytes]:
        """Return the model with room; `changed` are the layers with raised weights."""
        import numpy as np

        unpacked, changed = read_model(model), []
        for operator, layer in self._layers(unpacked):
            filters, least = self._filters(layer)
            small = abs(filters).max(1) < least
            if not small.any():
                continue
            filters[small, 0] = least[small]
            shape = np.moveaxis(layer.weights, layer.output_axis, 0).shape
            set_constant(unpacked, operator, WEIGHTS, np.moveaxis(filters.reshape(shape), 0, layer.output_axis))
            changed.append(layer.name)
        return Rewritten(write_model(unpacked) if changed else model, tuple(changed))

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield other operators, and layers with a bias that does not fit."""
        if operators(before) != operators(after.model):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
        for _, layer in self._layers(read_model(after.model)):
            filters, least = self._filters(layer)
            if (abs(filters).max(1) < least * (1 - 1e-6)).any():
                yield f"a bias of '{layer.name}' does not fit"

    def _layers(self, model: Any) -> Iterator[tuple[Any, Layer]]:
        """Yield the layers that are quantized per channel and have a bias."""
        for operator in model.subgraphs[0].operators:
            layer = read_layer(model, operator)
            if layer is not None and layer.name in self.input_steps and len(operator.inputs) > BIAS:
                yield operator, layer

    def _filters(self, layer: Layer) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return a layer's filters (out,weights), and the least that the largest weight of each must be."""
        import numpy as np

        filters = np.moveaxis(layer.weights, layer.output_axis, 0).reshape(len(layer.bias), -1).copy()
        return filters, 127 * abs(layer.bias) / (self.input_steps[layer.name] * LARGEST_BIAS)
