"""Kernels for Helium, on an emulated Cortex-M55: the bytes of an oracle with gemmlowp's double rounding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from engine_layers import Case, Layers, fits, require_the_oracle

from edgeforge.targets.engine.options import Options, core_named

M55 = Options(core=core_named("m55"))


def conv(layers: Layers) -> Case | None:
    size, dilation = (layers.whole(1, 4), layers.whole(1, 4)), (layers.whole(1, 2), layers.whole(1, 2))
    depth, outputs = int(layers.random.choice([1, 2, 3, 5, 8, 16, 17])), layers.whole(1, 9)
    if layers.whole(0, 2) == 0:  # in place
        outputs, window = layers.whole(1, depth), layers.window(size, (1, 1), dilation, same=True)
    else:
        window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), dilation)
    shape = (layers.whole(1, 2), layers.whole(1, 9), layers.whole(1, 11), depth)
    return layers.conv(shape, outputs, window) if fits(shape, window) else None


def pointwise(layers: Layers) -> Case:
    window = layers.window((1, 1), (1, 1), (1, 1))
    return layers.conv((1, layers.whole(1, 5), layers.whole(1, 5), layers.whole(1, 70)), layers.whole(1, 20), window)


def depthwise(layers: Layers) -> Case | None:
    size = (3, 3) if layers.whole(0, 1) else (layers.whole(1, 5), layers.whole(1, 5))
    stride, dilation = (layers.whole(1, 3), layers.whole(1, 3)), (layers.whole(1, 2), layers.whole(1, 2))
    in_place = layers.whole(0, 2) == 0
    window = layers.window(size, (1, 1) if in_place else stride, dilation, same=in_place)
    shape = (layers.whole(1, 2), layers.whole(1, 9), layers.whole(1, 9), layers.whole(4, 20))
    return layers.depthwise(shape, window) if fits(shape, window) else None


def dense(layers: Layers) -> Case:
    return layers.dense(layers.whole(1, 2), layers.whole(1, 70), layers.whole(1, 14), alike=layers.whole(0, 1) == 0)


@pytest.mark.parametrize(
    ("make", "count", "function"),
    [(conv, 60, "conv_2d"), (pointwise, 20, "conv_2d"), (depthwise, 60, "depthwise"), (dense, 50, "fully_connected")],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_layers_write_the_bytes_of_the_oracle(
    make: Callable[[Layers], Case | None], count: int, function: str, tmp_path: Path
) -> None:
    functions = require_the_oracle(make, count, M55, tmp_path, wide=True)
    assert functions == {f"engine_helium_{function}"}
