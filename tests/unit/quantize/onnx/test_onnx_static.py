from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edgeforge.quantize.onnx.static import _quantize
from edgeforge.recipe.sections.quantize import OnnxInt8
from edgeforge.runtimes.onnxruntime import OnnxRunner


def test_a_filter_of_zeros_does_not_stop_onnx_runtime(tmp_path: Path) -> None:
    """Pruning leaves such filters; they give their bias."""
    rng = np.random.default_rng(0)
    filters = rng.normal(size=(4, 1, 3, 3)).astype(np.float32)
    filters[1] = 0.0
    bias = np.array([0.1, 0.7, -0.2, 0.0], np.float32)
    nodes = [helper.make_node("Conv", ["input", "w", "b"], ["c"], name="conv"),
             helper.make_node("Flatten", ["c"], ["logits"], name="flatten")]  # fmt: skip
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, 3, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(filters, "w"), numpy_helper.from_array(bias, "b")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    source, target = tmp_path / "x.onnx", tmp_path / "x_int8.onnx"
    onnx.save(model, source)
    images = rng.normal(size=(50, 1, 3, 3)).astype(np.float32)
    _quantize(source, target, images, OnnxInt8())
    found, expected = OnnxRunner(target).run(images), OnnxRunner(source).run(images)
    step = (expected.max() - expected.min()) / 255
    assert abs(found[:, 1] - 0.7).max() <= step, "the filter of zeros"
    assert abs(found - expected).max() < 6 * step
