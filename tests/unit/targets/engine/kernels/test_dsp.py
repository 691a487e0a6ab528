"""Kernels for the DSP extension, on an emulated Cortex-M4: the bytes of an oracle with gemmlowp's double rounding."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from engine_layers import Case, Layers, fits, require_overlaps, require_the_oracle
from engine_program import random_inputs, tflm_outputs
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import sampled_from
from random_graphs import graphs

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.ir import Bounds
from edgeforge.targets.engine.kernels.dsp.conv_2d import DspConv2D
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.options import Optimize, Options, core_named

M4 = Options(core=core_named("m4"))


def conv(layers: Layers) -> Case | None:
    size, dilation = (layers.whole(1, 4), layers.whole(1, 4)), (layers.whole(1, 2), layers.whole(1, 2))
    depth, outputs = int(layers.random.choice([1, 2, 3, 4, 5, 8, 12])), layers.whole(1, 9)
    if layers.whole(0, 2) == 0:  # in place
        outputs, window = depth, layers.window(size, (1, 1), dilation, same=True)
    else:
        window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), dilation)
    shape = (layers.whole(1, 2), layers.whole(1, 9), layers.whole(1, 11), depth)
    return layers.conv(shape, outputs, window) if fits(shape, window) else None


def pointwise(layers: Layers) -> Case:
    window = layers.window((1, 1), (1, 1), (1, 1))
    return layers.conv(
        (1, layers.whole(1, 5), layers.whole(1, 5), 4 * layers.whole(1, 20)), layers.whole(1, 20), window
    )


def depthwise_3x3(layers: Layers) -> Case | None:
    stride = layers.whole(1, 2)
    same = layers.whole(0, 1) == 0
    window = layers.window((3, 3), (stride, stride), (1, 1), same=same)
    shape = (layers.whole(1, 2), layers.whole(1, 20), layers.whole(1, 21), layers.whole(1, 3))
    return layers.depthwise(shape, window) if fits(shape, window) else None


def chain(layers: Layers) -> Case | None:
    return layers.links((pointwise if layers.whole(0, 2) == 0 else conv)(layers), [(3, 3)], [1, 2])


def depthwise_1d(layers: Layers) -> Case | None:
    taps, dilation, length = layers.whole(1, 16), layers.whole(1, 3), layers.whole(1, 30)
    window = layers.window((taps, 1), (1, 1), (dilation, 1), same=layers.whole(0, 1) == 0)
    shape = (layers.whole(1, 2), length, 1, layers.whole(1, 4))
    if layers.whole(0, 1):
        padding = replace(window.padding, top=0, left=window.padding.top, bottom=0, right=window.padding.bottom)
        window = replace(window, size=(1, taps), dilation=(1, dilation), padding=padding)
        shape = (shape[0], 1, length, shape[3])
    return layers.depthwise(shape, window) if fits(shape, window) else None


def depthwise(layers: Layers) -> Case | None:
    size, stride = (layers.whole(1, 6), layers.whole(1, 6)), (layers.whole(1, 3), layers.whole(1, 3))
    in_place = layers.whole(0, 3) == 0
    window = layers.window(size, (1, 1) if in_place else stride, (1, 1), same=in_place)
    shape = (layers.whole(1, 2), layers.whole(2, 9), layers.whole(2, 9), layers.whole(1, 3))
    return layers.depthwise(shape, window, 1 if in_place else layers.whole(1, 3)) if fits(shape, window) else None


def dense(layers: Layers) -> Case:
    depth = layers.whole(1, 70) if layers.whole(0, 2) else layers.whole(120, 260)  # in parts
    return layers.dense(layers.whole(1, 2), depth, layers.whole(1, 14), alike=layers.whole(0, 1) == 0)


def add(layers: Layers) -> Case:
    sign = 1 if layers.whole(0, 1) else -1
    return layers.add(layers.whole(64, 90), sign, first_is_halved=layers.whole(0, 1) == 0)


def max_pool(layers: Layers) -> Case | None:
    size = (layers.whole(1, 3), layers.whole(1, 3))
    window = layers.window(size, (layers.whole(1, 3), layers.whole(1, 3)), (1, 1))
    shape = (layers.whole(1, 2), layers.whole(1, 7), layers.whole(1, 7), layers.whole(1, 9))
    return layers.max_pool(shape, window) if fits(shape, window) else None


def mean(layers: Layers) -> Case:
    return layers.mean((layers.whole(1, 2), layers.whole(2, 30), layers.whole(2, 30), layers.whole(2, 9)))


@pytest.mark.parametrize(
    ("make", "count", "functions"),
    [
        (conv, 60, {"engine_dsp_conv_2d"}),
        (pointwise, 20, {"engine_dsp_conv_2d"}),
        (depthwise_3x3, 60, {"engine_dsp_depthwise_3x3"}),
        (chain, 90, {"engine_chain"}),
        (depthwise_1d, 60, {"engine_dsp_depthwise_1d"}),
        (depthwise, 40, {"engine_dsp_depthwise", "engine_dsp_depthwise_3x3", "engine_dsp_depthwise_1d"}),
        (dense, 50, {"engine_dsp_fully_connected", "engine_dsp_fully_connected_parts"}),
        (add, 20, {"engine_dsp_add"}),
        (max_pool, 40, {"engine_dsp_max_pool_2d"}),
        (mean, 12, {"engine_dsp_average"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_layers_write_the_bytes_of_the_oracle(
    make: Callable[[Layers], Case | None], count: int, functions: set[str], tmp_path: Path
) -> None:
    assert require_the_oracle(make, count, M4, tmp_path) <= functions


def test_inputs_are_written_over_as_soon_as_they_are_read(tmp_path: Path) -> None:
    makes = (conv, chain, pointwise, depthwise_1d, max_pool, mean)
    require_overlaps(makes, M4, tmp_path, shared=20, behind=5)


@settings(
    max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate,)
)
@seed(11)
@given(graphs(), sampled_from(("speed", "ram")))
def test_random_graphs_have_the_bytes_of_tflm(
    tmp_path_factory: pytest.TempPathFactory, model: bytes, optimize: Optimize
) -> None:
    inputs = random_inputs(model, 3)
    network = compile_model(model, "net", replace(M4, optimize=optimize))
    run = build(network, tmp_path_factory.mktemp("net")).run(inputs)
    for ours, theirs in zip(run.outputs, tflm_outputs(model, inputs), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_layers_that_do_not_fit_are_refused_with_the_reason() -> None:
    layers, kernel = Layers(0), DspConv2D()
    operator = layers.conv((1, 4, 4, 4), 4, layers.window((3, 3), (1, 1), (1, 1), same=True)).operator
    assert isinstance(operator, Conv2D)
    channels = operator.channels
    left = replace(channels, shift=np.full(4, 1, np.int32), multiplier=channels.multiplier | 1)
    assert kernel.refusal(operator) == ""
    assert "shifts sums to the right" in kernel.refusal(replace(operator, channels=left))
    assert "a bias needs" in kernel.refusal(replace(operator, channels=replace(channels, bias=np.full(4, 2**27))))
    assert "clamps to int8" in kernel.refusal(replace(operator, bounds=Bounds(0, 127)))
