"""A stranger's .onnx: what is refused by its parts, and what only running it can tell."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edgeforge.apart.run import EngineEnded
from edgeforge.errors import RecipeError
from edgeforge.evaluate.bench import bench_models
from edgeforge.onnx_graph.read import read_onnx


def net() -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.ones((2, 1, 3, 3), np.float32), "w")
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], "conv", strides=[1, 1], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["y"], "relu"),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, c, 8, 8]) for name, c in (("x", 1), ("y", 2))]
    graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], [weight])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def saved(model: onnx.ModelProto, folder: Path) -> Path:
    (folder / "n.onnx").write_bytes(model.SerializeToString())
    return folder / "n.onnx"


def attribute(name: str, value: Any) -> onnx.ModelProto:
    model = net()
    kept = [one for one in model.graph.node[0].attribute if one.name != name]
    del model.graph.node[0].attribute[:]
    model.graph.node[0].attribute.extend([*kept, helper.make_attribute(name, value)])
    return model


def dimension(value: int) -> onnx.ModelProto:
    model = net()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = value
    return model


def weights(*sizes: int) -> onnx.ModelProto:
    model = net()
    del model.graph.initializer[0].dims[:]
    model.graph.initializer[0].dims.extend(sizes)
    return model


def circle() -> onnx.ModelProto:
    model = net()
    model.graph.node[0].input[0] = "y"
    return model


def recursive() -> onnx.ModelProto:
    model, opset = net(), [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    call = helper.make_node("Again", ["a"], ["b"], domain="own")
    model.functions.append(helper.make_function("own", "Again", ["a"], ["b"], [call], opset))
    model.opset_import.append(helper.make_opsetid("own", 1))
    model.graph.node[1].op_type, model.graph.node[1].domain = "Again", "own"
    return model


def expanding() -> onnx.ModelProto:
    model = net()
    sizes = numpy_helper.from_array(np.array([1600, 1_000_000_000], np.int64), "sizes")
    model.graph.initializer.append(sizes)
    model.graph.node.append(helper.make_node("ReduceSum", ["y"], ["one"], keepdims=0))
    model.graph.node.append(helper.make_node("Expand", ["one", "sizes"], ["huge"]))
    model.graph.node.append(helper.make_node("ReduceSum", ["huge"], ["z"], keepdims=0))
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, []))
    return model


def future() -> onnx.ModelProto:
    model = net()
    model.opset_import[0].version = 99
    return model


def endless(*computed: onnx.NodeProto, turns: str = "") -> onnx.ModelProto:
    """Return a network with a Loop; computed: what makes `go_on` of `going`, instead of handing it on."""
    model = net()
    values = [
        helper.make_tensor_value_info(name, kind, shape)
        for name, kind, shape in (
            *(("turn", TensorProto.INT64, []), ("going", TensorProto.BOOL, []), ("before", TensorProto.FLOAT, None)),
            *(("go_on", TensorProto.BOOL, []), ("after", TensorProto.FLOAT, None)),
        )
    ]
    handed = [helper.make_node("Identity", [a], [b]) for a, b in (("going", "go_on"), ("before", "after"))]
    nodes = [*computed, handed[1]] if computed else handed
    body = helper.make_graph(nodes, "body", values[:3], values[3:])
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "yes"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(3), "three"))
    model.graph.node.append(helper.make_node("Loop", [turns, "yes", "y"], ["turned"], body=body))
    model.graph.output[0].name = "turned"
    return model


ALWAYS = helper.make_node("Constant", [], ["go_on"], value=numpy_helper.from_array(np.array(True)))
TURNED_TWICE = [helper.make_node("Not", [a], [b]) for a, b in (("going", "other"), ("other", "go_on"))]


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    assert len(read_onnx(saved(net(), tmp_path)).graph.node) == 2
    assert bench_models([tmp_path / "n.onnx"], threads=1, runs=20, warmup=1)[0].p50 > 0


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (lambda: attribute("strides", [0, 0]), "Conv 'conv' has strides 0"),
        (lambda: attribute("dilations", [0, 0]), "Conv 'conv' has dilations 0"),
        (lambda: attribute("kernel_shape", [10**9, 10**9]), "Conv 'conv' has kernel_shape 1000000000"),
        (lambda: attribute("pads", [2**40] * 4), "Conv 'conv' has pads 1099511627776"),
        (lambda: attribute("group", 0), "Conv 'conv' has group 0"),
        (lambda: dimension(-5), "'x' is of the shape"),
        (lambda: dimension(2**40), "'x' is of the shape"),
        (lambda: weights(-2, 1, 3, 3), "tensor 'w' is of the shape"),
        (lambda: weights(2**50, 1, 3, 3), "tensor 'w' would take"),
        (lambda: weights(3, 1, 3, 3), "tensor 'w' has 72 bytes, which do not fill its shape [3, 1, 3, 3]"),
        (circle, "goes in a circle"),
        (recursive, "its function 'Again' calls itself"),
        (expanding, "'huge', which it computes, would take"),
        (future, "it is of opset 99; the newest known here is"),
        (endless, "Loop 'turned' never ends: it has no number of turns, and its condition stays true"),
        (lambda: endless(ALWAYS), "Loop 'turned' never ends"),
        (onnx.ModelProto, "it has no operator"),
    ],
)
def test_what_is_wrong_is_named(model: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError) as caught:
        read_onnx(saved(model(), tmp_path))
    assert said in caught.value.reason and str(tmp_path) in caught.value.reason and caught.value.fix


def test_a_loop_of_three_turns_ends(tmp_path: Path) -> None:
    assert read_onnx(saved(endless(turns="three"), tmp_path))


def test_a_loop_whose_condition_is_computed_is_ended(tmp_path: Path) -> None:
    path = saved(endless(*TURNED_TWICE), tmp_path)
    assert read_onnx(path)
    with pytest.raises(EngineEnded) as caught:
        bench_models([path], threads=1, runs=20, warmup=1)
    assert "ONNX Runtime" in caught.value.reason and str(tmp_path) in caught.value.reason


def test_damage_is_refused_or_taken_and_never_more(tmp_path: Path) -> None:
    whole, chance = net().SerializeToString(), random.Random(3)
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 2, 8))):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        (tmp_path / "n.onnx").write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            read_onnx(tmp_path / "n.onnx")
        except RecipeError as error:
            assert "does not know" not in error.reason, error.__cause__
