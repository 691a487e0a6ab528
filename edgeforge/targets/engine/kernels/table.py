"""All kernels, the fastest first: a core's new one is a file in that core's folder, and its name here."""

from __future__ import annotations

from typing import Any

from edgeforge.targets.engine.kernel import Kernel
from edgeforge.targets.engine.kernels.dsp.add import DspAdd
from edgeforge.targets.engine.kernels.dsp.average import DspAverage
from edgeforge.targets.engine.kernels.dsp.conv_2d import DspConv2D
from edgeforge.targets.engine.kernels.dsp.depthwise import DspDepthwise
from edgeforge.targets.engine.kernels.dsp.depthwise_1d import DspDepthwise1D
from edgeforge.targets.engine.kernels.dsp.depthwise_3x3 import DspDepthwise3x3
from edgeforge.targets.engine.kernels.dsp.fully_connected import DspFullyConnected, DspFullyConnectedParts
from edgeforge.targets.engine.kernels.dsp.max_pool_2d import DspMaxPool2D
from edgeforge.targets.engine.kernels.helium.add import HeliumAdd
from edgeforge.targets.engine.kernels.helium.average import HeliumAverage
from edgeforge.targets.engine.kernels.helium.conv_2d import HeliumConv2D
from edgeforge.targets.engine.kernels.helium.depthwise import HeliumDepthwise
from edgeforge.targets.engine.kernels.helium.fully_connected import HeliumFullyConnected
from edgeforge.targets.engine.kernels.helium.max_pool_2d import HeliumMaxPool2D
from edgeforge.targets.engine.kernels.scalar.conv_2d import ScalarConv2D
from edgeforge.targets.engine.kernels.scalar.depthwise import ScalarDepthwise
from edgeforge.targets.engine.kernels.scalar.fully_connected import ScalarFullyConnected
from edgeforge.targets.engine.operators.table import PORTABLE_KERNELS, SMALL_KERNELS

# In the order in which they are tried: the first that the core has the features for, and that does not refuse.
HELIUM: tuple[Kernel[Any], ...] = (
    *(HeliumConv2D(), HeliumDepthwise(), HeliumFullyConnected()),
    *(HeliumAdd(), HeliumAverage(), HeliumMaxPool2D()),
)
DSP: tuple[Kernel[Any], ...] = (
    DspConv2D(),
    *(DspDepthwise1D(), DspDepthwise3x3(), DspDepthwise()),
    *(DspFullyConnectedParts(), DspFullyConnected()),
    *(DspAdd(), DspAverage(), DspMaxPool2D()),
)
# Faster on any core than the portable ones, which are written to be read.
SCALAR: tuple[Kernel[Any], ...] = (ScalarConv2D(), ScalarDepthwise(), ScalarFullyConnected())

KERNELS: tuple[Kernel[Any], ...] = (*SMALL_KERNELS, *HELIUM, *DSP, *SCALAR, *PORTABLE_KERNELS)
