"""All passes in their order, names for nodes that have none, and contracts that are held."""

import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_nets import X, graph, operators, run

from edgeforge.errors import StageFailed
from edgeforge.onnx_graph.passes.max_pool_padded_first import MaxPoolPaddedFirst
from edgeforge.onnx_graph.passes.name_nodes import NameNodes
from edgeforge.onnx_graph.passes.order import TO_TFLITE
from edgeforge.passes import Rewritten, rewrite


def two_pools(first: str = "", second: str = "") -> object:
    """Return two padded pools, a gate and an average, in a graph whose exporter names no node."""
    pool = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    nodes = [
        helper.make_node("HardSigmoid", ["x"], ["g"], alpha=1 / 6, beta=0.5),
        helper.make_node("MaxPool", ["g"], ["p"], first, **pool),
        helper.make_node("MaxPool", ["p"], ["q"], second, **pool),
        helper.make_node("ReduceMean", ["q", "axes"], ["y"], keepdims=1),
    ]
    made = graph(nodes, list(X.shape), [1, 3, 1, 1], [numpy_helper.from_array(np.array([2, 3]), "axes")])
    for name in ("g", "p", "q"):
        made.graph.value_info.append(helper.make_tensor_value_info(name, 1, list(X.shape)))
    return made


def test_the_order_rewrites_an_unnamed_graph_and_computes_the_same() -> None:
    made = two_pools()
    expected = run(made)
    made, done = rewrite(made, TO_TFLITE)
    assert operators(made) == ["Add", "Clip", "Mul", "Pad", "MaxPool", "Pad", "MaxPool", "GlobalAveragePool"]
    assert done["NameNodes"].changed == ("HardSigmoid_0", "MaxPool_1", "MaxPool_2", "ReduceMean_3")
    assert done["MaxPoolPaddedFirst"].changed == ("MaxPool_1", "MaxPool_2")
    pads = [node for node in made.graph.node if node.op_type == "Pad"]
    assert [node.attribute[0].s for node in pads] == [b"constant", b"constant"], "behind a gate nothing is negative"
    assert np.allclose(run(made), expected, atol=1e-6)


def test_names_that_are_there_stay_and_others_do_not_collide() -> None:
    made = two_pools("MaxPool_2", "MaxPool_2")
    assert NameNodes()(made).changed == ("HardSigmoid_0", "MaxPool_1", "MaxPool_2_", "ReduceMean_3")
    assert NameNodes()(made).changed == ()


def test_without_names_a_pass_does_not_begin() -> None:
    with pytest.raises(StageFailed, match="MaxPoolPaddedFirst requires more than the model has: a node HardSig"):
        MaxPoolPaddedFirst()(two_pools())


def test_a_pass_that_forgets_a_node_or_breaks_the_graph_is_caught() -> None:
    class Forgets(MaxPoolPaddedFirst):
        def rewrite(self, model):  # type: ignore[no-untyped-def]
            return Rewritten(model)

    class Breaks(MaxPoolPaddedFirst):
        def rewrite(self, model):  # type: ignore[no-untyped-def]
            done = super().rewrite(model)
            model.graph.node.append(model.graph.node.pop(0))
            return done

    for broken, said in ((Forgets(), "'first' is still there"), (Breaks(), "reads 'g' before it is made")):
        made = two_pools("first", "second")
        NameNodes()(made)
        with pytest.raises(StageFailed, match=said):
            broken(made)
