"""int16×8: what stands between layers with weights in networks of convolutions, residual ones too; the rest by name."""

from pathlib import Path

import numpy as np
import pytest
from engine_network import Int8
from engine_program import random_inputs, require_the_bytes_of_tflm, tflm_outputs
from tiny_nets import images, mobile_net

from edgeforge.errors import RecipeError
from edgeforge.quantize.tflite.ptq import Source
from edgeforge.recipe.sections.quantize import PTQ
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.machine import INSTALL, missing
from edgeforge.targets.engine.emulate.run import build
from edgeforge.targets.engine.options import Options, core_named


class Int16(Int8):
    """The same network with activations of int16."""

    def __init__(self, *shape: int) -> None:
        super().__init__(*shape)
        self.kind = "INT16"
        tensor = self.graph.tensors[self.input]
        from ai_edge_litert import schema_py_generated as schema

        tensor.type = schema.TensorType.INT16
        tensor.quantization.zeroPoint, self.grid = np.array([0]), (0.05, 0)

    def activation(self, name: str, shape: tuple[int, ...]) -> int:
        return self.tensor(name, tuple(shape), "INT16", [self.grid[0]], 0)


@pytest.mark.parametrize("name", ["ADD", "SUB"])
def test_sums_have_the_bytes_of_tflm(name: str) -> None:
    net = Int16(5, 4, 3)
    x = net.on(0.11, 0).operator(name, [net.input, net.input], (1, 5, 4, 3), "RELU")
    x = net.on(0.2, 0).operator(name, [net.input, x], (1, 5, 4, 3))
    require_the_bytes_of_tflm(net.build(x), 12)


@pytest.mark.parametrize("name", ["MAX_POOL_2D", "AVERAGE_POOL_2D"])
def test_pools_have_the_bytes_of_tflm(name: str) -> None:
    net = Int16(9, 7, 3)
    settings = {"filterHeight": 3, "filterWidth": 2}
    x = net.operator(name, [net.input], (1, 5, 7, 3), "RELU", strideH=2, strideW=1, padding=0, **settings)
    x = net.operator(name, [x], (1, 3, 3, 3), strideH=1, strideW=2, padding=1, **settings)
    require_the_bytes_of_tflm(net.build(x), 12)


def test_means_have_the_bytes_of_tflm() -> None:
    net = Int16(5, 4, 3)
    x = net.on(0.04, 0).operator("MEAN", [net.input, net.whole("axes", [1, 2])], (1, 1, 1, 3), keepDims=True)
    require_the_bytes_of_tflm(net.build(x), 12)


def test_what_has_no_kernel_is_named() -> None:
    net = Int16(5, 4, 3)
    with pytest.raises(RecipeError, match=r"MUL 0 .*is int16: it computes int8"):
        compile_model(net.build(net.operator("MUL", [net.input, net.input], (1, 5, 4, 3))), "net")


def test_a_network_quantized_here_has_the_bytes_of_tflm_on_the_desk_and_on_a_core(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    model = Source(mobile_net(random), images(random, 16)).make(PTQ(scheme="int16x8")).model
    require_the_bytes_of_tflm(model)
    if reason := missing():
        pytest.skip(f"on the desk it is right; {reason}: {INSTALL}")
    inputs = random_inputs(model, 3)
    found = build(compile_model(model, "net", Options(core_named("m4"))), tmp_path).run(inputs).outputs[0]
    np.testing.assert_array_equal(found, tflm_outputs(model, inputs)[0])
