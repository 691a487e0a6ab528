"""Random int8 graphs over the engine's operators: shapes, strides, paddings, multipliers, grids, extremes included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from tflite_network import Network

LARGEST = 4096  # values of a tensor
EXTREMES = (-128, 127, 0)


class Random:
    """Draws from hypothesis, so that a failing graph is made smaller."""

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any]) -> None:
        self.draw = draw
        self.numbers = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def whole(self, low: int, high: int) -> int:
        return int(self.draw(st.integers(low, high)))

    def choice(self, options: Any) -> Any:
        return self.draw(st.sampled_from(list(options)))

    def chance(self) -> bool:
        return bool(self.draw(st.booleans()))

    def scale(self, low: float = -8.0, high: float = 0.0) -> float:
        return float(np.float32(2.0 ** self.numbers.uniform(low, high)))

    def zero(self) -> int:
        return int(self.choice((*EXTREMES, *range(-100, 100, 9))))

    def weights(self, *shape: int) -> np.ndarray:
        kind = self.whole(0, 3)
        if kind == 0:
            return self.numbers.choice([-127, 127, 0], shape)
        return self.numbers.integers(-127, 128, shape) if kind < 3 else self.numbers.normal(0, 20, shape).round()


class Graph(Network):
    """A network whose tensors have grids of their own."""

    def __init__(self, random: Random) -> None:
        self.random, self.grid = random, (random.scale(), random.zero())
        rank = random.choice((2, 3, 4, 4, 4, 4))
        edges = [random.whole(1, 9) for _ in range(rank - 2)]
        super().__init__(*edges, random.whole(1, 12), kind="INT8")

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        return self.tensor(name, tuple(int(size) for size in shape), "INT8", [self.grid[0]], self.grid[1])

    def scale_of(self, place: int) -> float:
        return float(self.graph.tensors[place].quantization.scale[0])

    def zero_of(self, place: int) -> int:
        return int(self.graph.tensors[place].quantization.zeroPoint[0])

    def size(self, place: int) -> int:
        return int(np.prod(self.shape(place)))

    def keep_grid(self, place: int) -> None:
        self.grid = (self.scale_of(place), self.zero_of(place))

    def new_grid(self, low: float = -8.0, high: float = 0.0) -> None:
        self.grid = (self.random.scale(low, high), self.random.zero())

    def constant(self, name: str, shape: tuple[int, ...], values: np.ndarray | None = None) -> int:
        filled = self.random.numbers.integers(-128, 128, shape) if values is None else values
        return self.tensor(name, shape, "INT8", [self.random.scale()], self.random.zero(), filled.astype(np.int8))


def weighted(net: Graph, x: int, values: np.ndarray, axis: int, taps: int) -> tuple[int, int]:
    """Add weights and bias of a layer and set its output's grid, so that most outputs are inside it."""
    random = net.random
    channels = values.shape[axis]
    per_channel = random.chance()
    scales = [random.scale(-10, -3) for _ in range(channels if per_channel else 1)]
    summed = net.scale_of(x) * float(np.mean(scales)) * 60 * 60 * np.sqrt(taps)
    net.grid = (float(np.float32(summed / 100 * 2.0 ** random.numbers.uniform(-1, 3))), random.zero())
    if random.whole(0, 9) == 0:
        net.new_grid(-14, 6)
    largest = int(random.choice((0, 1000, 100_000, 2_000_000)))
    bias = random.numbers.integers(-largest, largest + 1, channels)
    biases = [net.scale_of(x) * scale for scale in scales]
    return (
        net.tensor("weights", values.shape, "INT8", scales, 0, values.astype(np.int8), axis),
        net.tensor("bias", bias.shape, "INT32", biases, 0, bias.astype(np.int32)),
    )


def windows(net: Graph, x: int) -> tuple[dict[str, Any], tuple[int, int], tuple[int, int]]:
    """Return options of a window that moves over x, its size, and the output's height and width."""
    random = net.random
    height, width = net.shape(x)[1:3]
    size = random.whole(1, min(5, height + 2)), random.whole(1, min(5, width + 2))
    dilation = (random.whole(1, 3), random.whole(1, 3)) if random.whole(0, 3) == 0 else (1, 1)
    stride = random.whole(1, 3), random.whole(1, 3)
    reach = [(edge - 1) * step + 1 for edge, step in zip(size, dilation, strict=True)]
    same = random.chance() or reach[0] > height or reach[1] > width
    edges = [
        -(-(edge if same else edge - span + 1) // step)
        for edge, span, step in zip((height, width), reach, stride, strict=True)
    ]
    options = {"strideH": stride[0], "strideW": stride[1], "padding": int(not same)}
    return options | {"dilation": dilation}, size, (edges[0], edges[1])


def _activation(net: Graph) -> str:
    return str(net.random.choice(("NONE", "NONE", "RELU", "RELU6")))


def conv(net: Graph, x: int) -> int:
    options, size, edges = windows(net, x)
    dilation = options.pop("dilation")
    depth, outputs = net.shape(x)[3], net.random.whole(1, 12)
    groups = net.random.choice([n for n in range(1, depth + 1) if depth % n == 0])
    outputs = outputs * groups if groups > 1 and outputs * groups <= 24 else outputs
    groups = groups if outputs % groups == 0 else 1
    values = net.random.weights(outputs, *size, depth // groups)
    places = weighted(net, x, values, 0, values[0].size)
    places = places if net.random.whole(0, 5) else places[:1]
    return net.operator("CONV_2D", [x, *places], (net.shape(x)[0], *edges, outputs), _activation(net),
                        dilationHFactor=dilation[0], dilationWFactor=dilation[1], **options)  # fmt: skip


def depthwise(net: Graph, x: int) -> int:
    options, size, edges = windows(net, x)
    dilation = options.pop("dilation")
    depth, multiplier = net.shape(x)[3], net.random.choice((1, 1, 1, 2, 3))
    values = net.random.weights(1, *size, depth * multiplier)
    places = weighted(net, x, values, 3, size[0] * size[1])
    return net.operator("DEPTHWISE_CONV_2D", [x, *places], (net.shape(x)[0], *edges, depth * multiplier),
                        _activation(net), dilationHFactor=dilation[0], dilationWFactor=dilation[1],
                        depthMultiplier=multiplier, **options)  # fmt: skip


def dense(net: Graph, x: int) -> int:
    shape = net.shape(x)
    flat = net.random.chance() or len(shape) < 3
    depth = int(np.prod(shape[1:])) if flat else shape[-1]
    rows = shape[:1] if flat else shape[:-1]
    values = net.random.weights(net.random.whole(1, 16), depth)
    places = weighted(net, x, values, 0, depth)
    places = places if net.random.whole(0, 5) else places[:1]
    return net.operator("FULLY_CONNECTED", [x, *places], (*rows, len(values)), _activation(net),
                        keepNumDims=not flat)  # fmt: skip


def transpose_conv(net: Graph, x: int) -> int:
    random = net.random
    batch, height, width, depth = net.shape(x)
    size, stride = (random.whole(1, 4), random.whole(1, 4)), (random.whole(1, 3), random.whole(1, 3))
    same = random.chance()
    edges = [
        edge * step if same else (edge - 1) * step + reach
        for edge, step, reach in zip((height, width), stride, size, strict=True)
    ]
    outputs = random.whole(1, 6)
    values = random.weights(outputs, *size, depth)
    weights, bias = weighted(net, x, values, 0, depth * size[0] * size[1])
    shape = (batch, *edges, outputs)
    inputs = [net.whole("shape", list(shape)), weights, x, *([bias] if random.chance() else [])]
    return net.operator("TRANSPOSE_CONV", inputs, shape, padding=int(not same), strideH=stride[0], strideW=stride[1])


def pool(net: Graph, x: int) -> int:
    options, size, edges = windows(net, x)
    if options.pop("dilation") != (1, 1):
        size, edges = (1, 1), tuple(
            -(-edge // options[step]) for edge, step in zip(net.shape(x)[1:3], ("strideH", "strideW"), strict=True)
        )  # fmt: skip
    net.keep_grid(x)
    name = net.random.choice(("MAX_POOL_2D", "AVERAGE_POOL_2D"))
    return net.operator(name, [x], (net.shape(x)[0], *edges, net.shape(x)[3]), _activation(net),
                        filterHeight=size[0], filterWidth=size[1], **options)  # fmt: skip


def reduce(net: Graph, x: int) -> int:
    shape = net.shape(x)
    axes = sorted({net.random.whole(1, len(shape) - 1) for _ in range(net.random.whole(1, 3))})
    keep = net.random.chance()
    left = tuple(1 if axis in axes else size for axis, size in enumerate(shape) if keep or axis not in axes)
    name = net.random.choice(("MEAN", "SUM"))
    spread = net.scale_of(x) * (1 if name == "MEAN" else float(np.prod([shape[axis] for axis in axes])))
    net.grid = (float(np.float32(spread * 2.0 ** net.random.numbers.uniform(-2, 1))), net.random.zero())
    given = [axis - len(shape) if net.random.chance() else axis for axis in axes]
    return net.operator(name, [x, net.whole("axes", given)], left, keepDims=keep)


def binary(net: Graph, x: int) -> int:
    """ADD, SUB or MUL with an earlier tensor, or with a constant that is repeated along some dimensions."""
    random, shape = net.random, net.shape(x)
    name = random.choice(("ADD", "SUB", "MUL"))
    others = [place for place in net.made if net.shape(place) == shape]
    if others and random.chance():
        other = random.choice(others)
    else:
        kept = [size if random.chance() else 1 for size in shape]
        kept = kept[random.whole(0, len(shape) - 1) :]
        other = net.constant("constant", tuple(kept))
    pair = (x, other) if random.chance() else (other, x)
    one, two = net.scale_of(x), net.scale_of(other)
    spread = one * two * 100 if name == "MUL" else max(one, two)
    net.grid = (float(np.float32(spread * 2.0 ** random.numbers.uniform(0, 2))), random.zero())
    return net.operator(name, list(pair), shape, _activation(net))


def unary(net: Graph, x: int) -> int:
    name = net.random.choice(("RELU", "RELU6", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH", "QUANTIZE"))
    net.grid = (float(np.float32(net.scale_of(x) * 2.0 ** net.random.numbers.uniform(-1, 1))), net.random.zero())
    if name in ("RELU", "QUANTIZE") and net.random.chance():
        net.keep_grid(x)
    options: dict[str, Any] = {}
    if name == "RELU6":
        net.keep_grid(x)
        if 6 / net.scale_of(x) + net.zero_of(x) > 127.4:  # TFLM refuses a six that its type does not hold
            name = "RELU"
    if name == "LEAKY_RELU":
        options["alpha"] = float(np.float32(net.random.numbers.uniform(0.0, 1.5)))
    if name == "HARD_SWISH":
        net.grid = (float(np.float32(net.scale_of(x) * 2.0 ** net.random.numbers.uniform(-1, 1))), net.random.zero())
    net.grid = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}.get(name, net.grid)
    return net.operator(name, [x], net.shape(x), **options)


def prelu(net: Graph, x: int) -> int:
    shape = net.shape(x)
    alpha = net.constant("alpha", tuple(size if net.random.chance() else 1 for size in shape[1:]))
    net.grid = (float(np.float32(net.scale_of(x) * 2.0 ** net.random.numbers.uniform(-1, 1))), net.random.zero())
    return net.operator("PRELU", [x, alpha], shape)


def softmax(net: Graph, x: int) -> int:
    net.grid = (1 / 256, -128)
    return net.operator("SOFTMAX", [x], net.shape(x), beta=net.random.choice((1.0, 1.0, 0.5, 2.0)))


def pad(net: Graph, x: int) -> int:
    net.keep_grid(x)
    shape = net.shape(x)
    image = len(shape) == 4 and net.random.chance()
    amounts = [
        (net.random.whole(0, 2), net.random.whole(0, 2)) if 0 < axis < (3 if image else len(shape)) else (0, 0)
        for axis in range(len(shape))
    ]
    grown = tuple(size + sum(amount) for size, amount in zip(shape, amounts, strict=True))
    inputs = [x, net.whole("pad", amounts)]
    if net.random.chance():
        return net.operator("PAD", inputs, grown)
    value = net.tensor("value", (1,), "INT8", [net.grid[0]], net.grid[1],
                       np.array([net.random.choice((*EXTREMES, net.grid[1]))], np.int8))  # fmt: skip
    return net.operator("PADV2", [*inputs, value], grown)


def reshape(net: Graph, x: int) -> int:
    net.keep_grid(x)
    shape = net.shape(x)
    if len(shape) == 4 and shape[2] == 1 and net.random.chance():
        return net.operator("SQUEEZE", [x], (*shape[:2], shape[3]), squeezeDims=[2])
    if len(shape) > 2 and net.random.chance():
        shape = (shape[0], shape[1] * shape[2], *shape[3:])
    else:
        shape = (*shape[:1], 1, *shape[1:])[:4] if len(shape) < 4 else (shape[0], int(np.prod(shape[1:])))
    return net.operator("RESHAPE", [x, net.whole("shape", list(shape))], shape, newShape=list(shape))


def concat(net: Graph, x: int) -> int:
    if len(net.shape(x)) < 2:  # the batch alone
        return x
    net.keep_grid(x)
    shape, axis = net.shape(x), net.random.whole(1, len(net.shape(x)) - 1)
    parts = [x]
    for _ in range(net.random.whole(1, 2)):
        size = net.random.whole(1, 4)
        other = (*shape[:axis], size, *shape[axis + 1 :])
        values = net.random.numbers.integers(-128, 128, other).astype(np.int8)
        parts.append(net.tensor("part", other, "INT8", [net.grid[0]], net.grid[1], values))
    same = [p for p in net.made if net.shape(p) == shape and (net.scale_of(p), net.zero_of(p)) == net.grid]
    parts += [net.random.choice(same)] if same and net.random.chance() else []
    joined = sum(net.shape(part)[axis] for part in parts)
    named = axis if net.random.chance() else axis - len(shape)
    return net.operator("CONCATENATION", parts, (*shape[:axis], joined, *shape[axis + 1 :]), axis=named)


def split(net: Graph, x: int) -> int:
    shape = net.shape(x)
    choices = [(axis, n) for axis in range(1, len(shape)) for n in (2, 3) if shape[axis] % n == 0]
    if not choices:
        return x
    net.keep_grid(x)
    axis, count = net.random.choice(choices)
    part = (*shape[:axis], shape[axis] // count, *shape[axis + 1 :])
    first = net.operator("SPLIT", [net.whole("axis", axis), x], part, numSplits=count)
    rest = [net.activation("split", part) for _ in range(count - 1)]
    net.graph.operators[-1].outputs = [first, *rest]
    net.made += rest
    return int(net.random.choice([first, *rest]))


def strided_slice(net: Graph, x: int) -> int:
    net.keep_grid(x)
    begins, ends, steps, shape = [0], [net.shape(x)[0]], [1], [net.shape(x)[0]]
    for size in net.shape(x)[1:]:
        step = net.random.choice((1, 1, 2, 3, -1, -2))
        low, high = sorted((net.random.whole(0, size - 1), net.random.whole(0, size - 1)))
        begin, end = (low, high + 1) if step > 0 else (high, low - 1)
        count = -(-(end - begin) // step)
        if end == -1:
            end = -size - 1
        begins.append(begin - size if net.random.chance() else begin)
        ends.append(end)
        steps.append(step)
        shape.append(count)
    places = [net.whole(name, values) for name, values in (("begin", begins), ("end", ends), ("steps", steps))]
    return net.operator("STRIDED_SLICE", [x, *places], tuple(shape), beginMask=0, endMask=0, ellipsisMask=0,
                        newAxisMask=0, shrinkAxisMask=0)  # fmt: skip


def transpose(net: Graph, x: int) -> int:
    net.keep_grid(x)
    order = [0, *net.random.draw(st.permutations(range(1, len(net.shape(x)))))]
    return net.operator("TRANSPOSE", [x, net.whole("order", order)], tuple(net.shape(x)[axis] for axis in order))


def resize(net: Graph, x: int) -> int:
    net.keep_grid(x)
    batch, _, _, depth = net.shape(x)
    edges = net.random.whole(1, 12), net.random.whole(1, 12)
    corners, centers = net.random.choice(((False, False), (True, False), (False, True)))
    name = net.random.choice(("RESIZE_NEAREST_NEIGHBOR", "RESIZE_BILINEAR"))
    return net.operator(name, [x, net.whole("size", list(edges))], (batch, *edges, depth), alignCorners=corners,
                        halfPixelCenters=centers)  # fmt: skip


IMAGES = (conv, conv, depthwise, transpose_conv, pool, resize)  # of four dimensions
ANY = (dense, reduce, binary, unary, prelu, softmax, pad, reshape, concat, split, strided_slice, transpose)


@st.composite
def graphs(draw: Callable[[st.SearchStrategy[Any]], Any], only: tuple[Any, ...] = (), most: int = 5) -> bytes:
    """Return models of up to `most` operators; only: of these."""
    random = Random(draw)
    net = Graph(random)
    x = net.input
    net.made = [x]
    for _ in range(random.whole(1, most)):
        known = [one for one in (only or (*IMAGES, *ANY)) if one not in IMAGES or len(net.shape(x)) == 4]
        known = [one for one in known if one is not reduce or len(net.shape(x)) > 1]
        if not known or net.size(x) > LARGEST:
            break
        x = random.choice(known)(net, x)
        net.made.append(x)
    if x == net.input:
        net.keep_grid(x)
        x = net.operator("RELU", [x], net.shape(x))
    outputs = [x]
    spare = [place for place in net.made[1:-1] if place not in (x, net.input)]
    if spare and random.whole(0, 4) == 0:
        outputs.append(random.choice(spare))
    net.graph.inputs, net.graph.outputs = [net.input], outputs
    net.model.subgraphs = [net.graph]
    from edgeforge.tflite.flatbuffer import write_model

    return write_model(net.model)
