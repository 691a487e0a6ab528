"""Single layers of random sizes, weights and requantization, and what they compute: an oracle in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeforge.passes import rewrite
from edgeforge.targets.engine.emulate.run import Run, build
from edgeforge.targets.engine.ir import Bounds, Channels, Operator, Padding, Tensor, Window
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.chain import chained
from edgeforge.targets.engine.operators.elementwise.add import Add
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.operators.weighted.fully_connected import FullyConnected
from edgeforge.targets.engine.operators.weighted.sizes import output_size
from edgeforge.targets.engine.operators.windows.max_pool_2d import MaxPool2D
from edgeforge.targets.engine.operators.windows.mean import Mean
from edgeforge.targets.engine.options import Options
from edgeforge.targets.engine.passes.order import PASSES
from edgeforge.targets.engine.passes.save_memory import SaveMemory

INT8 = Bounds(-128, 127)
Pair = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Case:
    """A layer, its inputs, and the output that it must write."""

    operator: Operator
    inputs: tuple[np.ndarray, ...]
    expected: np.ndarray


class Layers:
    """Draws layers; each has tensors of its own, numbered on. wide: with left shifts and clamped outputs too."""

    def __init__(self, seed: int, *, wide: bool = False) -> None:
        self.random = np.random.default_rng(seed)
        self.tensors = 0
        self.wide = wide

    def whole(self, low: int, high: int) -> int:
        return int(self.random.integers(low, high + 1))

    def tensor(self, shape: Sequence[int], zero_point: int | None = None) -> Tensor:
        self.tensors += 1
        zero = self.zero() if zero_point is None else zero_point
        return Tensor(self.tensors, f"t{self.tensors}", tuple(map(int, shape)), "int8", 0.5, zero)

    def zero(self) -> int:
        return int(self.random.choice([-128, 127, 0, self.whole(-128, 127)]))

    def values(self, *shape: int) -> np.ndarray:
        """Inputs: of the whole range, or all at one of its ends."""
        if self.whole(0, 4) == 0:
            return np.full(shape, self.random.choice([-128, 127]), np.int8)
        return self.random.integers(-128, 128, shape).astype(np.int8)

    def weights(self, *shape: int) -> np.ndarray:
        if self.whole(0, 4) == 0:
            return self.random.choice([-128, 127], shape).astype(np.int8)
        return self.random.integers(-128, 128, shape).astype(np.int8)

    def channels(self, count: int, taps: int, *, alike: bool = False) -> Channels:
        """Requantization under which outputs are spread over int8 and beyond; extremes too."""
        spread = max(int(np.log2(74 * 74 * np.sqrt(taps) / 40)), 2)
        multiplier = self.random.integers(2**30, 2**31, count)
        shift = -self.random.integers(spread - 2, spread + 3, count)
        if self.whole(0, 3) == 0:
            multiplier = self.random.choice([2**30, 2**31 - 1, 0], count)
            shift = np.where(multiplier == 0, 0, -self.random.choice([1, spread, 31], count))
        if self.wide and self.whole(0, 3) == 0:
            shift = self.random.choice([0, 3, -spread], count)
        if alike:
            multiplier[:], shift[:] = multiplier[0], shift[0]
        bias = self.random.integers(-(2**14), 2**14, count)
        return Channels(bias.astype(np.int64), multiplier.astype(np.int32), shift.astype(np.int32))

    def bounds(self) -> Bounds:
        if self.wide and self.whole(0, 1):
            return Bounds(self.whole(-128, 0), self.whole(0, 127))
        return INT8

    def window(self, size: Pair, stride: Pair, dilation: Pair, *, same: bool = False) -> Window:
        if same:
            around = [(edge - 1) * apart for edge, apart in zip(size, dilation, strict=True)]
            top, left = around[0] // 2, around[1] // 2
            return Window(size, stride, dilation, Padding(top, left, around[0] - top, around[1] - left))
        free = [self.whole(0, edge - 1) for edge in (*size, *size)]
        return Window(size, stride, dilation, Padding(*free))

    def read(self, shape: Sequence[int], before: Case | None) -> tuple[Tensor, np.ndarray]:
        """What a layer reads: the output of the one before it, or something new."""
        if before is not None:
            return before.operator.output, before.expected
        return self.tensor(shape), self.values(*shape)

    def conv(self, shape: Sequence[int], outputs: int, window: Window, before: Case | None = None) -> Case:
        source, inputs = self.read(shape, before)
        weights = self.weights(outputs, *window.size, shape[3])
        channels = self.channels(outputs, weights[0].size)
        columns = taken(inputs, source.zero_point, window)  # N,y,x,h,w,I
        sums = np.einsum("nyxhwi,ohwi->nyxo", columns, weights.astype(np.int64))
        target, bounds = self.tensor(sums.shape), self.bounds()
        operator = Conv2D(
            "CONV_2D", (source,), (target,), weights, window, channels, bounds, wide=False, four_bits=False
        )
        return Case(operator, (inputs,), requantized(sums, channels, target, bounds))

    def depthwise(self, shape: Sequence[int], window: Window, multiplier: int = 1, before: Case | None = None) -> Case:
        source, inputs = self.read(shape, before)
        weights = self.weights(*window.size, shape[3] * multiplier)
        channels = self.channels(weights.shape[2], weights[..., 0].size)
        columns = np.repeat(taken(inputs, source.zero_point, window), multiplier, axis=5)
        sums = np.einsum("nyxhwo,hwo->nyxo", columns, weights.astype(np.int64))
        target, bounds = self.tensor(sums.shape), self.bounds()
        operator = DepthwiseConv2D(
            "DEPTHWISE", (source,), (target,), weights, window, channels, bounds, wide=False, four_bits=False
        )
        return Case(operator, (inputs,), requantized(sums, channels, target, bounds))

    def chain(self, cases: Sequence[Case]) -> Case | None:
        """Layers each of which reads what the one before writes, as one operator of some rows at a time."""
        links = tuple(case.operator for case in cases)
        height = cases[-1].expected.shape[1]
        operator = chained(links, self.whole(1, max(height - 1, 1)))
        return Case(operator, cases[0].inputs, cases[-1].expected)

    def links(self, first: Case | None, sizes: Sequence[tuple[int, int]], strides: Sequence[int]) -> Case | None:
        """A chain: behind a layer one to four others, depthwise ones of some sizes and strides, convolutions, pools."""
        if first is None:
            return None
        cases = [first]
        for _ in range(self.whole(1, 4)):
            size, stride = sizes[self.whole(0, len(sizes) - 1)], strides[self.whole(0, len(strides) - 1)]
            kind, shape = self.whole(0, 3), cases[-1].expected.shape
            size = (1, 1) if kind == 1 else size
            window = self.window(size, (stride, stride), (1, 1), same=self.whole(0, 1) == 0)
            if not fits(shape, window):
                break
            if kind == 0:
                cases.append(self.max_pool(shape, window, before=cases[-1]))
            elif kind < 3:
                cases.append(self.conv(shape, self.whole(4, 9), window, before=cases[-1]))
            else:
                cases.append(self.depthwise(shape, window, before=cases[-1]))
        return self.chain(cases) if len(cases) > 1 else None

    def dense(self, rows: int, depth: int, outputs: int, *, alike: bool) -> Case:
        source, target = self.tensor((rows, depth)), self.tensor((rows, outputs))
        weights, inputs = self.weights(outputs, depth), self.values(rows, depth)
        channels, bounds = self.channels(outputs, depth, alike=alike), self.bounds()
        sums = (inputs.astype(np.int64) - source.zero_point) @ weights.T.astype(np.int64)
        operator = FullyConnected("DENSE", (source,), (target,), weights, channels, bounds, wide=False, four_bits=False)
        return Case(operator, (inputs,), requantized(sums, channels, target, bounds))

    def add(self, size: int, sign: int, *, first_is_halved: bool) -> Case:
        a, b, target = (self.tensor((1, size)) for _ in range(3))
        half, other = (2**30, 0), (self.whole(2**30, 2**31 - 1), -self.whole(0, 6))
        factors = (half, other) if first_is_halved else (other, half)
        summed = (self.whole(2**30, 2**31 - 1), -self.whole(16, 20))
        values = self.values(1, size), self.values(1, size)
        scaled = [
            requantize((value.astype(np.int64) - tensor.zero_point) << 20, *factor)
            for value, tensor, factor in zip(values, (a, b), factors, strict=True)
        ]
        exact = requantize(scaled[0] + sign * scaled[1], *summed) + target.zero_point
        bounds = self.bounds()
        operator = Add("ADD", (a, b), (target,), *factors, summed, sign, bounds)
        return Case(operator, values, exact.clip(bounds.low, bounds.high).astype(np.int8))

    def max_pool(self, shape: Sequence[int], window: Window, before: Case | None = None) -> Case:
        source, inputs = self.read(shape, before)
        columns = taken(inputs, source.zero_point, window, outside=-1000)
        bounds = self.bounds()
        expected = (columns.max(axis=(3, 4)) + source.zero_point).clip(bounds.low, bounds.high).astype(np.int8)
        target = self.tensor(expected.shape, source.zero_point)
        operator = MaxPool2D("MAX_POOL_2D", (source,), (target,), window, bounds)
        return Case(operator, (inputs,), expected)

    def mean(self, shape: Sequence[int]) -> Case:
        batches, height, width, depth = shape
        pixels = height * width
        source, target = self.tensor(shape), self.tensor((batches, depth))
        inputs = self.values(*shape)
        multiplier, shift = self.whole(2**29, 2**31 - 1), 1 - int(np.log2(pixels) + 1)
        sums = inputs.astype(np.int64).reshape(batches, pixels, depth).sum(axis=1) - pixels * source.zero_point
        exact = requantize(sums, multiplier, shift) + target.zero_point
        kept = ((batches, pixels * depth), (depth, 1)) if batches > 1 else ((depth, 1),)
        operator = Mean("MEAN", (source,), (target,), kept, ((pixels, depth),), pixels, multiplier, shift)
        return Case(operator, (inputs,), exact.clip(-128, 127).astype(np.int8))


def taken(values: np.ndarray, zero_point: int, window: Window, outside: int = 0) -> np.ndarray:
    """Return what each window sees of N,H,W,C, less the zero point: N,y,x,h,w,C."""
    padding, size, stride, apart = window.padding, window.size, window.stride, window.dilation
    around = ((0, 0), (padding.top, padding.bottom), (padding.left, padding.right), (0, 0))
    padded = np.pad(values.astype(np.int64) - zero_point, around, constant_values=outside)
    rows, columns = (output_size(padded.shape[1 + axis], size[axis], stride[axis], apart[axis], 0) for axis in (0, 1))
    y = np.arange(rows)[:, None] * stride[0] + np.arange(size[0]) * apart[0]
    x = np.arange(columns)[:, None] * stride[1] + np.arange(size[1]) * apart[1]
    return padded[:, y][:, :, :, x].transpose(0, 1, 3, 2, 4, 5)


def fits(shape: Sequence[int], window: Window) -> bool:
    """Return whether a window has an output over an image N,H,W,C."""
    padding = window.padding
    around = (padding.top + padding.bottom, padding.left + padding.right)
    edges = zip(shape[1:3], window.size, window.stride, window.dilation, around, strict=True)
    return all(output_size(*edge) > 0 for edge in edges)


def requantize(sums: np.ndarray, multiplier: Any, shift: Any) -> np.ndarray:
    """Return sums · multiplier · 2^(shift − 31), rounded twice as gemmlowp does: halves up, then away from zero."""
    left, right = np.maximum(shift, 0), np.maximum(-np.asarray(shift), 0)
    shifted = ((sums << left) + 2**31) % 2**32 - 2**31  # as 32 bits hold it
    high = (shifted * np.asarray(multiplier, np.int64) + 2**30) >> 31
    return np.sign(high) * ((abs(high) + ((np.int64(1) << right) >> 1)) >> right)


def requantized(sums: np.ndarray, channels: Channels, target: Tensor, bounds: Bounds) -> np.ndarray:
    exact = requantize(sums + channels.bias, channels.multiplier, channels.shift) + target.zero_point
    return exact.clip(bounds.low, bounds.high).astype(np.int8)


def run_cases(cases: Sequence[Case], options: Options, folder: Path, *, inside: bool = False) -> tuple[Network, Run]:
    """Run layers in one program on the core's machine.

    The first input is copied before: it lies in the arena, and a layer that works in place does so. inside: the output
    lies there too, and is copied afterwards.
    """
    operators: list[Operator] = []
    next_number = 1 + max(tensor.number for case in cases for tensor in (*case.operator.inputs, *case.operator.outputs))
    for number, case in enumerate(cases):
        first = case.operator.input
        copied = Tensor(next_number + number, f"copy{number}", first.shape, "int8", first.scale, first.zero_point)
        image = Tensor(first.number, first.name, first.shape, "int8", first.scale, first.zero_point)
        operators.append(_copy(image, copied))
        changed = type(case.operator)(**{**vars(case.operator), "inputs": (copied, *case.operator.inputs[1:])})
        operators.append(changed)
        if inside:
            last = changed.output
            inner = Tensor(next_number + len(cases) + number, f"inner{number}", last.shape, "int8", last.scale)
            operators[-1] = type(changed)(**{**vars(changed), "outputs": (replace(inner, zero_point=last.zero_point),)})
            operators.append(_copy(operators[-1].output, last))
    inputs = tuple(tensor for case in cases for tensor in case.operator.inputs)
    outputs = tuple(case.operator.output for case in cases)
    network = Network("layers", inputs, outputs, tuple(operators), options)
    # Layers stay as they are: no pass may make chains of them.
    network, _ = rewrite(network, [one for one in PASSES if not isinstance(one, SaveMemory)])
    values = [value[None] for case in cases for value in case.inputs]
    return network, build(network, folder).run(values)


def _copy(source: Tensor, target: Tensor) -> Operator:
    rank = (1, 1, 1, source.size)  # a pool of one value
    flat, out = (Tensor(t.number, t.name, rank, "int8", t.scale, t.zero_point) for t in (source, target))
    return MaxPool2D("COPY", (flat,), (out,), Window((1, 1), (1, 1), (1, 1), Padding()), INT8)


def require_the_oracle(
    make: Callable[[Layers], Case | None], count: int, options: Options, folder: Path, *, wide: bool = False
) -> set[str]:
    """Fail unless layers write the oracle's bytes; return the functions that computed them."""
    layers = Layers(count, wide=wide)
    cases = [case for _ in range(count) if (case := make(layers)) is not None]
    network, run = run_cases(cases, options, folder)
    require_expected(cases, run)
    return {kernel.function for kernel in network.kernels[1::2]}


def require_expected(cases: Sequence[Case], run: Run) -> None:
    """Fail unless a program of run_cases wrote what is expected."""
    for case, found in zip(cases, run.outputs, strict=True):
        wrong = np.flatnonzero(found[0] != case.expected.reshape(-1))
        assert not len(wrong), f"{case.operator}: {len(wrong)} of {found.size} values, the first at {wrong[0]}"


def require_overlaps(
    makes: Sequence[Callable[[Layers], Case | None]], options: Options, folder: Path, *, shared: int, behind: int
) -> None:
    """Fail unless layers write the oracle's bytes over inputs that they have read; so many at least must do so.

    behind: of them, outputs that begin before what they are written over.
    """
    layers = Layers(5)
    cases = [case for number in range(80) if (case := makes[number % len(makes)](layers)) is not None]
    network, run = run_cases(cases, options, folder, inside=True)
    require_expected(cases, run)
    for operator, kernel in zip(network.operators[1::3], network.kernels[1::3], strict=True):
        read, written = (network.places[tensor.number].offset for tensor in (operator.input, operator.output))
        apart = written + operator.output.bytes <= read or read + operator.input.bytes <= written
        lead = kernel.lead(operator)
        one_place = network.home(operator.output) == network.home(operator.input)
        assert apart or one_place or (lead is not None and read >= written + lead)
        shared -= not apart
        behind -= not apart and read != written
    assert shared <= 0 and behind <= 0, f"{shared}, {behind} too few share memory"
