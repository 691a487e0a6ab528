"""RELU, RELU6, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH, and QUANTIZE of int8: tables over all 256 inputs."""

import numpy as np
import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.operators.elementwise.lookup import Lookup

FIXED = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
NAMES = ["RELU", "RELU6", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH", "QUANTIZE"]


@pytest.mark.parametrize("name", NAMES)
def test_all_256_inputs_have_the_bytes_of_tflm(name: str) -> None:
    """On several grids: coarse and fine, and with the zero point at both ends."""
    net = Int8(256, scale=0.05, zero=-3)
    ends = []
    for scale, zero in ((0.05, -3), (0.9, 127), (0.004, -128), (0.06, 20)):
        first = net.on(scale, zero).unary("QUANTIZE", net.input)
        grid = FIXED.get(name, (scale, zero) if name == "RELU6" else (scale * 0.7, zero // 2))
        if name == "RELU6" and 6 / scale + zero > 127:
            continue  # TFLM refuses it
        ends.append(net.on(*grid).unary(name, first))
    shape = (1, 256 * len(ends))
    same = [net.on(*(0.05, -3)).unary("QUANTIZE", end) for end in ends]
    joined = net.operator("CONCATENATION", same, shape, axis=1)
    model = net.build(joined)
    from engine_program import engine_outputs, tflm_outputs

    inputs = [np.arange(-128, 128, dtype=np.int8).reshape(1, 1, 256)]
    from pathlib import Path
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        ours = engine_outputs(model, inputs, Path(folder))
    np.testing.assert_array_equal(ours[0], tflm_outputs(model, inputs)[0])


def test_relu_on_one_grid_becomes_the_bounds_of_what_stands_before_it() -> None:
    net = Int8(4, 4, 3)
    x = net.on(0.5, 10).conv(net.input, net.any(4, 1, 1, 3))
    model = net.build(net.relu(x))
    (operator,) = compile_model(model, "net").operators
    assert operator.bounds.low == 10
    require_the_bytes_of_tflm(model)


def test_relu_on_another_grid_stays_an_operator() -> None:
    net = Int8(4, 4, 3)
    x = net.on(0.5, 10).conv(net.input, net.any(4, 1, 1, 3))
    operators = compile_model(net.build(net.on(0.2, -128).relu(x)), "net").operators
    assert [type(operator) for operator in operators][1:] == [Lookup]


def test_two_tables_in_a_row_become_one() -> None:
    net = Int8(9)
    x = net.on(*FIXED["LOGISTIC"]).unary("LOGISTIC", net.input)
    model = net.build(net.on(0.02, 7).unary("QUANTIZE", x))
    network = compile_model(model, "net")
    assert len(network.operators) == 1 and len(network.folded) == 1
    require_the_bytes_of_tflm(model)


def test_a_logistic_on_another_grid_is_refused() -> None:
    net = Int8(9)
    with pytest.raises(RecipeError, match="has the zero point 0, not -128"):
        compile_model(net.build(net.on(1 / 256, 0).unary("LOGISTIC", net.input)), "net")
