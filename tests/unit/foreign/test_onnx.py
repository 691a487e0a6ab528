"""Messages of the onnx package and of ONNX Runtime, provoked for real, and what EdgeForge says instead."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from provoked import Call, raised, require_provoked

from edgeforge.foreign.kinds import ONNX
from edgeforge.foreign.wording import words


def model(operator: str, shape: Any = (1, 1, 8, 8), constants: Any = (), **options: Any) -> onnx.ModelProto:
    inputs, opset, domain = options.get("inputs", ("x",)), options.get("opset", 17), options.get("domain", "")
    source = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    target = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    node = helper.make_node(operator, list(inputs), ["y"], domain=domain)
    graph = helper.make_graph([node], "net", [source], [target], list(constants))
    opsets = [helper.make_opsetid("", opset), *([helper.make_opsetid(domain, 1)] if domain else [])]
    return helper.make_model(graph, opset_imports=opsets, ir_version=options.get("ir", 9))


def session(given: onnx.ModelProto | bytes | str) -> onnxruntime.InferenceSession:
    loaded = given.SerializeToString() if isinstance(given, onnx.ModelProto) else given
    return onnxruntime.InferenceSession(loaded, providers=["CPUExecutionProvider"])


def run(given: onnx.ModelProto, *shape: int, dtype: Any = np.float32) -> object:
    return session(given).run(None, {"x": np.zeros(shape, dtype)})


def without_weights(folder: Path) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.zeros((1, 1, 8, 8), np.float32), "w")
    onnx.save(
        model("Add", constants=[weight], inputs=("x", "w")),
        folder / "a.onnx",
        save_as_external_data=True,
        location="a.data",
        size_threshold=0,
    )
    (folder / "a.data").unlink()
    return onnx.load(folder / "a.onnx")


def without_opset() -> onnx.ModelProto:
    given = checkable(model("Unheard", domain="my.own"))
    del given.opset_import[1]
    return given


HUGE = numpy_helper.from_array(np.array([2**44]), "sizes")
WEIGHT = numpy_helper.from_array(np.zeros((10, 3), np.float32), "w")


def elsewhere(location: str) -> onnx.ModelProto:
    weight = numpy_helper.from_array(np.zeros((1, 1, 8, 8), np.float32), "w")
    onnx.external_data_helper.set_external_data(weight, location)
    weight.ClearField("raw_data")
    return checkable(model("Add", constants=[weight], inputs=("x", "w")))


def checkable(given: onnx.ModelProto) -> onnx.ModelProto:
    for size in (1, 1, 8, 8):
        given.graph.output[0].type.tensor_type.shape.dim.add().dim_value = size
    return given


PROVOKED: list[tuple[str, Call]] = [
    (
        "its weights lie in /etc/hosts, outside of its folder, and are not read",
        lambda: onnx.checker.check_model(elsewhere("/etc/hosts")),
    ),
    (
        "its weights lie in ../a.data, outside of its folder, and are not read",
        lambda: onnx.checker.check_model(elsewhere("../a.data")),
    ),
    (
        "its graph is not whole, or goes in a circle: nothing makes 'z' before it is read",
        lambda: onnx.checker.check_model(checkable(model("Add", inputs=("x", "z")))),
    ),
    (
        "its graph is not whole: an operator lacks its input 1",
        lambda: onnx.checker.check_model(checkable(model("Add", inputs=("x", "")))),
    ),
    (
        "it has operators of the domain 'my.own', and does not say of which version",
        lambda: onnx.checker.check_model(without_opset()),
    ),
    ("it is no ONNX file, or a damaged one", lambda: session(b"garbage")),
    ("it is no ONNX file, or a damaged one", lambda: onnx.load_from_string(b"garbage")),
    ("it is empty, or no ONNX file", lambda: onnx.checker.check_model(onnx.ModelProto())),
    (
        "it is written in ONNX's format 99, and 13 is the newest that can be read here",
        lambda: session(model("Relu", ir=99)),
    ),
    (
        "it is written in ONNX's format 99, and 13 is the newest that can be read here",
        lambda: onnx.checker.check_model(model("Relu", ir=99)),
    ),
    (
        "it asks for ONNX's operators of version 99, which are newer than this ONNX Runtime",
        lambda: session(model("Relu", opset=99)),
    ),
    ("ONNX has no operator Unheard", lambda: session(model("Unheard"))),
    ("its operator my.own:Unheard is not one of ONNX's own", lambda: session(model("Unheard", domain="my.own"))),
    ("ONNX Runtime cannot run operator Relu of version 1", lambda: session(model("Relu", opset=1))),
    ("its graph is not whole: nothing makes 'z'", lambda: session(model("Add", inputs=("x", "z")))),
    ("its graph is not whole: a type lacks its shape", lambda: onnx.checker.check_model(model("Relu"))),
    ("its input 'x' takes 8 in dimension 2 and is given 9", lambda: run(model("Relu"), 1, 1, 9, 9)),
    ("its input 'x' has 4 dimensions, not 2", lambda: run(model("Relu"), 1, 9)),
    ("its input is float, not double", lambda: run(model("Relu"), 1, 1, 8, 8, dtype=np.float64)),
    (
        "the shapes at operator MatMul do not fit together",
        lambda: session(model("MatMul", (1, 64), [WEIGHT], inputs=("x", "w"))),
    ),
    (
        "operator MatMul cannot compute with this input",
        lambda: run(model("MatMul", ("n", "c"), [WEIGHT], inputs=("x", "w")), 1, 64),
    ),
    (
        "operator Expand asks for more memory than it may take",
        lambda: run(model("Expand", ("n",), [HUGE], inputs=("x", "sizes")), 1),
    ),
]
KINDS = [kind for kind in ONNX if "file of their own" not in kind.cause]


@pytest.mark.parametrize(("expected", "call"), PROVOKED, ids=[expected for expected, _ in PROVOKED])
def test_a_message_is_told_in_our_words(expected: str, call: Call) -> None:
    said = words(raised(call))
    assert said.cause == expected and said.known


def test_every_known_kind_is_provoked() -> None:
    require_provoked(KINDS, [expected for expected, _ in PROVOKED])


def test_weights_that_are_not_beside_their_model_are_named(tmp_path: Path) -> None:
    said = words(raised(lambda: without_weights(tmp_path)))
    assert said.cause == f"its weights lie in a file of their own, {tmp_path / 'a.data'}, which is not there"
