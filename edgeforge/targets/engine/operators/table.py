"""All operators: a new one is a file, and its name here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgeforge.targets.engine.kernel import Kernel
from edgeforge.targets.engine.operators.elementwise import (
    add,
    hard_swish,
    leaky_relu,
    logistic,
    lookup,
    mul,
    prelu,
    quantize,
    relu,
)
from edgeforge.targets.engine.operators.shapes import (
    concatenation,
    gather,
    pad,
    reshape,
    split,
    strided_slice,
    transpose,
)
from edgeforge.targets.engine.operators.weighted import (
    conv_2d,
    depthwise_conv_2d,
    fully_connected,
    lstm,
    transpose_conv,
)
from edgeforge.targets.engine.operators.windows import (
    average_pool_2d,
    max_pool_2d,
    mean,
    resize_bilinear,
    resize_nearest_neighbor,
    softmax,
)
from edgeforge.targets.engine.read import Lowering

OPERATORS: tuple[Any, ...] = (
    *(conv_2d, depthwise_conv_2d, fully_connected, lstm, transpose_conv),
    *(add, hard_swish, leaky_relu, logistic, lookup, mul, prelu, quantize, relu),
    *(average_pool_2d, max_pool_2d, mean, resize_bilinear, resize_nearest_neighbor, softmax),
    *(concatenation, gather, pad, reshape, split, strided_slice, transpose),
)

LOWERINGS: Mapping[str, Lowering] = {name: lower for file in OPERATORS for name, lower in file.LOWERINGS.items()}
PORTABLE_KERNELS: tuple[Kernel[Any], ...] = tuple(kernel for file in OPERATORS for kernel in file.KERNELS)
# Chosen where size counts, before those of any core.
SMALL_KERNELS: tuple[Kernel[Any], ...] = (*conv_2d.SMALL_KERNELS, *fully_connected.SMALL_KERNELS)
