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
from edgeforge.onnx_graph.resizes import require_resizes
from edgeforge.passes import Pass, rewrite
from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.tflite.graph import Graph, sources, targets
from edgeforge.tflite.passes.alphas_of_channels import AlphasOfChannels
from edgeforge.tflite.passes.divide_by_root import DivideByRoot
from edgeforge.tflite.passes.drop_transposes import DropTransposes
from edgeforge.tflite.passes.drop_unused import DropUnused
from edgeforge.tflite.passes.fused.activations import FuseActivations
from edgeforge.tflite.passes.fused.biases import FuseBiases
from edgeforge.tflite.passes.fused.pads import FusePads
from edgeforge.tflite.passes.layouts.sink import SinkLayouts
from edgeforge.tflite.passes.narrow_concatenations import NarrowConcatenations

if TYPE_CHECKING:
    import onnx

# What onnx2tf leaves to be done, before anything else rewrites the model; the last clears up after the others.
MENDING: tuple[Pass[bytes], ...] = (
    DivideByRoot(),
    AlphasOfChannels(),
    SinkLayouts(),  # before activations are fused: it takes away what stands between
    FuseBiases(),  # before activations: an ADD would take one
    FuseActivations(),
    FusePads(),  # behind the layouts' pass: a transpose between a PAD and its convolution would hide it
    DropTransposes(),
    NarrowConcatenations(),
    DropUnused(),
)


@dataclass(frozen=True)
class FloatTFLite:
    """A float32 flatbuffer with input (1,H,W,C), and what onnx2tf says that each of its activations is.

    origins: tensor's place → names in the ONNX graph, and PyTorch modules, of all operators that it is the result of:
    `relu`, `stem.0` and `stem.2` of a convolution, its batch norm and its activation.
    """

    model: bytes
    origins: dict[int, tuple[str, ...]]


def convert_directly(model: onnx.ModelProto) -> FloatTFLite:
    """Return the .tflite of an ONNX model with input (1,C,H,W); the model itself is rewritten (TO_TFLITE).

    Raises RecipeError naming the operator that onnx2tf cannot convert.
    """
    import onnx

    require_resizes(model)
    rewrite(model, TO_TFLITE)
    model = onnx.shape_inference.infer_shapes(model)  # of what was rewritten: onnx2tf asks for every shape
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"  # a file of its own: onnx2tf writes into what it is given
        path.write_bytes(model.SerializeToString(deterministic=True))
        _run_onnx2tf(model, path)
        made = path.with_name("model_float32.tflite").read_bytes()
        report = json.loads(path.with_name("model_tensor_correspondence_report.json").read_text())
    mended, _ = rewrite(made, MENDING)
    converted = FloatTFLite(mended, _origins(report, model, Graph(made), Graph(mended)))
    _require_known(converted, model)
    return converted


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


def _require_known(converted: FloatTFLite, model: onnx.ModelProto) -> None:
    """Raise RecipeError for an operator that onnx2tf has only put into words, or that reads what nobody computes.

    The former is a custom one, which no runtime has.
    """
    graph = Graph(converted.model)
    known = {*graph.inputs, *graph.constants}
    makers = {name: node for node in model.graph.node for name in node.output}
    for name, operator in zip(graph.names, graph.operators, strict=True):
        custom = graph.model.operatorCodes[operator.opcodeIndex].customCode
        lacking = not {*sources(operator)} <= known
        known |= {*targets(operator)}
        if not custom and not lacking:
            continue
        said = converted.origins.get(targets(operator)[0], ())
        node = next((makers[one] for one in said if one in makers), None)
        what = f"operator {node.op_type} of module '{module_of(node)}'" if node else f"operator {name}"
        raise unsupported(what, "TFLite has no such operator" if custom else "the converter leaves out what it reads")


def _origins(report: dict[str, Any], model: onnx.ModelProto, made: Graph, mended: Graph) -> dict[int, tuple[str, ...]]:
    """Return what onnx2tf's tensor correspondence report says of each activation of the mended graph."""
    makers = {name: node for node in model.graph.node for name in node.output}
    names: dict[str, list[str]] = {}
    for row in report["records"]:
        source = row["onnx_output_name"]
        said = [source]
        if source in makers:  # a batch norm that was folded leaves its name on the layer
            said += [owner_of(makers[source]), module_of(makers[source])]
        for target in dict.fromkeys((row["resolved_tflite_tensor_name"], *row["rewrite_name_chain"])):
            names.setdefault(target, []).extend(said)
    places = {mended.name(place): place for operator in mended.operators for place in targets(operator)}
    found: dict[str, tuple[str, ...]] = {}
    for operator in made.operators:  # mending leaves tensors out, and keeps the others' names
        read, written = ([made.name(place) for place in ends] for ends in (sources(operator), targets(operator)))
        own = [name for tensor in written for name in names.get(tensor, ())]
        fused = [name for tensor in read if tensor not in places for name in found.get(tensor, ())]
        for tensor in written:
            found[tensor] = tuple(dict.fromkeys([*fused, *own]))
    return {places[tensor]: said for tensor, said in found.items() if tensor in places and said}
