"""Kernels in plain C, on emulated cores without the DSP extension: the bytes of an oracle with double rounding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from engine_layers import Case, Layers, fits, require_overlaps, require_the_oracle

from edgeforge.targets.engine.options import Options, core_named


def conv(layers: Layers) -> Case | None:
    size, dilation = (layers.whole(1, 4), layers.whole(1, 4)), (layers.whole(1, 2), layers.whole(1, 2))
    window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), dilation)
    shape = (layers.whole(1, 2), layers.whole(1, 7), layers.whole(1, 7), layers.whole(1, 6))
    return layers.conv(shape, layers.whole(1, 7), window) if fits(shape, window) else None


def pointwise(layers: Layers) -> Case:
    window = layers.window((1, 1), (1, 1), (1, 1))
    return layers.conv((1, layers.whole(1, 5), layers.whole(1, 5), layers.whole(1, 9)), layers.whole(1, 9), window)


def depthwise(layers: Layers) -> Case | None:
    size, dilation = (layers.whole(1, 4), layers.whole(1, 4)), (layers.whole(1, 2), layers.whole(1, 2))
    window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), dilation)
    shape = (layers.whole(1, 2), layers.whole(1, 7), layers.whole(1, 7), layers.whole(1, 10))
    return layers.depthwise(shape, window, layers.whole(1, 10)) if fits(shape, window) else None


def chain(layers: Layers) -> Case | None:
    first = (pointwise if layers.whole(0, 2) == 0 else conv)(layers)
    return layers.links(first, [(3, 3), (1, 4), (4, 2)], [1, 2, 3])


def max_pool(layers: Layers) -> Case | None:
    size = (layers.whole(1, 3), layers.whole(1, 3))
    window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), (1, 1))
    shape = (layers.whole(1, 2), layers.whole(1, 7), layers.whole(1, 7), layers.whole(1, 5))
    return layers.max_pool(shape, window) if fits(shape, window) else None


def dense(layers: Layers) -> Case:
    return layers.dense(layers.whole(1, 2), layers.whole(1, 40), layers.whole(1, 9), alike=layers.whole(0, 1) == 0)


@pytest.mark.parametrize("core", ["m0plus", "m3"])
@pytest.mark.parametrize(
    ("make", "function"),
    [
        *((conv, "conv_2d"), (pointwise, "conv_2d"), (depthwise, "depthwise")),
        *((chain, "chain"), (dense, "fully_connected")),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_layers_write_the_bytes_of_the_oracle(
    make: Callable[[Layers], Case | None], function: str, core: str, tmp_path: Path
) -> None:
    functions = require_the_oracle(make, 40, Options(core=core_named(core)), tmp_path, wide=True)
    assert functions == {"engine_chain" if function == "chain" else f"engine_scalar_{function}"}


@pytest.mark.parametrize("core", ["m0plus", "m3"])
def test_inputs_are_written_over_as_soon_as_they_are_read(core: str, tmp_path: Path) -> None:
    makes = (conv, chain, pointwise, depthwise, max_pool)
    require_overlaps(makes, Options(core=core_named(core)), tmp_path, shared=20, behind=5)


def test_portable_kernels_write_over_their_inputs_too(tmp_path: Path) -> None:
    options = Options(core=core_named("m3"), optimize="size")
    require_overlaps((conv, pointwise, depthwise, max_pool), options, tmp_path, shared=20, behind=5)
