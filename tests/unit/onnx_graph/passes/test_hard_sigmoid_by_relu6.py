import numpy as np
from onnx import helper
from onnx_nets import SCOPES, X, model, operators, run

from edgeforge.onnx_graph.passes.hard_sigmoid_by_relu6 import HardSigmoidByRelu6
from edgeforge.passes import Refusal


def test_a_hard_sigmoid_becomes_a_relu6_of_the_same_module() -> None:
    gate = model(helper.make_node("HardSigmoid", ["x"], ["y"], "gate", alpha=1 / 6, beta=0.5), list(X.shape))
    assert operators(gate) == ["HardSigmoid"]
    expected = run(gate)
    assert HardSigmoidByRelu6()(gate).changed == ("gate",)
    assert operators(gate) == ["Add", "Clip", "Mul"]
    assert all(node.metadata_props[0].value == SCOPES for node in gate.graph.node)
    assert np.allclose(run(gate), expected, atol=1e-6) and 0 < expected.mean() < 1


def test_other_slopes_are_refused() -> None:
    gate = model(helper.make_node("HardSigmoid", ["x"], ["y"], "gate"), list(X.shape))
    done = HardSigmoidByRelu6()(gate)
    assert operators(gate) == ["HardSigmoid"] and done.changed == ()
    assert done.refused == (Refusal("gate", "its slopes are not PyTorch's, 1/6 and 1/2"),)
