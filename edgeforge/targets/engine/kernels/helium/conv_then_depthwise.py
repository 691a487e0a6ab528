"""CONV_2D and DEPTHWISE_CONV_2D together for Helium: a few rows at a time."""

from __future__ import annotations

from edgeforge.targets.engine.kernels.conv_then_depthwise import BothKernels
from edgeforge.targets.engine.kernels.helium.conv_2d import HeliumConv2D
from edgeforge.targets.engine.kernels.helium.depthwise import HeliumDepthwise


class HeliumConvThenDepthwise(BothKernels):
    """What both kernels allow."""

    function = "engine_helium_conv_then_depthwise"
    source = "helium/conv_then_depthwise"
    first, second = HeliumConv2D(), HeliumDepthwise()
    needs = (first.source, *first.needs, second.source)
    features = frozenset({"helium"})
