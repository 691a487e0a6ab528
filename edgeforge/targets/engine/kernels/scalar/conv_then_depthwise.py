"""CONV_2D and DEPTHWISE_CONV_2D together in plain C: a few rows at a time."""

from __future__ import annotations

from edgeforge.targets.engine.kernels.conv_then_depthwise import BothKernels
from edgeforge.targets.engine.kernels.scalar.conv_2d import ScalarConv2D
from edgeforge.targets.engine.kernels.scalar.depthwise import ScalarDepthwise


class ScalarConvThenDepthwise(BothKernels):
    """What both kernels allow."""

    function = "engine_scalar_conv_then_depthwise"
    source = "scalar/conv_then_depthwise"
    first, second = ScalarConv2D(), ScalarDepthwise()
    needs = (first.source, *first.needs, second.source)
