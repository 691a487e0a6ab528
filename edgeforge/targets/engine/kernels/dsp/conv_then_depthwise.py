"""CONV_2D and DEPTHWISE_CONV_2D of 3×3 together for the DSP extension: a few rows at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.kernels.dsp.conv_2d import DspConv2D
from edgeforge.targets.engine.kernels.dsp.depthwise_3x3 import DspDepthwise3x3, strip_bytes
from edgeforge.targets.engine.memory.blocks import rounded
from edgeforge.targets.engine.operators.weighted.conv_then_depthwise import ConvThenDepthwise

FIRST, SECOND = DspConv2D(), DspDepthwise3x3()
ALIGNMENT = 8  # of the two kernels' scratch memory, behind the kept rows


class DspConvThenDepthwise(Kernel[ConvThenDepthwise]):
    """What both kernels allow."""

    operator = ConvThenDepthwise
    function = "engine_dsp_conv_then_depthwise"
    source = "dsp/conv_then_depthwise"
    needs = (FIRST.source, *FIRST.needs, SECOND.source)
    features = frozenset({"dsp"})
    roundings = ("double",)

    def refusal(self, operator: ConvThenDepthwise) -> str:
        return FIRST.refusal(operator.first) or SECOND.refusal(operator.second)

    def arrays(self, operator: ConvThenDepthwise) -> dict[str, Array]:
        first, second = FIRST.arrays(operator.first), SECOND.arrays(operator.second)
        return {f"first_{what}": one for what, one in first.items()} | {
            f"second_{what}": one for what, one in second.items()
        }

    def scratch(self, operator: ConvThenDepthwise) -> int:
        strip = strip_bytes(operator.rows, operator.second.window.stride[0])
        return rounded(operator.kept_bytes, ALIGNMENT) + max(FIRST.scratch(operator.first), strip)

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

    def parameters(self, operator: ConvThenDepthwise, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        def of(part: str) -> dict[str, str]:
            return {what.removeprefix(part): name for what, name in arrays.items() if what.startswith(part)}

        return {
            "first": FIRST.parameters(operator.first, of("first_")),
            "second": SECOND.parameters(operator.second, of("second_")),
            "rows": operator.rows,
            "kept": rounded(operator.kept_bytes, ALIGNMENT),
        }
