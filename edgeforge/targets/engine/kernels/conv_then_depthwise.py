"""CONV_2D and DEPTHWISE_CONV_2D together, a few rows at a time: what cores' kernels share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from edgeforge.targets.engine.kernel import Array, Field, Kernel, Names
from edgeforge.targets.engine.memory.blocks import rounded
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.conv_then_depthwise import ConvThenDepthwise
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D

ALIGNMENT = 8  # of the two kernels' scratch memory, behind the kept rows


class BothKernels(Kernel[ConvThenDepthwise]):
    """What both kernels allow: first and second are a core's kernels for the layers alone.

    anew: about how many instructions the second takes to begin a band, for each channel.
    """

    operator = ConvThenDepthwise
    first: ClassVar[Kernel[Conv2D]]
    second: ClassVar[Kernel[DepthwiseConv2D]]
    roundings = ("double",)
    anew: ClassVar[float] = 60.0

    def refusal(self, operator: ConvThenDepthwise) -> str:
        return self.first.refusal(operator.first) or self.second.refusal(operator.second)

    def arrays(self, operator: ConvThenDepthwise) -> dict[str, Array]:
        first, second = self.first.arrays(operator.first), self.second.arrays(operator.second)
        return {f"first_{what}": one for what, one in first.items()} | {
            f"second_{what}": one for what, one in second.items()
        }

    def scratch(self, operator: ConvThenDepthwise) -> int:
        return rounded(operator.kept_bytes, ALIGNMENT) + max(self.first.scratch(operator.first), self.band(operator))

    def band(self, operator: ConvThenDepthwise) -> int:
        """Return the scratch bytes of the second kernel for the rows of a band."""
        return self.second.scratch(operator.second)

    def instructions(self, operator: ConvThenDepthwise) -> int:
        channels, bands = operator.output.shape[3], sum(1 for _ in operator.bands())
        again = round(self.anew * bands * channels)
        return self.first.instructions(operator.first) + self.second.instructions(operator.second) + again

    def lead(self, operator: ConvThenDepthwise) -> int | None:
        moved, (images, height, width, depth) = operator.first.window, operator.input.shape
        _, rows, columns, channels = operator.output.shape
        leads = [-operator.input.bytes]
        for image in range(images):
            for band in operator.bands():
                read = height
                if band.seen_last < operator.second.input.shape[1]:
                    read = min(max(band.seen_last * moved.stride[0] - moved.padding.top, 0), height)
                read += image * height
                if read < images * height:
                    leads.append((image * rows + band.last) * columns * channels - read * width * depth)
        return max(leads)

    def arguments(self, names: Names) -> tuple[str, ...]:
        return (*names.inputs, *names.outputs, names.scratch)

    def parameters(self, operator: ConvThenDepthwise, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        def of(part: str) -> dict[str, str]:
            return {what.removeprefix(part): name for what, name in arrays.items() if what.startswith(part)}

        return {
            "first": self.first.parameters(operator.first, of("first_")),
            "second": self.second.parameters(operator.second, of("second_")),
            "rows": operator.rows,
            "kept": rounded(operator.kept_bytes, ALIGNMENT),
        }
