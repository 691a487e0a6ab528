"""What `edgeforge verify` does: parity computed again, of a build's published files or of any two .tflite files."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import stands_for
from edgeforge.builder.key import key_of
from edgeforge.builder.record import read_record
from edgeforge.builder.store import CorruptedArtifact, Store
from edgeforge.data.labels import counted_pixels
from edgeforge.data.several_inputs import read_inputs
from edgeforge.data.splits import evenly_spaced, read_preprocessing, read_split
from edgeforge.errors import ParityError, RecipeError, StageFailed
from edgeforge.evaluate.parity.layers import IMAGES, Progress
from edgeforge.evaluate.parity.runtime_pairs import LITERT, TFLM, Outputs, largest, largest_of_each, run_litert
from edgeforge.evaluate.parity.stage import add_runtimes, affordable, compared, layers_of
from edgeforge.foreign.wording import reason_of
from edgeforge.results.files import QAT_FLOAT_FILE, QAT_ONNX_FILE, QDQ_FLOAT_FILE, published
from edgeforge.results.preprocessing import Classified, read_preprocessing_of
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.parity import LayerRow, ParityRow
from edgeforge.results.variant import (
    ONNX_FLOAT,
    ONNX_INT8,
    TFLITE_FLOAT,
    TFLITE_INT8,
    TFLITE_QAT,
    TFLITE_QDQ,
    TORCH_QAT,
)
from edgeforge.runtimes.load import load_runner
from edgeforge.suggest import nearest_file
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import AS_THE_FILE_SAYS, Shapes, input_names
from edgeforge.tflite.layer_match import in_the_order_of
from edgeforge.tflite.passes.fixed.order import read_fixed
from edgeforge.tflite.tensors import image_shape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS = 10  # about what the slowest runtime may take
MADE_AGAIN = "build it again: edgeforge build RECIPE"


@in_worker
def verify(
    target: list[Path],
    inputs: Path | None,
    onnx_file: Path | None,
    progress: Progress,
    shapes: Shapes = AS_THE_FILE_SAYS,
) -> ParityRow:
    """Compare one build folder, or a float and an int8 .tflite file. Raises RecipeError for anything else."""
    if len(target) == 1 and target[0].suffix != ".tflite":
        return verify_build(target[0], progress)
    if len(target) != 2 or inputs is None:
        raise RecipeError(
            "verify takes a build folder, or two .tflite files and inputs for them",
            fix="edgeforge verify build/digits, edgeforge verify FLOAT.tflite INT8.tflite --inputs x.npz, or of one "
            "file: edgeforge verify INT8.tflite --emulate",
        )
    return verify_files(target[0], target[1], inputs, onnx_file, progress, shapes)


def verify_build(folder: Path, progress: Progress) -> ParityRow:
    """Compare a build's published files on its test images: layers, and every int8 runtime.

    Raises RecipeError when the folder holds no build, or when its images are no longer in the store beside it.
    """
    import numpy as np

    report = read_report(folder)
    files = {row.name: folder / row.file for row in report.variants if row.file and row.status == "ok"}
    reasons = {row.name: row.reason for row in report.variants}
    for name, path in files.items():
        if not path.is_file():
            raise RecipeError(f"{path} ({name}) is missing", fix=MADE_AGAIN)
    shipped = report.shipped or TFLITE_INT8
    if shipped not in files:
        why = reasons.get(shipped) or "the recipe does not ask for it"
        return ParityRow(reason=f"there is no model for the board, {shipped}: {why}")
    data = images_of(folder)
    raw, labels = read_split(data, "test")
    int8 = files[shipped]
    preprocessing = read_preprocessing_of(int8.read_bytes()) or read_preprocessing(data)
    row = ParityRow(reason="layers: there is no float32 TFLite model to compare with")
    float_file, onnx_file, source = files.get(TFLITE_FLOAT), files.get(ONNX_FLOAT), None
    if shipped == TFLITE_QAT:  # fine-tuning has changed the weights: its own float model lies beside it
        float_file = folder / published(QAT_FLOAT_FILE, "litert", report.recipe)
        onnx_file, source = folder / published(QAT_ONNX_FILE, "onnxruntime", report.recipe), TORCH_QAT
    elif shipped == TFLITE_QDQ:
        float_file, source = folder / published(QDQ_FLOAT_FILE, "litert", report.recipe), ONNX_INT8
    if float_file:
        images = preprocessing.apply(raw[evenly_spaced(len(raw), IMAGES)])
        row = layers_of(float_file, int8, images, onnx_file, progress)
    row.model = shipped
    index = affordable(len(raw), macs(int8.read_bytes()), SECONDS)
    images = preprocessing.apply(raw[index])
    outputs = []
    for name in compared([*files], source):
        if name not in files:
            row.left_out[name] = reasons.get(name) or "the recipe does not ask for it"
            continue
        progress(1.0, f"{name}: {len(index)} images")
        try:
            outputs.append(Outputs(name, load_runner(files[name]).run(images), np.asarray(index)))
        except ModuleNotFoundError as error:  # PyTorch, which the light core does without
            row.left_out[name] = reason_of(error)
    counted = counted_pixels(labels, preprocessing)
    _add_tflite_runtimes(row, int8, images, index, outputs, progress, preprocessing.classified, counted)
    return row


def verify_files(
    float_file: Path,
    int8_file: Path,
    inputs: Path,
    onnx_file: Path | None,
    progress: Progress,
    shapes: Shapes = AS_THE_FILE_SAYS,
) -> ParityRow:
    """Compare two .tflite files made anywhere, on inputs of one's own (.npz).

    inputs: an array x (N,C,H,W float32), or one for each of several inputs, by its name in the float file.
    shapes: of inputs that the files leave free beyond the batch. Raises RecipeError when a file cannot be read or the
    inputs do not fit.
    """
    import numpy as np

    for path in (float_file, int8_file, *([onnx_file] if onnx_file else [])):
        if not path.is_file():
            raise RecipeError(
                f"{path}: no such file{nearest_file(path)}",
                fix="edgeforge verify FLOAT.tflite INT8.tflite --inputs x.npz",
            )
    with TemporaryDirectory() as folder:
        floating, quantized = Path(folder) / "float.tflite", Path(folder) / "int8.tflite"
        stands_for(floating, float_file)
        stands_for(quantized, int8_file)
        floating.write_bytes(read_fixed(float_file, shapes)[0])
        quantized.write_bytes(read_fixed(int8_file, shapes)[0])
        graph, other = Graph(floating.read_bytes()), Graph(quantized.read_bytes())
        shapes_of = named_shapes(graph, float_file)
        x, _ = read_inputs(inputs, shapes_of, "--inputs")
        row = layers_of(floating, quantized, x[evenly_spaced(len(x), IMAGES)], onnx_file, progress)
        index = affordable(len(x), macs(quantized.read_bytes()), SECONDS)
        given, classified = in_the_order_of(x, graph, other)[index], largest_of_each(other)
        _add_tflite_runtimes(row, quantized, given, np.asarray(index), [], progress, classified)
        if renamed := _renamed(graph, other):
            row.notes.append(renamed)
    return row


def named_shapes(graph: Graph, path: Path) -> dict[str, tuple[int, int, int]]:
    """Return the shape C,H,W of each input of a .tflite, by its name. Raises RecipeError for one that has none."""
    try:
        return {
            name: image_shape(graph.shape(place)) for name, place in zip(input_names(graph), graph.inputs, strict=True)
        }
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.reason}", fix=error.fix) from error


def _renamed(graph: Graph, other: Graph) -> str:
    """Say which input is which where two models call them otherwise; empty where they do not, or have one."""
    ours, theirs = input_names(graph), input_names(other)
    if len(ours) == 1 or set(ours) == set(theirs):
        return ""
    pairs = ", ".join(f"{a} is {b}" for a, b in zip(ours, theirs, strict=False))
    return f"the models call their inputs otherwise, which are taken in their order: {pairs}"


def require(row: ParityRow, min_sqnr: float | None, max_steps: int | None) -> None:
    """Raise ParityError for layers whose own SQNR is below `min_sqnr` dB, or kernels more than `max_steps` apart.

    What could not be compared is not proven, and fails `min_sqnr` too. `max_steps` is of the runtimes that run the
    one .tflite file: they should compute the same integers.
    """
    said = []
    if min_sqnr is not None:
        said += [row.reason] if row.reason else []
        said += [f"{layer.name}: {_shortfall(layer)}" for layer in row.layers if _below(layer, min_sqnr)]
    if max_steps is not None:
        said += [
            f"{pair.a} and {pair.b}: up to {pair.max_steps} steps apart on the same file"
            for pair in row.runtimes
            if pair.one_file and pair.max_steps is not None and pair.max_steps > max_steps
        ]
    if said:
        limits = [f"--min-sqnr {min_sqnr:g} dB"] if min_sqnr is not None else []
        limits += [f"--max-steps {max_steps}"] if max_steps is not None else []
        raise ParityError(
            "\n".join((f"below what {' and '.join(limits)} asks for:", *said)),
            fix="see what to do beside each layer in the table above",
        )


def _below(layer: LayerRow, limit: float) -> bool:
    if layer.own is None:
        return True
    return layer.own.sqnr_db is not None and layer.own.sqnr_db < limit


def _shortfall(layer: LayerRow) -> str:
    if layer.own is None:
        return f"not compared: {layer.reason}"
    return f"{layer.own.sqnr_db:.1f} dB alone"


def images_of(folder: Path) -> Path:
    """Return the artifact that holds a build's images."""
    ingredients = read_record(folder)["ingredients"].get("data")
    gone = RecipeError(f"the test images of {folder} are no longer in the store beside it", fix=MADE_AGAIN)
    if ingredients is None:
        raise gone
    try:
        artifact = Store(folder.resolve().parent / ".store").get("data", key_of(ingredients))
    except CorruptedArtifact as error:
        raise RecipeError(f"the test images of {folder} are damaged: {error}", fix=MADE_AGAIN) from error
    if artifact is None:
        raise gone
    return artifact.folder


def _add_tflite_runtimes(
    row: ParityRow,
    path: Path,
    images: NDArray[Any],
    index: NDArray[np.int64],
    outputs: list[Outputs],
    progress: Progress,
    classified: Classified | None = largest,
    counted: NDArray[np.bool_] | None = None,
) -> None:
    progress(1.0, f"LiteRT's kernels: {len(index)} images")
    made, left_out = run_litert(path, images, [*LITERT], index)
    row.left_out |= left_out
    outputs = [*outputs, *made]
    progress(1.0, f"TFLM: {len(index)} images")
    try:
        from edgeforge.runtimes.tflm import TFLMRunner

        outputs.append(Outputs(TFLM, TFLMRunner(path).run(images), index, one_file=True))
    except StageFailed as error:
        row.left_out[TFLM] = error.reason
    add_runtimes(row, path, outputs, classified, counted)
