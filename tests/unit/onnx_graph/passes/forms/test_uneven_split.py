import numpy as np
import pytest
from onnx import helper, numpy_helper
from onnx_nets import X, graph, operators, run

from edgeforge.onnx_graph.passes.forms.uneven_split import UnevenSplit


@pytest.mark.parametrize(("sizes", "left"), [([2, 1], ["Slice", "Slice"]), ([1, 1, 1], ["Split"])])
def test_unequal_parts_become_slices(sizes: list[int], left: list[str]) -> None:
    parts = [f"part{number}" for number in range(len(sizes))]
    split = helper.make_node("Split", ["x", "sizes"], parts, "split", axis=1)
    join = helper.make_node("Concat", parts[::-1], ["y"], "join", axis=1)
    net = graph([split, join], list(X.shape), list(X.shape), [numpy_helper.from_array(np.array(sizes), "sizes")])
    expected = run(net)
    done = UnevenSplit()(net)
    assert operators(net) == [*left, "Concat"] and done.changed == (("split",) if left[0] == "Slice" else ())
    assert (run(net) == expected).all()
