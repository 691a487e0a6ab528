"""The stage `parity`: the full-integer TFLite model layer by layer, and every int8 runtime against every other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.labels import counted_pixels
from edgeforge.data.splits import deployed_preprocessing, evenly_spaced, read_split
from edgeforge.errors import EdgeForgeError, StageFailed
from edgeforge.evaluate.measure import INDEX
from edgeforge.evaluate.parity.layers import IMAGES, Progress, layer_parity
from edgeforge.evaluate.parity.runtime_pairs import (
    BUILTIN,
    NO_XNNPACK,
    REFERENCE,
    TFLM,
    XNNPACK,
    Outputs,
    grid_of,
    largest,
    output_steps,
    run_litert,
    runtime_pairs,
)
from edgeforge.evaluate.predict import read_predictions
from edgeforge.evaluate.tflm import MACS_IN_A_MINUTE
from edgeforge.foreign.wording import reason_of
from edgeforge.results.files import PARITY_FILE, PREDICTIONS_FILE
from edgeforge.results.preprocessing import Classified
from edgeforge.results.rows.parity import LayerRow, OutputRow, ParityRow
from edgeforge.results.variant import (
    ONNX_FLOAT,
    ONNX_INT8,
    TFLITE_FLOAT,
    TFLM_INT8,
    TORCH_EAGER,
    TORCH_FX,
    TORCH_PT2E,
    Variant,
    read_variants,
    shipped_variant,
)
from edgeforge.runtimes.litert import REFUSED
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import output_names
from edgeforge.tflite.module_names import module_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SECONDS = 20  # about what LiteRT's reference kernels may take


def compare(job: Job) -> None:
    """Write parity.json (results.parity.ParityRow)."""
    try:
        shipped, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    except StageFailed as error:
        row = ParityRow(reason=error.reason)
    else:
        row = _compare(job, shipped, folder)
    (job.output / PARITY_FILE).write_text(row.model_dump_json(indent=1) + "\n")


def _compare(job: Job, shipped: Variant, folder: Path) -> ParityRow:
    variants = {variant.name: variant for inputs in job.inputs.values() for variant in read_variants(inputs)}
    path = folder / str(shipped.file)
    raw, labels = read_split(job.inputs["data"], "test")
    preprocessing = deployed_preprocessing(job)
    row = ParityRow(reason="layers: there is no float32 TFLite model to compare with")
    float_file, onnx_file = _float_models(job, variants, shipped, folder)
    if float_file:
        images = preprocessing.apply(raw[evenly_spaced(len(raw), IMAGES)])
        row = layers_of(float_file, path, images, onnx_file, _part(job.progress, 0.0, 0.5))
    row.model = shipped.name
    outputs, row.left_out = _stored_outputs(job, variants, shipped, len(raw))
    on_board = next((one.index for one in outputs if one.runtime == TFLM), None)
    index = affordable(len(raw), macs(path.read_bytes()), SECONDS, on_board)
    for number, kernels in enumerate((BUILTIN, REFERENCE)):
        job.progress(0.5 + 0.25 * number, f"{kernels}: {len(index)} images")
        made, left_out = run_litert(path, preprocessing.apply(raw[index]), [kernels], index)
        outputs += made
        row.left_out |= left_out
    add_runtimes(row, path, outputs, preprocessing.classified, counted_pixels(labels, preprocessing))
    return row


def layers_of(
    float_file: Path, int8_file: Path, images: NDArray[Any], onnx_file: Path | None, progress: Progress
) -> ParityRow:
    """Return the layers of one int8 model; what cannot be compared at all is a row with the reason."""
    float_model, int8_model = float_file.read_bytes(), int8_file.read_bytes()
    try:
        names = module_names(float_model, onnx_file) if onnx_file else {}
        rows = layer_parity(float_model, int8_model, images, modules=names, progress=progress)
    except (EdgeForgeError, RuntimeError, ValueError) as error:
        return ParityRow(reason=f"layers: {reason_of(error)}")
    return ParityRow(images=len(images), layers=rows, output_sqnr_db=output_db(rows))


def output_db(rows: list[LayerRow]) -> float | None:
    """Return the SQNR of the network's output with every layer quantized: that of the last layer compared.

    Of several outputs the least.
    """
    measured = [row.accumulated for row in rows if row.accumulated]
    outputs = [row.accumulated.sqnr_db for row in rows if row.accumulated and row.output]
    if outputs:
        return min((one for one in outputs if one is not None), default=None)
    return measured[-1].sqnr_db if measured else None


def add_runtimes(
    row: ParityRow,
    path: Path,
    outputs: list[Outputs],
    classified: Classified | None = largest,
    counted: NDArray[np.bool_] | None = None,
) -> None:
    """Compare all outputs with each other, those of one file last, since they belong together."""
    order = {XNNPACK: 1, BUILTIN: 2, REFERENCE: 3, TFLM: 4}
    graph = Graph(pure_flatbuffer(path.read_bytes()))
    steps = output_steps(graph)
    row.step = steps[0] if len(steps) == 1 else None
    row.outputs = _outputs(graph, steps, row.layers) if len(steps) > 1 else []
    ordered = sorted(outputs, key=lambda one: order.get(one.runtime, 0))
    row.runtimes = runtime_pairs(ordered, grid_of(graph), classified, counted)


def _outputs(graph: Graph, steps: list[float | None], layers: list[LayerRow]) -> list[OutputRow]:
    """Return what is known of each of several outputs."""
    found = {layer.output: layer.accumulated for layer in layers if layer.output and layer.accumulated}
    names = output_names(graph)
    return [
        OutputRow(name=name, step=step, sqnr_db=found[name].sqnr_db if name in found else None)
        for name, step in zip(names, steps, strict=True)
    ]


def affordable(images: int, macs: int, seconds: float, among: NDArray[np.int64] | None = None) -> NDArray[np.int64]:
    """Return evenly spaced images (of `among`, if given) that slow kernels run in about `seconds`.

    Decided by multiply-accumulates and not by a clock, so that a rebuild measures the same images.
    """
    import numpy as np

    candidates = np.arange(images) if among is None else among
    every = -(-len(candidates) * macs * 60 // int(MACS_IN_A_MINUTE * seconds))
    return candidates[:: max(every, 1)]


def _float_models(
    job: Job, variants: dict[str, Variant], shipped: Variant, folder: Path
) -> tuple[Path | None, Path | None]:
    """Return the float .tflite and .onnx of the network that was quantized: fine-tuning has changed its weights."""
    float32, onnx = variants.get(TFLITE_FLOAT), variants.get(ONNX_FLOAT)
    onnx_file = job.inputs["onnx"] / onnx.file if onnx and onnx.file else None
    if "float_model" in shipped.extra:
        own = shipped.extra.get("onnx")
        return folder / shipped.extra["float_model"], job.inputs["qat"] / own if own else onnx_file
    return job.inputs["tflite"] / float32.file if float32 and float32.file else None, onnx_file


def compared(names: list[str], source: str | None = None) -> list[str]:
    """Return which PyTorch and ONNX variants stand for their runtimes: FX on every engine and PT2E, else eager.

    source: the PyTorch or ONNX variant whose ranges the TFLite model has; it alone then.
    """
    if source:
        return [source]
    chosen = [name for name in names if name.startswith(TORCH_FX) or name == TORCH_PT2E] or [TORCH_EAGER]
    return [*chosen, ONNX_INT8]


def _stored_outputs(
    job: Job, variants: dict[str, Variant], shipped: Variant, images: int
) -> tuple[list[Outputs], dict[str, str]]:
    """Return the outputs that earlier stages kept, and why others are missing."""
    import numpy as np

    logits: dict[str, NDArray[np.float32]] = {}
    for folder in job.inputs.values():
        if (folder / PREDICTIONS_FILE).exists():
            logits |= read_predictions(folder)
    outputs, left_out = [], {}
    others = compared([*variants], shipped.extra.get("source"))
    wanted = {name: name for name in others} | {shipped.name: XNNPACK, TFLM_INT8: TFLM}
    for name, runtime in wanted.items():
        variant = variants.get(name)
        if runtime == XNNPACK and variant and REFUSED in variant.warnings:  # LiteRT fell back to its builtin kernels
            left_out[runtime] = NO_XNNPACK
        elif name in logits:
            index = logits.get(name + INDEX)
            found = np.arange(images) if index is None else index.astype(np.int64)
            outputs.append(Outputs(runtime, logits[name], found, one_file=runtime in (XNNPACK, TFLM)))
        else:
            left_out[runtime] = variant.reason if variant else "the recipe does not ask for it"
    return outputs, left_out


def _part(progress: Progress, begin: float, share: float) -> Progress:
    return lambda done, text: progress(begin + share * done, text)
