"""CONCATENATION, SPLIT, STRIDED_SLICE, TRANSPOSE, RESHAPE, SQUEEZE: values are moved, none is computed."""

import numpy as np
import pytest
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm

from edgeforge.errors import RecipeError
from edgeforge.targets.engine.compile import compile_model


@pytest.mark.parametrize("axis", [1, 2, -1])
def test_concatenation_and_split_have_the_bytes_of_tflm(axis: int) -> None:
    net = Int8(4, 6, 8)
    shape = [1, 4, 6, 8]
    part = list(shape)
    part[axis] //= 2
    first = net.operator("SPLIT", [net.whole("axis", axis), net.input], tuple(part), numSplits=2)
    second = net.activation("split", tuple(part))
    net.graph.operators[-1].outputs = [first, second]
    x = net.operator("CONCATENATION", [second, first, net.relu(second)], (*shape[:axis], 0, 0, 0, 0)[:4], axis=axis)
    shape[axis] = part[axis] * 3
    net.graph.tensors[x].shape = shape
    require_the_bytes_of_tflm(net.build(x))


def test_parts_on_other_grids_are_refused() -> None:
    net = Int8(4)
    x = net.operator("CONCATENATION", [net.input, net.constant(1, 4)], (1, 8), axis=1)
    with pytest.raises(RecipeError, match="tensor constant_1 is on another grid than the output"):
        compile_model(net.build(x), "net")


def test_strided_slices_have_the_bytes_of_tflm() -> None:
    net = Int8(7, 6, 5)
    places = [net.whole(*named) for named in (("begin", [0, 6, 1, 0]), ("end", [1, 0, -1, 3]), ("step", [1, -2, 1, 1]))]
    x = net.operator("STRIDED_SLICE", [net.input, *places], (1, 3, 4), beginMask=1, endMask=0, ellipsisMask=0,
                     newAxisMask=0, shrinkAxisMask=8)  # fmt: skip
    require_the_bytes_of_tflm(net.build(x))


def test_transposes_have_the_bytes_of_tflm() -> None:
    net = Int8(3, 4, 5)
    x = net.operator("TRANSPOSE", [net.input, net.whole("order", [0, 3, 1, 2])], (1, 5, 3, 4))
    x = net.operator("TRANSPOSE", [x, net.whole("order", [0, 1, 3, 2])], (1, 5, 4, 3))
    require_the_bytes_of_tflm(net.build(x))


def test_reshapes_are_dropped_but_where_both_ends_are_the_callers() -> None:
    net = Int8(3, 4, 5)
    model = net.build(net.dense(net.flat(net.input), net.any(4, 60)))
    assert [type(one).__name__ for one in compile_model(model, "net").operators] == ["FullyConnected"]
    net = Int8(3, 4, 5)
    model = net.build(net.flat(net.input))
    assert [type(one).__name__ for one in compile_model(model, "net").operators] == ["Reshape"]
    require_the_bytes_of_tflm(model)


def test_two_reshapes_of_one_tensor_that_are_both_outputs() -> None:
    net = Int8(3, 4, 5)
    x = net.conv(net.input, net.any(5, 1, 1, 5), np.zeros(5))
    outputs = [net.flat(x), net.flat(x), x]
    net.build(outputs[0])
    net.graph.outputs = outputs
    from edgeforge.tflite.flatbuffer import write_model

    require_the_bytes_of_tflm(write_model(net.model))
