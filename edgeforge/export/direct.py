"""ONNX → float32 .tflite, by onnx2tf's direct way: from operator to operator, without TensorFlow."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.foreign.wording import cause
from edgeforge.onnx_graph.checks import module_of, owner_of, unsupported
from edgeforge.onnx_graph.passes.order import TO_TFLITE
from edgeforge.passes import Pass, rewrite
from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.tflite.graph import Graph, targets
from edgeforge.tflite.passes.drop_transposes import DropTransposes
from edgeforge.tflite.passes.fuse_activations import FuseActivations

if TYPE_CHECKING:
    import onnx

# What onnx2tf leaves to be done, before anything else rewrites the model; neither pass needs the other.
MENDING: tuple[Pass[bytes], ...] = (FuseActivations(), DropTransposes())


@dataclass(frozen=True)
class FloatTFLite:
    """A float32 flatbuffer with input (1,H,W,C), and what onnx2tf says that each of its activations is.

    origins: tensor's place → names in the ONNX graph, and PyTorch modules, of all operators that it is the result of:
    `relu`, `stem.0` and `stem.2` of a convolution, its batch norm and its activation.
    """

    model: bytes
    origins: dict[int, tuple[str, ...]]


def convert_directly(model: onnx.ModelProto) -> FloatTFLite:
    """Return the .tflite of an ONNX model with input (1,C,H,W); the model is rewritten in place (TO_TFLITE).

    Raises RecipeError naming the operator that onnx2tf cannot convert.
    """
    model, _ = rewrite(model, TO_TFLITE)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"  # a file of its own: onnx2tf writes into what it is given
        path.write_bytes(model.SerializeToString(deterministic=True))
        _run_onnx2tf(model, path)
        made = path.with_name("model_float32.tflite").read_bytes()
        report = json.loads(path.with_name("model_tensor_correspondence_report.json").read_text())
    made, _ = rewrite(made, MENDING)
    return FloatTFLite(made, _origins(report, model, made))


def _run_onnx2tf(model: onnx.ModelProto, path: Path) -> None:
    with CapturedOutput() as said, contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            import onnx2tf

            onnx2tf.convert(
                input_onnx_file_path=str(path),
                output_folder_path=str(path.parent),
                not_use_onnxsim=True,  # the exporter has simplified the graph; each onnxsim is a process of its own
                verbosity="error",
            )
        except (Exception, SystemExit) as error:
            error.add_note(said.text())
            raise refusal(model, error) from error


def refusal(model: onnx.ModelProto, error: BaseException) -> Exception:
    """Return the error to show when onnx2tf gives up: which operator, and which module it came from."""
    name, kind = getattr(error, "node_name", None), getattr(error, "node_op", None)
    name = name or getattr(error, "onnx_op_name", None)
    node = next((node for node in model.graph.node if name and node.name == name), None)
    node = node or next((node for node in model.graph.node if kind and node.op_type == kind), None)
    if node is None:
        return unsupported("the model", cause(error))
    return unsupported(f"operator {node.op_type} of module '{module_of(node)}'", cause(error))


def _origins(report: dict[str, Any], model: onnx.ModelProto, made: bytes) -> dict[int, tuple[str, ...]]:
    """Return what onnx2tf's tensor correspondence report says of each activation."""
    makers = {name: node for node in model.graph.node for name in node.output}
    names: dict[str, list[str]] = {}
    for row in report["records"]:
        source = row["onnx_output_name"]
        said = [source]
        if source in makers:  # a batch norm that was folded leaves its name on the layer
            said += [owner_of(makers[source]), module_of(makers[source])]
        for target in dict.fromkeys((row["resolved_tflite_tensor_name"], *row["rewrite_name_chain"])):
            names.setdefault(target, []).extend(said)
    graph = Graph(made)
    written = [place for operator in graph.operators for place in targets(operator)]
    return {place: tuple(dict.fromkeys(names[graph.name(place)])) for place in written if graph.name(place) in names}
