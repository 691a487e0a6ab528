"""`edgeforge pack --requantize`: the float model quantized again, dense weights per tensor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, cast

from edgeforge.data.representative import read_own
from edgeforge.errors import EdgeForgeError, RecipeError, StageFailed
from edgeforge.foreign.wording import cause, remedy
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.targets.arduino.own.input import require_in_range
from edgeforge.targets.arduino.own_tflite import OwnTFLite
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.read import read_file
from edgeforge.tflite.conversion import NumberType
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import fixed_shapes
from edgeforge.tflite.passes.fixed.order import read_fixed

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

    Input and output are of the types that `model` has. calibration: .npz with x (N,C,H,W float32, normalised).
    Raises RecipeError when a file does not fit the model, StageFailed when the quantizer refuses it.
    """
    from edgeforge.quantize.tflite.observers import calibrate
    from edgeforge.quantize.tflite.passes.order import finished
    from edgeforge.quantize.tflite.prepared import prepared
    from edgeforge.quantize.tflite.static import quantize_static

    x, _ = read_own(calibration, model.shape, "--calibration")
    require_in_range(x, preprocessing, f"--calibration {calibration}")
    progress(f"reading {float_file.name}")
    source = _float_tflite(float_file, model, x)
    try:
        floating = prepared(source)
        progress(f"calibrating on {len(x)} inputs")
        quantized = quantize_static(floating, calibrate(floating, x))
    except EdgeForgeError:
        raise
    except Exception as error:
        raise StageFailed(
            f"{float_file}: it cannot be quantized: {cause(error)}", fix=remedy(error, "name another float model")
        ) from error
    made = finished(quantized, cast("NumberType", model.input.dtype), compact=False)
    return made, _comparison(model, preprocessing.heads[0], floating, made, x)


def fixed_like(path: Path, model: OwnTFLite) -> bytes:
    """Return the model of a float .tflite file, its input of the shape that the int8 model's has."""
    graph = Graph(pure_flatbuffer(read_file(path, alone=True)))
    shape = model.graph.shape(model.graph.inputs[0])
    return read_fixed(path, {graph.name(graph.inputs[0]): shape})[0]


def _float_tflite(path: Path, model: OwnTFLite, x: NDArray[np.float32]) -> bytes:
    """Return the float32 .tflite model of a .tflite or .onnx file."""
    if not path.is_file() or path.suffix not in FROM:
        raise RecipeError(
            f"--float {path}: no {' or '.join(FROM)} file", fix="name the float model that it was made of"
        )
    if path.suffix == ".tflite":
        return fixed_like(path, model)
    from edgeforge.quantize.tflite.convert import convert_variants
    from edgeforge.recipe.schema import TFLite

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


def _comparison(model: OwnTFLite, head: Head, floating: bytes, made: bytes, x: NDArray[np.float32]) -> list[str]:
    """Say how near the old and the new model come to the float model on the calibration inputs."""
    from edgeforge.runtimes.litert import LiteRTRunner

    with TemporaryDirectory() as folder:
        answers = []
        for name, data in (("float", floating), ("given", model.flatbuffer), ("made", made)):
            path = Path(folder) / f"{name}.tflite"
            path.write_bytes(data)
            answers.append(LiteRTRunner(path).run(x).reshape(len(x), -1))
    reference, given, new = answers
    if head.kind in ("value", "reconstruction"):
        width = float(reference.max() - reference.min()) or 1.0
        apart = [f"{100 * float(abs(one - reference).mean()) / width:.2f} %" for one in (new, given)]
        return [
            f"requantized from the float model: {apart[0]} of the outputs' range away from it in the mean, on "
            f"{len(x)} calibration inputs (the model given: {apart[1]})"
        ]
    wanted, *found = (head.decide(one) for one in (reference, new, given))
    same = [f"{100 * float((one == wanted).mean()):.1f} %" for one in found]
    return [
        f"requantized from the float model: the same class on {same[0]} of {len(x)} calibration inputs "
        f"(the model given: {same[1]})"
    ]
