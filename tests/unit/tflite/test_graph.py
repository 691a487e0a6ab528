import numpy as np
import pytest
from tflite_models import chain, images, weights
from tflite_network import Network

from edgeforge.tflite.graph import Graph, TensorRunner, constant_value, cut, downstream, sources, targets

IMAGE = images(count=1).transpose(0, 2, 3, 1)


@pytest.fixture(scope="module")
def values() -> list[np.ndarray]:
    """Every tensor of the chain for one image."""
    graph = Graph(chain())
    return TensorRunner(chain(), every=True).run([IMAGE], list(range(len(graph.tensors))))


@pytest.mark.parametrize("operator", range(7))
def test_an_operator_cut_out_computes_what_it_did(values: list[np.ndarray], operator: int) -> None:
    graph = Graph(chain())
    part = cut(graph, [operator], targets(graph.operators[operator]))
    assert list(part.inputs) == graph.activations(operator) and len(Graph(part.flatbuffer).operators) == 1
    (found,) = TensorRunner(part.flatbuffer).run([values[place] for place in part.inputs])
    assert np.array_equal(found, values[part.outputs[0]])


@pytest.mark.parametrize("kernels", ["builtin", "xnnpack"])
def test_a_tail_starts_from_any_tensor(values: list[np.ndarray], kernels: str) -> None:
    graph = Graph(chain())
    first = targets(graph.operators[0])[0]
    tail = downstream(graph, targets(graph.operators[1])[0])
    assert [graph.names[n] for n in tail] == ["CONV_2D", "ADD", "CONV_2D", "MEAN", "FULLY_CONNECTED"]
    part = cut(graph, tail, graph.outputs)
    assert set(part.inputs) == {targets(graph.operators[1])[0], first}  # the residual comes from before
    (found,) = TensorRunner(part.flatbuffer, kernels=kernels).run([values[place] for place in part.inputs])
    assert np.allclose(found, values[graph.outputs[0]], rtol=1e-4, atol=1e-5)
    assert downstream(graph, graph.outputs[0]) == []


def test_a_tensor_read_twice_is_one_input() -> None:
    net = Network()
    graph = Graph(net.build(net.mul(net.input, net.input)))
    assert sources(graph.operators[0]) == [0, 0]
    part = cut(graph, [0], graph.outputs)
    assert part.inputs == (0,)
    assert np.allclose(TensorRunner(part.flatbuffer).run([IMAGE])[0], IMAGE**2)


def test_constants_are_told_from_activations() -> None:
    graph = Graph(chain())
    kernel = sources(graph.operators[0])[1]
    assert kernel in graph.constants and graph.inputs[0] not in graph.constants
    assert np.array_equal(constant_value(graph, kernel), weights(8, 3, 3, 3, seed=1))
    assert constant_value(graph, graph.inputs[0]) is None
