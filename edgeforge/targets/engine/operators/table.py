"""All operators: a new one is a file, and its name here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeforge.targets.engine.kernel import Kernel
from edgeforge.targets.engine.operators.shapes import reshape
from edgeforge.targets.engine.operators.weighted import conv_2d, depthwise_conv_2d, fully_connected
from edgeforge.targets.engine.operators.windows import max_pool_2d, softmax
from edgeforge.targets.engine.read import Lowering

OPERATORS: tuple[Any, ...] = (conv_2d, depthwise_conv_2d, fully_connected, max_pool_2d, reshape, softmax)

LOWERINGS: Mapping[str, Lowering] = {name: lower for file in OPERATORS for name, lower in file.LOWERINGS.items()}
PORTABLE_KERNELS: tuple[Kernel[Any], ...] = tuple(kernel for file in OPERATORS for kernel in file.KERNELS)
