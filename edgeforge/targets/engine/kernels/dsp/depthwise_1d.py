"""DEPTHWISE_CONV_2D over lines for the DSP extension: one channel after the other, four outputs at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.dsp.packing import channel_rows, folded_bias, unfit
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_TAPS = 16


class DspDepthwise1D(Kernel[DepthwiseConv2D]):
    """Images one value high or wide, at most 16 taps, stride 1, any padding and dilation; int8."""

    operator = DepthwiseConv2D
    function = "engine_dsp_depthwise_1d"
    source = "dsp/depthwise_1d"
    pace = (1.0, 12)
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: DepthwiseConv2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if operator.multiplier != 1:
            return "it has one output for each input channel"
        line = _line(operator)
        if line is None or line.taps > MOST_TAPS or line.stride != 1:
            return f"its images are lines, of a stride of 1, its windows at most {MOST_TAPS} long"
        bias = folded_bias(operator.channels, _weights(operator, line), operator.input.zero_point)
        return unfit(operator.channels, bias, operator.bounds)

    def arrays(self, operator: DepthwiseConv2D) -> dict[str, Array]:
        import numpy as np

        line = _found(operator)
        weights = _weights(operator, line)
        bias = folded_bias(operator.channels, weights, operator.input.zero_point)
        paired = np.zeros((len(weights), line.taps + line.taps % 2), np.int16)
        paired[:, : line.taps] = weights
        return {
            "weights": Array("int16_t", paired.reshape(-1), alignment=4),
            "channels": channel_rows(operator.channels, bias),
        }

    def scratch(self, operator: DepthwiseConv2D) -> int:
        return 2 * _found(operator).seen

    def in_place(self, operator: DepthwiseConv2D) -> tuple[int, ...]:
        line = _found(operator)
        no_longer = line.output == line.input or (line.output < line.input and operator.input.shape[0] == 1)
        return (0,) if no_longer and line.padding % line.dilation == 0 else ()

    def parameters(self, operator: DepthwiseConv2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        line = _found(operator)
        return {
            "batches": operator.input.shape[0],
            "channels": operator.input.shape[3],
            "input": line.input,
            "output": line.output,
            "taps": line.taps,
            "dilation": line.dilation,
            "padding": line.padding,
            "seen": line.seen,
            "input_zero": operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "weights": arrays["weights"],
            "requantization": arrays["channels"],
        }


@dataclass(frozen=True)
class _Line:
    """The direction in which an image is more than one value long. axis: 0 height, 1 width."""

    axis: int
    input: int
    output: int
    taps: int
    stride: int
    dilation: int
    padding: int

    @property
    def seen(self) -> int:
        """How many values of a line without dilation are kept: the windows of whole fours of outputs, and one; even."""
        longest = -(-self.output // self.dilation)
        seen = -(-longest // 4) * 4 - 1 + self.taps + 2
        return seen + seen % 2


def _line(operator: DepthwiseConv2D) -> _Line | None:
    moved, padding = operator.window, operator.window.padding
    before, after = (padding.top, padding.left), (padding.bottom, padding.right)
    for axis, other in ((0, 1), (1, 0)):
        thin = operator.input.shape[1 + other] == moved.size[other] == 1 and before[other] == after[other] == 0
        if thin:
            sizes = operator.input.shape[1 + axis], operator.output.shape[1 + axis], moved.size[axis]
            return _Line(axis, *sizes, moved.stride[axis], moved.dilation[axis], before[axis])
    return None


def _found(operator: DepthwiseConv2D) -> _Line:
    line = _line(operator)
    assert line is not None  # it was not refused
    return line


def _weights(operator: DepthwiseConv2D, line: _Line) -> NDArray[np.int8]:
    """Return the weights as channel, tap."""
    return operator.weights.reshape(line.taps, -1).T
