"""`edgeforge pack --requantize`: the float model quantized again, dense weights per tensor."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from edgeforge.data.several_inputs import read_inputs
from edgeforge.errors import EdgeForgeError, RecipeError, StageFailed
from edgeforge.foreign.wording import cause, remedy
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.arduino.own.input import require_in_range
from edgeforge.targets.arduino.own_tflite import INDICES, OwnTFLite
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.conversion import NumberType
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import fixed_shapes, input_names, output_names
from edgeforge.tflite.layer_match import in_the_order_of, same_inputs, same_outputs
from edgeforge.tflite.passes.fixed.order import read_fixed
from edgeforge.tflite.tensors import fields_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FROM = (".tflite", ".onnx")


def requantized(
    model: OwnTFLite,
    preprocessing: Preprocessing,
    float_file: Path,
    calibration: Path,
    progress: Callable[[str], None],
) -> tuple[bytes, list[str]]:
    """Return the flatbuffer with int8 weights, one scale for each dense layer, and what it changes, as lines.

    Inputs and outputs are of the types and in the order that `model` has. calibration: .npz with x (N,C,H,W float32,
    normalised), or with an array for each of several inputs, by its name.
    Raises RecipeError when a file does not fit the model, StageFailed when the quantizer refuses it.
    """
    from edgeforge.quantize.tflite.observers import calibrate
    from edgeforge.quantize.tflite.passes.order import finished
    from edgeforge.quantize.tflite.prepared import prepared
    from edgeforge.quantize.tflite.static import quantize_static

    x, _ = read_inputs(calibration, dict(zip(model.names, model.shapes, strict=True)), "--calibration")
    for one, values in zip(preprocessing.every_input, fields_of(x).values(), strict=True):
        require_in_range(values, one, f"--calibration {calibration}")
    progress(f"reading {float_file.name}")
    source = _float_tflite(float_file, model, x)
    original = Graph(source)
    try:
        floating = prepared(source)
        progress(f"calibrating on {len(x)} inputs")
        quantized = quantize_static(floating, calibrate(floating, in_the_order_of(x, model.graph, original)))
    except EdgeForgeError:
        raise
    except Exception as error:
        raise StageFailed(
            f"{float_file}: it cannot be quantized: {cause(error)}", fix=remedy(error, "name another float model")
        ) from error
    kind = next((spec.dtype for spec in model.inputs if spec.dtype != INDICES), model.inputs[0].dtype)
    made = _like(finished(quantized, cast("NumberType", kind), compact=False), original, model)
    compared = _comparison(model, preprocessing, source, made, x)
    return made, compared


def _like(made: bytes, original: Graph, model: OwnTFLite) -> bytes:
    """Return a model of several inputs or outputs with these in the given model's order, and called as there."""
    given = model.graph
    if len(given.inputs) == len(given.outputs) == 1:
        return made
    unpacked = read_model(made)
    graph = unpacked.subgraphs[0]
    outputs = [given.outputs.index(place) for place in same_outputs(given, original)]
    graph.inputs = [graph.inputs[original.inputs.index(place)] for place in same_inputs(original, given)]
    graph.outputs = [graph.outputs[outputs.index(place)] for place in range(len(outputs))]
    unpacked.signatureDefs = None  # of the converted model: its names are those of the tensors now
    ends = ((graph.inputs, input_names(given)), (graph.outputs, output_names(given)))
    for places, names in ends:
        for place, name in zip(places, names, strict=True):
            graph.tensors[place].name = name.encode()
    return write_model(unpacked)


def fixed_like(path: Path, model: OwnTFLite) -> bytes:
    """Return the model of a float .tflite file, its inputs of the shapes that the int8 model's have."""
    graph = Graph(pure_flatbuffer(read_file(path, alone=True)))
    if len(graph.inputs) != len(model.shapes):
        raise RecipeError(
            f"--float {path}: it has {len(graph.inputs)} inputs, {model.path} {len(model.shapes)}",
            fix="name the float model that it was made of",
        )
    pairs = zip(model.graph.inputs, same_inputs(graph, model.graph), strict=True)
    return read_fixed(path, {graph.name(place): model.graph.shape(own) for own, place in pairs})[0]


def _float_tflite(path: Path, model: OwnTFLite, x: NDArray[np.float32]) -> bytes:
    """Return the float32 .tflite model of a .tflite or .onnx file."""
    if not path.is_file() or path.suffix not in FROM:
        raise RecipeError(
            f"--float {path}: no {' or '.join(FROM)} file", fix="name the float model that it was made of"
        )
    if path.suffix == ".tflite":
        return fixed_like(path, model)
    if x.dtype.names:
        raise RecipeError(
            f"--float {path}: an .onnx file of several inputs is not converted here",
            fix="name the float model as .tflite, of which the int8 one was made",
        )
    from edgeforge.quantize.tflite.convert import convert_variants
    from edgeforge.recipe.sections.quantize import TFLite

    with TemporaryDirectory() as folder:
        static = Path(folder) / path.name
        static.write_bytes(_with_fixed_input(path, (1, *x.shape[1:])))
        made = convert_variants(static, x, TFLite(variants=("float32",)), lambda share, text: None).variants["float32"]
    if isinstance(made, Exception):
        raise StageFailed(
            f"{path}: TFLite refuses it: {cause(made)}", fix=remedy(made, "name the float model as .tflite")
        ) from made
    return made


def _with_fixed_input(path: Path, image: tuple[int, ...]) -> bytes:
    """Return an .onnx file's model without a free batch, and with an image's shape where it leaves that free."""
    from edgeforge.onnx_graph.checks import fix_batch
    from edgeforge.onnx_graph.read import read_onnx

    try:
        model = read_onnx(path)
        source = model.graph.input[0]
        sizes = [size.dim_value for size in source.type.tensor_type.shape.dim]
        shape = fixed_shapes({source.name: sizes}, {source.name: image} if len(sizes) == len(image) else {})
        fixed: bytes = fix_batch(model, source.name, shape[source.name]).SerializeToString()
        return fixed
    except EdgeForgeError:
        raise
    except Exception as error:  # protobuf's, ONNX's and ONNX Runtime's own
        raise RecipeError(f"{path} cannot be read: {cause(error)}", fix=remedy(error, "export it again")) from error


def _comparison(
    model: OwnTFLite, preprocessing: Preprocessing, floating: bytes, made: bytes, x: NDArray[Any]
) -> list[str]:
    """Say how near the old and the new model come to the float model on the calibration inputs, output by output."""
    import numpy as np

    from edgeforge.runtimes.litert import LiteRTRunner

    original = Graph(floating)
    with TemporaryDirectory() as folder:
        answers: list[NDArray[np.float32]] = []
        for name, data in (("float", floating), ("given", model.flatbuffer), ("made", made)):
            path = Path(folder) / f"{name}.tflite"
            path.write_bytes(data)
            turned = in_the_order_of(x, model.graph, original) if name == "float" else x
            answers.append(LiteRTRunner(path).run(turned).reshape(len(x), -1))
    if len(original.outputs) > 1:  # in the order of the given model's outputs
        sizes = np.cumsum([prod(original.shape(place)) for place in original.outputs])[:-1]
        parts = dict(zip(original.outputs, np.split(answers[0], sizes, axis=1), strict=True))
        answers[0] = np.concatenate([parts[place] for place in same_outputs(original, model.graph)], axis=1)
    heads = zip(preprocessing.heads, preprocessing.slices().values(), strict=True)
    several = len(preprocessing.heads) > 1
    return [
        (f"{head.name}: " if several else "") + line
        for head, part in heads
        for line in _compared(head, answers[0][:, part], answers[1][:, part], answers[2][:, part])
    ]


def _compared(
    head: Head, reference: NDArray[np.float32], given: NDArray[np.float32], new: NDArray[np.float32]
) -> list[str]:
    if head.kind in ("value", "reconstruction"):
        width = float(reference.max() - reference.min()) or 1.0
        apart = [f"{100 * float(abs(one - reference).mean()) / width:.2f} %" for one in (new, given)]
        return [
            f"requantized from the float model: {apart[0]} of the outputs' range away from it in the mean, on "
            f"{len(new)} calibration inputs (the model given: {apart[1]})"
        ]
    wanted, *found = (head.decide(one) for one in (reference, new, given))
    same = [f"{100 * float((one == wanted).mean()):.1f} %" for one in found]
    return [
        f"requantized from the float model: the same class on {same[0]} of {len(new)} calibration inputs "
        f"(the model given: {same[1]})"
    ]
