"""CONV_2D and DEPTHWISE_CONV_2D of 3×3 together for the DSP extension: a few rows at a time."""

from __future__ import annotations

from edgeforge.targets.engine.kernels.conv_then_depthwise import BothKernels
from edgeforge.targets.engine.kernels.dsp.conv_2d import DspConv2D
from edgeforge.targets.engine.kernels.dsp.depthwise_3x3 import DspDepthwise3x3, strip_bytes
from edgeforge.targets.engine.operators.weighted.conv_then_depthwise import ConvThenDepthwise


class DspConvThenDepthwise(BothKernels):
    """What both kernels allow."""

    function = "engine_dsp_conv_then_depthwise"
    source = "dsp/conv_then_depthwise"
    first, second = DspConv2D(), DspDepthwise3x3()
    needs = (first.source, *first.needs, second.source)
    features = frozenset({"dsp"})

    def band(self, operator: ConvThenDepthwise) -> int:
        return strip_bytes(operator.rows, operator.second.window.stride[0])
