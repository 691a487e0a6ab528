import struct

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from free_batch import FreeBatch, free
from int8_models import Net
from tflite_models import weights

from edgeforge.errors import RecipeError
from edgeforge.tflite.flatbuffer import is_aligned, operators, read_model, write_model
from edgeforge.tflite.graph import Graph, TensorRunner
from edgeforge.tflite.passes.fixed.dilate_convolutions import DilateConvolutions
from edgeforge.tflite.passes.fixed.fix_shapes import FixShapes
from edgeforge.tflite.passes.fixed.fold_shapes import FoldShapes
from edgeforge.tflite.passes.fixed.order import fixed


@pytest.mark.parametrize("kind", ["INT8", "FLOAT32"])
def test_a_free_batch_is_one_and_what_follows_from_it_is_constant(kind: str) -> None:
    before = free(kind)
    after, said = fixed(before)
    assert operators(after) == {"CONV_2D": 1, "RESHAPE": 1, "FULLY_CONNECTED": 1}
    assert [text.split(":")[0].split(" that")[0] for text in said] == [
        "shapes", "computed from shapes alone, and now constants",
        "with the SPACE_TO_BATCH_ND and BATCH_TO_SPACE_ND around it, now one dilated convolution",
    ]  # fmt: skip
    assert all(tensor.shapeSignature is None for tensor in read_model(after).subgraphs[0].tensors)
    random = np.random.default_rng(0).integers(-100, 100, (1, 8, 8, 3))
    given = [(random / (100 if kind == "FLOAT32" else 1)).astype(kind.lower())]
    (old,), (new,) = (TensorRunner(model, kernels="reference").run(given) for model in (before, after))
    assert np.allclose(old, new, atol=1e-5) if kind == "FLOAT32" else np.array_equal(old, new)
    assert fixed(after) == (after, ())


def test_shapes_inside_are_those_of_an_inference() -> None:
    graph = Graph(FixShapes()(free()).model)
    assert graph.shape(graph.operators[0].outputs[0]) == (4, 6, 6, 3)  # a batch of four, between


def test_a_model_of_fixed_shapes_keeps_its_bytes() -> None:
    net = Net(8, 8, 1)
    model = net.build(net.dense(net.flat(net.conv(net.input, 4)), 3))
    assert fixed(model) == (model, ())


@pytest.mark.parametrize(
    ("kernel", "pads", "padding"),
    [(3, (2, 2), 0), (3, (0, 0), 1), (5, (4, 4), 0)],
    ids=["same", "valid", "wide"],
)
def test_convolutions_are_dilated_as_they_were(kernel: int, pads: tuple[int, int], padding: int) -> None:
    net = FreeBatch(12, 12, 2, kind="INT8")
    before = FixShapes()(net.build(net.dilated(net.input, 100 * weights(3, kernel, kernel, 2), pads=pads))).model
    after = DilateConvolutions()(before).model
    options = Graph(after).operators[0].builtinOptions
    assert (options.padding, options.dilationHFactor, options.dilationWFactor) == (padding, 2, 2)
    given = [np.random.default_rng(1).integers(-128, 128, (1, 12, 12, 2)).astype(np.int8)]
    (old,), (new,) = (TensorRunner(model, kernels="reference").run(given) for model in (before, after))
    assert np.array_equal(old, new)


def test_padding_that_no_convolution_has_is_refused() -> None:
    net = FreeBatch(12, 12, 2, kind="INT8")
    model = FixShapes()(net.build(net.dilated(net.input, 100 * weights(3, 3, 3, 2), pads=(4, 0)))).model
    done = DilateConvolutions()(model)
    assert done.model == model and done.refused[0].reason == "no convolution pads as it does"


def test_an_output_that_is_a_shape_stays() -> None:
    net = FreeBatch(8, 8, 1, kind="INT8")
    model = net.build(net.shape_of(net.input))
    assert FoldShapes()(FixShapes()(model).model).changed == ()


def test_a_dimension_that_is_no_batch_is_asked_for_and_taken() -> None:
    net = FreeBatch(8, 8, 1, kind="INT8")
    x = net.mean(net.conv(net.input, 100 * weights(4, 3, 3, 1)))
    model = read_model(net.build(net.dense(x, 100 * weights(2, 4))))
    graph = model.subgraphs[0]
    for place in (graph.inputs[0], graph.operators[0].outputs[0]):
        graph.tensors[place].shapeSignature = np.array([-1, -1, -1, graph.tensors[place].shape[3]], np.int32)
        graph.tensors[place].shape = [1, 1, 1, graph.tensors[place].shape[3]]
    data = write_model(model)
    with pytest.raises(RecipeError, match=r"its input 'input_0' leaves dimensions free: \[1,\?,\?,1\]") as caught:
        fixed(data)
    assert "--shape input_0=1,96,96,1" in caught.value.fix
    made, _ = fixed(data, {"input_0": (1, 20, 16, 1)})
    assert Graph(made).shape(Graph(made).operators[0].outputs[0]) == (1, 20, 16, 4)
    with pytest.raises(RecipeError, match=r"--shape input_0=1,20,16,3: the file says \[\?,\?,\?,1\]"):
        fixed(data, {"": (1, 20, 16, 3)})


def test_buffers_at_odd_addresses_are_aligned() -> None:
    net = Net(8, 8, 1)
    model = net.build(net.conv(net.input, 4))
    odd = _unaligned(model)
    assert is_aligned(model) and not is_aligned(odd)
    made, said = fixed(odd)
    assert is_aligned(made) and said == ("its buffers lay at odd addresses; they are aligned now",)


def _unaligned(model: bytes) -> bytes:
    """Return the model with the values of its last tensor at an odd address, as a careless writer has them."""
    root = schema.Model.GetRootAs(model, 0)
    table = root.Buffers(root.BuffersLength() - 1)._tab
    field, start = table.Pos + table.Offset(4), table.Vector(table.Offset(4))
    size = table.VectorLen(table.Offset(4))
    moved = model + b"\0" * (1 + len(model) % 2)
    offset = struct.pack("<I", len(moved) - field)
    return moved[:field] + offset + moved[field + 4 :] + struct.pack("<I", size) + model[start : start + size]
