"""Model files that are broken, foreign or dynamic: one clear error each, from every runtime."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from edgeforge.errors import RecipeError
from edgeforge.runtimes.load import load_runner


def relu(path: Path, batch: int | str) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 1, 2, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_dynamic_batch_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"input 'x' has the dynamic dimension 'batch'"):
        load_runner(relu(tmp_path / "m.onnx", "batch"))


def test_an_onnx_runner_runs_image_by_image(tmp_path: Path) -> None:
    runner = load_runner(relu(tmp_path / "m.onnx", 1))
    images = np.random.default_rng(0).normal(size=(5, 1, 2, 2)).astype(np.float32)
    assert (runner.run(images) == np.maximum(images, 0)).all()


@pytest.mark.parametrize("suffix", [".pt", ".onnx", ".tflite"])
@pytest.mark.parametrize("content", [b"", b"not a model", b"PK\\x03\\x04" + bytes(100)], ids=["empty", "text", "cut"])
def test_a_broken_file_is_named(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"model{suffix}"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=f"model{suffix}"):
        load_runner(path)
