"""Layers one behind the other, a few rows at a time."""

from pathlib import Path

import numpy as np
import pytest
from engine_network import Int8
from engine_program import random_inputs, tflm_outputs

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import library_files
from edgeforge.targets.engine.emulate.machine import INSTALL, missing
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.chain import Chain
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.options import Optimize, Options, core_named


def net(height: int = 21, width: int = 19, *, read_twice: bool = False) -> bytes:
    """Return a model whose widest tensor stands between a 1×1 convolution and a depthwise one of stride 2."""
    made = Int8(height, width, 3)
    x = made.on(0.5, 0).conv(made.input, made.any(4, 3, 3, 3))
    wide = made.on(2.0, 3).conv(x, made.any(24, 1, 1, 4))
    y = made.on(8.0, -5).depthwise(wide, made.any(1, 3, 3, 24), stride=2)
    y = made.on(30.0, 0).conv(y, made.any(2, 1, 1, 24))
    if read_twice:
        other = made.on(30.0, 0).conv(wide, made.any(2, 1, 1, 24), stride=2)
        y = made.on(30.0, 0).add(y, other)
    return made.build(made.on(300.0, 0).dense(y, made.any(3, made.shape(y)[1] * made.shape(y)[2] * 2)))


def first_blocks() -> bytes:
    """Return a model that begins as MobileNetV2 does: no two neighbours alone make its memory much smaller."""
    made = Int8(33, 30, 3)
    x = made.on(0.5, -128).conv(made.input, made.any(8, 3, 3, 3), stride=2)
    x = made.on(1.0, -128).depthwise(x, made.any(1, 3, 3, 8))
    x = made.on(2.0, 3).conv(x, made.any(4, 1, 1, 8))
    x = made.on(4.0, -128).conv(x, made.any(24, 1, 1, 4))
    x = made.on(8.0, -128).depthwise(x, made.any(1, 3, 3, 24), stride=2)
    x = made.on(30.0, 0).conv(x, made.any(6, 1, 1, 24))
    return made.build(made.on(300.0, 0).dense(x, made.any(3, made.shape(x)[1] * made.shape(x)[2] * 6)))


def compiled(model: bytes, optimize: Optimize = "speed") -> Network:
    return compile_model(model, "net", Options(core_named("m4"), optimize))


def chains(network: Network) -> list[Chain]:
    return [one for one in network.operators if isinstance(one, Chain)]


@pytest.mark.parametrize(("height", "width", "optimize"), [(21, 19, "speed"), (21, 19, "ram"), (24, 24, "ram")])
def test_less_memory_and_the_same_bytes(height: int, width: int, optimize: Optimize, tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(f"{reason}: {INSTALL}")
    model = net(height, width)
    network, whole = compiled(model, optimize), compiled(model, "size")
    (chain,) = chains(network)
    assert chain.rows < chain.output.shape[1] and sum(chain.kept_bytes) < chain.links[0].output.bytes
    assert network.shared_bytes < 0.6 * whole.shared_bytes and not chains(whole)
    inputs = random_inputs(model, 3)
    np.testing.assert_array_equal(build(network, tmp_path).run(inputs).outputs[0], tflm_outputs(model, inputs)[0])
    files = library_files([network])
    assert chain.links[0].label in files["net.c"]
    assert f"of {chain.links[0].label} {chain.kept_rows[0]} rows" in files["net.h"]


def test_for_ram_fewer_rows_stand_than_for_speed() -> None:
    (fast,), (small,) = chains(compiled(net(60, 40))), chains(compiled(net(60, 40), "ram"))
    assert small.rows < fast.rows


def test_what_is_read_elsewhere_too_stands_whole() -> None:
    between = [link for chain in chains(compiled(net(read_twice=True))) for link in chain.links[:-1]]
    assert all(isinstance(link, DepthwiseConv2D) for link in between if link.output.shape[3] == 24)


def test_budgets_are_those_of_what_is_chosen() -> None:
    model = net()
    network = compiled(model)
    limit = Options(core_named("m4"), max_ram=network.shared_bytes)
    assert compile_model(model, "net", limit).shared_bytes == network.shared_bytes


def test_where_no_kernel_computes_by_rows_both_stand_alone() -> None:
    assert chains(compile_model(net(), "net")) and not chains(compile_model(net(), "net", Options(rounding="single")))


@pytest.mark.parametrize("core", ["m0plus", "m4", "m55"])
def test_chains_are_as_long_as_it_takes(core: str, tmp_path: Path) -> None:
    if reason := missing():
        pytest.skip(f"{reason}: {INSTALL}")
    model = first_blocks()
    whole = compile_model(model, "net", Options(core_named(core), "size"))
    network = compile_model(model, "net", Options(core_named(core), "ram"))
    assert max(len(chain.links) for chain in chains(network)) > 2
    image = network.inputs[0].bytes  # stands whole in both
    assert network.shared_bytes - image < 0.4 * (whole.shared_bytes - image)
    inputs = random_inputs(model, 3)
    np.testing.assert_array_equal(build(network, tmp_path).run(inputs).outputs[0], tflm_outputs(model, inputs)[0])
