"""Weights outside an .onnx file: all are found, and none is read that does not lie beside it."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from places import ROOT

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.external import external_files
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.user_files import user_files


def outside(name: str, location: str) -> TensorProto:
    """A tensor of four numbers that lies in another file."""
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), name)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def saved(folder: Path, **places: str) -> Path:
    """Write a model whose tensors lie in files of these names, each where a tensor may stand."""
    branch = helper.make_graph([], "branch", [], [], [outside("w", places.get("subgraph", "subgraph.bin"))])
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    constant = helper.make_node("Constant", [], ["c"], value=outside("c", places.get("attribute", "attribute.bin")))
    graph = helper.make_graph([constant, node], "g", [], [], [outside("a", places.get("initializer", "a.data"))])
    sparse = graph.sparse_initializer.add()
    sparse.values.CopyFrom(outside("s", places.get("sparse", "sparse.bin")))
    inner = helper.make_node("Constant", [], ["f"], value=outside("f", places.get("function", "deep/function.bin")))
    function = helper.make_function("own", "F", [], ["f"], [inner], [helper.make_opsetid("", 17)])
    path = folder / "net.onnx"
    path.write_bytes(helper.make_model(graph, functions=[function]).SerializeToString())
    for name in ("subgraph.bin", "attribute.bin", "a.data", "sparse.bin", "deep/function.bin"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(16))
    return path


def test_every_place_is_found(tmp_path: Path) -> None:
    found = external_files(saved(tmp_path))
    assert list(found) == ["a.data", "attribute.bin", "deep/function.bin", "sparse.bin", "subgraph.bin"]
    assert all(path.is_file() for path in found.values())


@pytest.mark.parametrize("where", ["initializer", "attribute", "subgraph", "sparse", "function"])
@pytest.mark.parametrize(
    ("location", "why"),
    [("/etc/passwd", "not within"), ("../secret", "not within"), ("deep/../../secret", "not within"),
     ("", "not within"),
     ("link", "not within"), ("linked/secret", "not within"), ("none", "not there"), ("deep", "no file"),
     ("pipe", "no file"), ("a\0b", "not within")],
)  # fmt: skip
def test_a_place_elsewhere_is_refused(tmp_path: Path, where: str, location: str, why: str) -> None:
    (tmp_path / "secret").write_text("x")
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    with pytest.raises(RecipeError, match=why) as caught:
        external_files(saved(folder, **{where: location}))
    assert "onnx.save" in caught.value.fix


def test_changed_weights_in_any_file_change_the_key(tmp_path: Path) -> None:
    path = saved(tmp_path)
    loaded = load_recipe(ROOT / "recipes" / "digits.yaml", (f"model={{name: '{path}'}}",))
    files = user_files(loaded)
    assert {"model", "model/a.data", "model/subgraph.bin", "model/deep/function.bin"} <= files.keys()
    assert files["model/attribute.bin"] == tmp_path / "attribute.bin"


def test_the_remedy_works(tmp_path: Path) -> None:
    weight = numpy_helper.from_array(np.ones((300, 2), np.float32), "w")
    value = helper.make_tensor_value_info
    graph = helper.make_graph([helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
                              [value("x", 1, [1, 300])], [value("y", 1, [1, 2])], [weight])  # fmt: skip
    model = helper.make_model(graph)
    onnx.save(model, tmp_path / "net.onnx", save_as_external_data=True)
    assert len(external_files(tmp_path / "net.onnx")) == 1


def test_a_file_that_is_none_is_left_to_who_loads_it(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"\xff" * 100)
    assert external_files(tmp_path / "net.onnx") == {}
