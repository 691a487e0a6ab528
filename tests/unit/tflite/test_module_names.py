from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tflite_models import chain

from edgeforge.onnx_graph.checks import MODULE_KEY
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.layer_match import match
from edgeforge.tflite.module_names import module_names


def node(kind: str, inputs: list[str], output: str, module: str, **attributes: object) -> onnx.NodeProto:
    made = helper.make_node(kind, inputs, [output], output, **attributes)
    entry = made.metadata_props.add()
    entry.key, entry.value = MODULE_KEY, repr(["", module, output])
    return made


def saved(folder: Path) -> Path:
    """The chain of tflite_models as PyTorch would export it: N,C,H,W, and a Relu of its own."""
    rng = np.random.default_rng(0)
    kernels = {"k0": (8, 3, 3, 3), "k1": (8, 1, 3, 3), "k2": (8, 8, 1, 1), "k3": (6, 8, 1, 1), "m": (5, 6)}
    pads = {"pads": [1, 1, 1, 1]}
    nodes = [
        node("Conv", ["x", "k0"], "a", "features.0", **pads),
        node("Relu", ["a"], "b", "features.1"),
        node("Conv", ["b", "k1"], "c", "features.2.depth", group=8, **pads),
        node("Conv", ["c", "k2"], "d", "features.2.narrow"),
        node("Add", ["b", "d"], "e", "features.2"),
        node("Conv", ["e", "k3"], "f", "features.3"),
        node("Relu", ["f"], "g", "features.4"),
        node("ReduceMean", ["g", "axes"], "h", "pool", keepdims=0),
        node("Gemm", ["h", "m"], "logits", "classifier", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 8, 8))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, 5))],
        [numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name) for name, shape in kernels.items()]
        + [numpy_helper.from_array(np.array([2, 3]), "axes")],
    )
    path = folder / "net.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), path)
    return path


def test_operators_are_called_after_their_modules(tmp_path: Path) -> None:
    found = module_names(chain(), saved(tmp_path))
    names = ["features.0", "features.2.depth", "features.2.narrow", "features.2", "features.3", "pool", "classifier"]
    assert found == dict(enumerate(names))


def test_a_folded_batch_norm_does_not_rename_its_convolution(tmp_path: Path) -> None:
    path = saved(tmp_path)
    model = onnx.load(path)
    model.graph.initializer[0].name = model.graph.node[0].input[1] = "features.stem.weight"
    onnx.save(model, path)
    assert module_names(chain(), path)[0] == "features.stem"


def test_a_graph_matches_itself_whole() -> None:
    graph = Graph(chain())
    found = match(graph, graph)
    assert [(pair.float32, pair.quantized, pair.reason) for pair in found.pairs] == [(n, n, "") for n in range(7)]
    assert all(a == b for a, b in found.tensors.items())
