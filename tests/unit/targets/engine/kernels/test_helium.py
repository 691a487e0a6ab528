"""Kernels for Helium, on an emulated Cortex-M55: the bytes of an oracle with gemmlowp's double rounding."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from engine_layers import INT8, Case, Layers, fits, requantized, require_overlaps, require_the_oracle, run_cases
from engine_program import random_inputs, tflm_outputs
from hypothesis import HealthCheck, Phase, given, seed, settings
from random_graphs import graphs

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.ir import Channels, Padding, Window
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.operators.weighted.fully_connected import FullyConnected
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


def chain(layers: Layers) -> Case | None:
    first = (pointwise if layers.whole(0, 2) == 0 else conv)(layers)
    few = first is None or first.expected.shape[3] < 4
    return None if few else layers.links(first, [(3, 3), (1, 4), (4, 2)], [1, 2, 3])


def dense(layers: Layers) -> Case:
    return layers.dense(layers.whole(1, 2), layers.whole(1, 70), layers.whole(1, 14), alike=layers.whole(0, 1) == 0)


def add(layers: Layers) -> Case:
    sign = 1 if layers.whole(0, 1) else -1
    return layers.add(layers.whole(1, 30), sign, first_is_halved=layers.whole(0, 1) == 0)


def max_pool(layers: Layers) -> Case | None:
    size = (layers.whole(1, 3), layers.whole(1, 3))
    window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), (1, 1))
    shape = (layers.whole(1, 2), layers.whole(1, 7), layers.whole(1, 7), layers.whole(1, 20))
    return layers.max_pool(shape, window) if fits(shape, window) else None


def mean(layers: Layers) -> Case:
    return layers.mean((layers.whole(1, 2), layers.whole(2, 30), layers.whole(2, 30), layers.whole(2, 20)))


@pytest.mark.parametrize(
    ("make", "count", "function"),
    [
        (conv, 60, "conv_2d"),
        (pointwise, 20, "conv_2d"),
        (depthwise, 60, "depthwise"),
        (chain, 90, "chain"),
        (dense, 50, "fully_connected"),
        (add, 40, "add"),
        (max_pool, 40, "max_pool_2d"),
        (mean, 12, "average"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_layers_write_the_bytes_of_the_oracle(
    make: Callable[[Layers], Case | None], count: int, function: str, tmp_path: Path
) -> None:
    functions = require_the_oracle(make, count, M55, tmp_path, wide=True)
    assert functions == {"engine_chain" if function == "chain" else f"engine_helium_{function}"}


def test_inputs_are_written_over_as_soon_as_they_are_read(tmp_path: Path) -> None:
    makes = (conv, chain, pointwise, depthwise, max_pool, mean)
    require_overlaps(makes, M55, tmp_path, shared=20, behind=2)


@pytest.mark.parametrize("shifts", [(-31, -30, -8, -1), (-9, 0, 1, 8)])
def test_requantization_at_its_extremes(shifts: tuple[int, ...], tmp_path: Path) -> None:
    """Sums are biases, weights 0: all halves and both ends of 32 bits, by each kernel's way."""
    edges = [-(2**31), -(2**31) + 1, -(2**30), -129, -128, -3, -2, -1, 0, 1, 2, 3, 128, 2**30 - 1, 2**30, 2**31 - 1]
    rows = np.array(list(product(edges, (2**30, 2**30 + 1, 2**31 - 1, 0), shifts)), np.int64)
    channels = Channels(rows[:, 0], rows[:, 1].astype(np.int32), rows[:, 2].astype(np.int32))
    layers, count = Layers(0), len(rows)
    inputs, window = np.zeros((1, 1, 1, count), np.int8), Window((1, 1), (1, 1), (1, 1), Padding())
    sources = [layers.tensor((1, 1, 1, size), 0) for size in (1, count, 1)]
    targets = [layers.tensor((1, 1, 1, count), 0) for _ in range(3)]
    conv_weights, depthwise_weights = np.zeros((count, 1, 1, 1), np.int8), np.zeros((1, 1, count), np.int8)
    kinds, given = {"wide": False, "four_bits": False}, (window, channels, INT8)
    operators = (
        Conv2D("CONV", (sources[0],), (targets[0],), conv_weights, *given, **kinds),
        DepthwiseConv2D("DEPTHWISE", (sources[1],), (targets[1],), depthwise_weights, *given, **kinds),
        FullyConnected("DENSE", (sources[2],), (targets[2],), np.zeros((count, 1), np.int8), channels, INT8, **kinds),
    )
    expected = requantized(np.zeros((1, 1, 1, count), np.int64), channels, targets[0], INT8)
    cases = [Case(operator, (inputs[..., : operator.input.size],), expected) for operator in operators]
    network, run = run_cases(cases, M55, tmp_path)
    assert len({kernel.function for kernel in network.kernels if "helium" in kernel.function}) == 4  # a pool copies
    for case, found in zip(cases, run.outputs, strict=True):
        np.testing.assert_array_equal(found[0], case.expected.reshape(-1), case.operator.label)


@settings(
    max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
)
@seed(12)
@given(graphs())
def test_random_graphs_have_the_bytes_of_tflm(tmp_path_factory: pytest.TempPathFactory, model: bytes) -> None:
    inputs = random_inputs(model, 3)
    run = build(compile_model(model, "net", M55), tmp_path_factory.mktemp("net")).run(inputs)
    for ours, theirs in zip(run.outputs, tflm_outputs(model, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)
