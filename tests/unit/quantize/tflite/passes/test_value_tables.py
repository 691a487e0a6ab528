"""Functions of single values as tables: every int8 value, on LiteRT's reference kernels and on TFLM."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tflite_network import Network

from edgeforge.quantize.tflite.passes.value_tables import insides, tables_in, with_placeholders
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.flatbuffer import int8_checks, operators
from edgeforge.tflite.graph import Graph


def softplus(net: Network, x: int) -> int:
    one = net.tensor("one", (), "FLOAT32", values=np.array(1, np.float32))
    exponential = net.operator("EXP", [x], net.shape(x))
    return net.operator("LOG", [net.operator("ADD", [exponential, one], net.shape(x))], net.shape(x))


def alone(name: str) -> Callable[[Network, int], int]:
    return lambda net, x: net.operator(name, [x], net.shape(x))


FUNCTIONS: dict[str, tuple[Callable[[Network, int], int], Callable[[np.ndarray], np.ndarray]]] = {
    "softplus": (softplus, lambda x: np.log1p(np.exp(x))),
    "elu": (alone("ELU"), lambda x: np.where(x > 0, x, np.expm1(x))),
    "sin": (alone("SIN"), np.sin),
    "abs": (alone("ABS"), abs),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_value_is_right_to_half_a_step(tmp_path: Path, name: str) -> None:
    add, function = FUNCTIONS[name]
    net = Network(8, 32, 1)
    model = net.build(add(net, net.input))
    low, high = -6.0, 3.5
    expected = function(np.linspace(low, high, 4096))
    graph = Graph(model)
    ranges = dict.fromkeys((graph.name(place) for one in graph.operators for place in one.outputs), (-1.0, 1.0))
    ranges |= {graph.name(graph.inputs[0]): (low, high)}
    ranges |= {graph.name(graph.outputs[0]): (min(0.0, float(expected.min())), float(expected.max()))}
    path = tmp_path / "int8.tflite"
    path.write_bytes(quantize_static(model, ranges))
    assert operators(path.read_bytes()) == {"CAST": 2, "ADD": 1, "GATHER": 1}
    assert all(check["passed"] for check in int8_checks(path.read_bytes(), "int8"))
    assert len(tables_in(path.read_bytes())) == 1
    reference, micro = LiteRTRunner(path, kernels="reference"), TFLMRunner(path)
    scale, zero = reference.input.scale, reference.input.zero_point
    assert scale is not None
    assert zero is not None
    values = ((np.arange(-128, 128) - zero) * scale).astype(np.float32).reshape(1, 1, 8, 32)
    found = reference.run(values)
    assert np.array_equal(found, micro.run(values))
    step, origin = reference.output.scale or 0, reference.output.zero_point or 0
    right = function(values.reshape(-1).astype(np.float64)).clip((-128 - origin) * step, (127 - origin) * step)
    assert abs(found.reshape(-1) - right).max() <= step / 2 * 1.001


def test_what_a_function_passes_on_its_way_needs_no_range() -> None:
    net = Network(4, 4, 2)
    model = net.build(softplus(net, net.input))
    graph = Graph(model)
    names = [graph.name(int(one.outputs[0])) for one in graph.operators]
    assert insides(model) == set(names[:-1])
    assert with_placeholders(model, frozenset(names[:-1]))[1] == {}, "one of them is to stay in float"
