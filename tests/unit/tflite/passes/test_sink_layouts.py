from pathlib import Path

import numpy as np
import pytest
from tflite_network import Network
from tiny_nets import after, dense, images

from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.layouts.sink import SinkLayouts

LAST = np.array([0, 3, 1, 2], np.int32)


def selecting(*, other: bool = False) -> bytes:
    """A function of several steps between a transpose and a mean; `other`: it reads what nothing has turned, too."""
    net = Network(8, 8, 3)
    order, limit = (
        net.tensor("order", (4,), "INT32", values=LAST),
        net.tensor("limit", (1,), "FLOAT32", values=np.ones(1, np.float32)),
    )
    turned = net.operator("TRANSPOSE", [net.input, order], (1, 3, 8, 8))
    large = net.operator("GREATER", [turned, limit], (1, 3, 8, 8))
    net.graph.tensors[large].type = 6  # BOOL
    small = net.operator("RESHAPE", [net.input], (1, 3, 8, 8)) if other else turned
    chosen = net.operator("SELECT", [large, turned, net.operator("EXP", [small], (1, 3, 8, 8))], (1, 3, 8, 8))
    axes = net.tensor("axes", (2,), "INT32", values=np.array([2, 3], np.int32))
    mean = net.operator("MEAN", [chosen, axes], (1, 3, 1, 1), keepDims=True)
    return net.build(after(net, net.flat(mean), dense(np.random.default_rng(1), 3, 5)))


def outputs(model: bytes, folder: Path) -> np.ndarray:
    (folder / "model.tflite").write_bytes(model)
    return LiteRTRunner(folder / "model.tflite").run(images(np.random.default_rng(2), 4))


def test_a_function_of_several_steps_that_reads_one_layout_goes_before_it(tmp_path: Path) -> None:
    model = selecting()
    done = SinkLayouts()(model)
    assert operators(model)["TRANSPOSE"] == 1 and "TRANSPOSE" not in operators(done.model)
    assert np.allclose(outputs(done.model, tmp_path), outputs(model, tmp_path), atol=1e-5)


def test_two_layouts_of_one_function_stay() -> None:
    assert operators(SinkLayouts()(selecting(other=True)).model)["TRANSPOSE"] == 1


def gated(combine: str, reduce: str, *, keep: bool = True, over: tuple[int, ...] = (2, 3)) -> bytes:
    """A squeeze-and-excitation block in PyTorch's layout; `over`: the axes that its values are means of."""
    net = Network(8, 8, 3)
    order = net.tensor("order", (4,), "INT32", values=LAST)
    back = net.tensor("back", (4,), "INT32", values=np.array([0, 2, 3, 1], np.int32))
    axes = net.tensor("axes", (len(over),), "INT32", values=np.array(over, np.int32))
    small = tuple(1 if axis in over else size for axis, size in enumerate((1, 3, 8, 8)))
    turned = net.operator("TRANSPOSE", [net.input, order], (1, 3, 8, 8))
    shape = small if keep else (1, 3)
    gate = net.operator("LOGISTIC", [net.operator(reduce, [turned, axes], shape, keepDims=keep)], shape)
    gate = gate if keep else net.operator("RESHAPE", [gate, net.whole("small", small)], small, newShape=list(small))
    both = net.operator(combine, [gate, turned], (1, 3, 8, 8))
    last = net.operator("TRANSPOSE", [both, back], (1, 8, 8, 3))
    return net.build(after(net, net.flat(last), dense(np.random.default_rng(1), 192, 5)))


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize(("combine", "reduce"), [("MUL", "MEAN"), ("SUB", "SUM")])
def test_a_block_of_squeeze_and_excitation_is_computed_without_layouts(
    tmp_path: Path, combine: str, reduce: str, keep: bool
) -> None:
    model = gated(combine, reduce, keep=keep)
    done = SinkLayouts()(model).model
    assert operators(model)["TRANSPOSE"] == 2 and "TRANSPOSE" not in operators(done)
    assert np.allclose(outputs(done, tmp_path), outputs(model, tmp_path), atol=1e-4)


def test_values_of_rows_and_channels_would_need_a_layout_themselves() -> None:
    assert operators(SinkLayouts()(gated("MUL", "MEAN", over=(3,))).model)["TRANSPOSE"] == 2
