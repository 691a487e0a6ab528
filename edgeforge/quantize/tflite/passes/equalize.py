"""Cross-layer equalization of a float .tflite (Nagel et al. 2019, arXiv:1906.04721, section 4.1).

A positively homogeneous activation lets a channel be divided by s > 0 in one layer and multiplied by it in the next:
f(s·x) = s·f(x). s_i = sqrt(r1_i / r2_i) gives both layers the same weight range in channel i, r being the largest
absolute weight, so that no channel is lost to another's scale. The function computed stays the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.quantize.tflite.prepared import activations
from edgeforge.tflite.flatbuffer import operator_name, operators, read_model, type_name, write_model
from edgeforge.tflite.layers import (
    BIAS,
    KINDS,
    WEIGHTS,
    Layer,
    activation_of,
    constant,
    read_layer,
    set_constant,
)
from edgeforge.tflite.passing_operators import BY_CHANNEL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HOMOGENEOUS = ("NONE", "RELU")
CONVERGED = 1e-3  # a round whose factors all lie this near to 1 is the last
ROUNDS = 100
ROUNDING = 1e-3  # of the outputs' range: factors of 10,000 leave about a tenth of it
RELU6_LIMIT = 6.0


@dataclass
class Pair:
    """Two layers and the tensors between them: channel i of the first one's output is read by the second alone.

    A layer in two pairs is one object in both; `scale` changes its numbers, and `write` puts them into the model.
    """

    operators: tuple[Any, Any]
    first: Layer
    second: Layer
    free: NDArray[np.bool_]  # channels that may be scaled
    least: NDArray[np.float32]  # smallest factor that keeps a channel from being clipped; 0 without ReLU6
    factors: NDArray[np.float32]  # what the channels between have been divided by so far

    @property
    def channels(self) -> int:
        """How many channels the tensors between have."""
        return len(self.factors)

    def ranges(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return each channel's largest absolute weight in the first layer, and in the second."""
        import numpy as np

        outputs = np.moveaxis(self.first.weights, self.first.output_axis, 0).reshape(self.channels, -1)
        return abs(outputs).max(1), abs(by_input_channel(self.second, self.channels)).max((0, 2))

    def scale(self, s: NDArray[np.float32]) -> None:
        """Divide the channels between the layers by s (one factor a channel), which the second one undoes."""
        self.factors *= s
        by_output = [1] * self.first.weights.ndim
        by_output[self.first.output_axis] = self.channels
        self.first.weights[...] /= s.reshape(by_output)
        self.first.bias[...] /= s
        by_input_channel(self.second, self.channels)[...] *= s[None, :, None]

    def write(self, model: Any) -> None:
        """Put both layers' numbers into the model."""
        for operator, layer in zip(self.operators, (self.first, self.second), strict=True):
            set_constant(model, operator, WEIGHTS, layer.weights)
            if len(operator.inputs) > BIAS and operator.inputs[BIAS] >= 0:
                set_constant(model, operator, BIAS, layer.bias)


@dataclass(frozen=True)
class Equalized(Rewritten[bytes]):
    """The model equalized; `changed` are the first layers of its pairs."""

    largest: float = 1.0  # factor, or 1 / factor
    held_channels: int = 0  # of ReLU6 layers, which reach 6


@dataclass(frozen=True)
class Equalize(Pass[bytes]):
    """Equalize all pairs of layers that may be, in rounds until nothing changes any more.

    Requires a float32 model as `prepared` returns it. Ensures the same operators, and the same outputs of the first
    image but for rounding; every layer that is in no pair is refused with its reason.

    images: N,C,H,W float32, for layers with ReLU6 alone: a channel that reaches 6 on any of them keeps its scale, and
    no other is raised above 6, so that the function is kept on these images. A depthwise layer belongs to two pairs,
    and the rounds end at the geometric mean of all three ranges.
    """

    images: NDArray[np.float32]

    def requires(self, model: bytes) -> Iterator[str]:
        """Yield the layers whose weights are no float32."""
        unpacked = read_model(model)
        for operator in unpacked.subgraphs[0].operators:
            if operator_name(unpacked, operator) in KINDS:
                weights = unpacked.subgraphs[0].tensors[operator.inputs[WEIGHTS]]
                if type_name(weights.type) != "FLOAT32":
                    yield f"the weights '{weights.name.decode()}' are {type_name(weights.type)}, not float32"

    def rewrite(self, model: bytes) -> Equalized:
        """Return the model equalized."""
        import numpy as np

        unpacked = read_model(model)
        found = pairs_of(unpacked, model, self.images)
        for _ in range(ROUNDS):
            if max((_balance(pair) for pair in found.pairs), default=0.0) < CONVERGED:
                break
        for pair in found.pairs:
            pair.write(unpacked)
        largest = max((np.exp(abs(np.log(pair.factors))).max() for pair in found.pairs), default=1.0)
        changed = tuple(pair.first.name for pair in found.pairs)
        return Equalized(write_model(unpacked), changed, found.refused, float(largest), found.held_channels)

    def ensures(self, before: bytes, after: Rewritten[bytes]) -> Iterator[str]:
        """Yield other operators, and outputs of the first image that are off by more than rounding."""
        if operators(before) != operators(after.model):
            yield f"the operators were {operators(before)}, are {operators(after.model)}"
        expected, found = (_outputs(model, self.images[:1]) for model in (before, after.model))
        spread = float(expected.max() - expected.min())
        if not abs(found - expected).max() <= ROUNDING * spread:
            yield f"outputs differ by {abs(found - expected).max():.2g}, of a range of {spread:.2g}"


def _balance(pair: Pair) -> float:
    """Equalize one pair; return how far its factors lie from 1 (largest absolute logarithm)."""
    import numpy as np

    r1, r2 = pair.ranges()
    scalable = pair.free & (r1 > 0) & (r2 > 0)  # a channel that gives nothing, or is not read, has no scale
    s = np.sqrt(np.divide(r1, r2, where=scalable, out=np.ones_like(r1)))
    s = np.where(scalable, np.maximum(s, pair.least / pair.factors), 1.0).astype(np.float32)
    pair.scale(s)
    return float(abs(np.log(s)).max())


def by_input_channel(layer: Layer, channels: int) -> NDArray[np.float32]:
    """Return a view of a layer's weights whose middle axis counts the channels that the layer reads."""
    if layer.kind == "DEPTHWISE_CONV_2D":  # 1,h,w,channels·multiplier
        return layer.weights.reshape(-1, channels, layer.weights.shape[3] // channels)
    # out,h,w,in or out,in; a dense layer may read H·W pixels of each channel
    return layer.weights.reshape(-1, channels, 1)


@dataclass(frozen=True)
class Pairs:
    """The pairs in the order of the graph, the layers in none, and the channels that ReLU6 keeps from scaling."""

    pairs: list[Pair]
    refused: tuple[Refusal, ...]
    held_channels: int


def pairs_of(model: Any, float_model: bytes, images: NDArray[np.float32]) -> Pairs:
    """Return the pairs of layers that may be equalized. images: see Equalize."""
    import numpy as np

    read = ((operator, read_layer(model, operator)) for operator in model.subgraphs[0].operators)
    layers = {id(operator): (operator, layer) for operator, layer in read if layer}
    candidates: list[tuple[Layer, Any, Any]] = []
    refused = []
    for operator, layer in layers.values():
        follower, reason = _follower(model, operator, layer)
        if follower is None:
            refused.append(Refusal(layer.name, reason))
        else:
            candidates.append((layer, operator, follower))
    clipped = [layer.name for layer, _, _ in candidates if layer.activation == "RELU6"]
    largest = _largest(float_model, images, clipped) if clipped else {}
    pairs, held = [], 0
    for layer, operator, follower in candidates:
        channels = layer.weights.shape[layer.output_axis]
        free: NDArray[np.bool_] = np.ones(channels, np.bool_)
        least: NDArray[np.float32] = np.zeros(channels, np.float32)
        if layer.activation == "RELU6":
            free = largest[layer.name] < RELU6_LIMIT
            least = (largest[layer.name] / RELU6_LIMIT).astype(np.float32)
            held += int((~free).sum())
        second = layers[id(follower)][1]
        pairs.append(Pair((operator, follower), layer, second, free, least, np.ones(channels, np.float32)))
    return Pairs(pairs, tuple(refused), held)


def _follower(model: Any, operator: Any, layer: Layer) -> tuple[Any, str]:
    """Return the layer that alone reads this one's output, or None and the reason why there is none."""
    graph = model.subgraphs[0]
    if layer.activation not in (*HOMOGENEOUS, "RELU6"):
        return None, f"its activation {layer.activation} is not positively homogeneous"
    channels = layer.weights.shape[layer.output_axis]
    place = operator.outputs[0]
    while True:
        readers = [other for other in graph.operators if place in other.inputs]
        if place in graph.outputs or not readers:
            return None, "its output is the model's"
        if len(readers) > 1:
            return None, f"its output has {len(readers)} readers"
        reader, kind = readers[0], operator_name(model, readers[0])
        if reader.inputs[0] == place and read_layer(model, reader) is not None:
            weights = constant(model, reader.inputs[WEIGHTS])
            assert weights is not None
            if kind == "CONV_2D" and weights.shape[3] != channels:
                return None, "a grouped convolution reads it"
            return reader, ""
        if (
            kind not in BY_CHANNEL
            or activation_of(reader) not in HOMOGENEOUS
            or not _keeps_channels(model, reader, kind, channels)
        ):
            return None, f"{kind} reads it"
        place = reader.outputs[0]


def _keeps_channels(model: Any, operator: Any, kind: str, channels: int) -> bool:
    """Say whether each channel of the operator's output is a positively homogeneous function of its input's."""
    graph = model.subgraphs[0]
    before, after = (list(graph.tensors[place].shape) for place in (operator.inputs[0], operator.outputs[0]))
    if kind == "PAD":
        pads = constant(model, operator.inputs[1])
        return pads is not None and not pads[-1].any()
    if kind == "MEAN":
        axes = constant(model, operator.inputs[1])
        return axes is not None and len(before) == 4 and {int(axis) % 4 for axis in axes.reshape(-1)} <= {1, 2}
    if kind in ("RESHAPE", "SQUEEZE"):  # channels stay last: the same, or one row of pixels after pixels
        return after[-1] == channels or (len(after) == 2 and after[-1] % channels == 0 and before[-1] == channels)
    return True


def _largest(float_model: bytes, images: NDArray[np.float32], names: list[str]) -> dict[str, NDArray[np.float32]]:
    """Return the largest value of each channel of these layers' outputs on the images."""
    import numpy as np

    largest: dict[str, NDArray[np.float32]] = {}
    for values in activations(float_model, images):
        for name in names:
            found = values[name].reshape(-1, values[name].shape[-1]).max(0)
            largest[name] = np.maximum(largest[name], found) if name in largest else found
    return largest


def _outputs(model: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the model's outputs of some images."""
    import numpy as np

    graph = read_model(model).subgraphs[0]
    output = graph.tensors[graph.outputs[0]].name.decode()
    return np.stack([values[output] for values in activations(model, images)])
