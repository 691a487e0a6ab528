"""Model files that are broken, foreign or dynamic: one clear error each, from every runtime."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from free_batch import free
from onnx import TensorProto, helper

from edgeforge.errors import RecipeError
from edgeforge.runtimes.load import load_runner


def relu(path: Path, batch: int | str, height: int | str = 2) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, 1, height, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_a_free_batch_is_one(tmp_path: Path) -> None:
    assert load_runner(relu(tmp_path / "m.onnx", "batch")).input.shape == (1, 1, 2, 2)
    (tmp_path / "m.tflite").write_bytes(free())
    runner = load_runner(tmp_path / "m.tflite")
    assert runner.input.shape == (1, 8, 8, 3)
    assert runner.run(np.zeros((3, 3, 8, 8), np.float32)).shape == (3, 5)


def test_other_free_dimensions_are_named_and_taken(tmp_path: Path) -> None:
    path = relu(tmp_path / "m.onnx", 1, "height")
    with pytest.raises(RecipeError, match=r"m.onnx: its input 'x' leaves dimensions free: \[1,1,\?,2\]"):
        load_runner(path)
    assert load_runner(path, shapes={"x": (1, 1, 5, 2)}).run(np.ones((1, 1, 5, 2), np.float32)).shape == (1, 1, 5, 2)


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
