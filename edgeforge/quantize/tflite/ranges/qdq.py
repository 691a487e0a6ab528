"""The stage `qdq-tflite`: a quantized ONNX file as int8 TFLite, with its ranges and its integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.export.direct import FloatTFLite, convert_directly
from edgeforge.onnx_graph.graph import only_reader
from edgeforge.onnx_graph.quantized.ranges import CHOOSE, MOVE
from edgeforge.onnx_graph.quantized.taken_apart import TakenApart
from edgeforge.quantize.onnx.ranges import OnnxRanges, onnx_ranges
from edgeforge.quantize.tflite.passes.exact_ranges import ExactRanges
from edgeforge.quantize.tflite.passes.order import finished, rewrite_in_order
from edgeforge.quantize.tflite.passes.reachable_clamps import ReachableClamps
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.ranges.matching import Matched
from edgeforge.quantize.tflite.ranges.proofs import range_checks, with_known_ranges
from edgeforge.recipe.sections.quantize import TFLite
from edgeforge.results.files import ONNX_GIVEN_FACTS, QDQ_FLOAT_FILE, QDQ_INT8_FILE
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.variant import ONNX_INT8, TFLITE_QDQ, Variant, write_variants
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import int8_checks, operators
from edgeforge.train.network.onnx_file import open_onnx

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

OBSERVED = 4  # inputs whose values tell which tensor is which
RESCALES = "no conversion inside"  # the check that a model with several ranges a value cannot pass


@dataclass(frozen=True)
class Carried:
    """An int8 .tflite with an ONNX file's ranges: how it was made, and what is proven of it."""

    model: bytes
    float_model: bytes
    matched: Matched
    checks: list[dict[str, Any]]
    warnings: tuple[str, ...]


def export_qdq_tflite(job: Job) -> None:
    """Write qdq_int8.tflite, and beside it the float model that it was made from; nothing for a float ONNX file.

    Raises ParityError naming a tensor that the file has no range of: nothing is calibrated anew.
    """
    if not (job.inputs["onnx"] / ONNX_GIVEN_FACTS).exists():
        write_variants(job.output, [])
        return
    settings, preprocessing = job.recipe.quantize.tflite, deployed_preprocessing(job)
    file = open_onnx(job.files["model"], preprocessing, job.recipe.model)
    assert file.parts is not None
    inputs = read_calibration(job.inputs["calibration"])[:OBSERVED]
    job.progress(0.1, "converting to float32")
    carried = carry(file.parts, inputs, settings)
    shipped = finished(carried.model, settings.io, compact=settings.compact)
    (job.output / QDQ_INT8_FILE).write_bytes(with_preprocessing(shipped, preprocessing))
    (job.output / QDQ_FLOAT_FILE).write_bytes(carried.float_model)
    detail = f"ranges and weights of {job.files['model'].name}, {settings.io} in and out"
    if carried.matched.float_layers:
        detail += f"; in float, as there: {', '.join(carried.matched.float_layers)}"
    extra = {
        "operators": operators(carried.model),
        "source": ONNX_INT8,
        "output_scale": carried.matched.output_scale,
        "float_model": QDQ_FLOAT_FILE,
    }
    precision = "mixed" if carried.matched.float_layers else "int8"
    warnings = (*carried.warnings, *LiteRTRunner(job.output / QDQ_INT8_FILE).warnings)
    variant = Variant(
        TFLITE_QDQ,
        "litert",
        precision,
        QDQ_INT8_FILE,
        detail,
        checks=tuple(carried.checks),
        warnings=warnings,
        extra=extra,
    )
    write_variants(job.output, [variant])


def carry(parts: TakenApart, inputs: NDArray[np.float32], settings: TFLite) -> Carried:
    """Return the int8 .tflite of a quantized ONNX model that was taken apart, and the proofs of it.

    inputs: a few real ones, N,C,H,W float32. Raises ParityError naming a tensor that is none of the file's.
    """
    import onnx

    known = onnx_ranges(parts, inputs, per_channel_dense=settings.per_channel_dense)
    network = onnx.ModelProto()
    network.CopyFrom(parts.model)  # which the conversion rewrites
    converted: FloatTFLite = convert_directly(network)
    float_model = prepared(converted.model)
    quantized, matched, _ = with_known_ranges(float_model, known.known, converted.origins, per_channel_dense=True)
    weights = {entry.module: entry for entry in known.known.weights}
    exact = ExactRanges(float_model, matched.tensors, weights, known.constants, frozenset(matched.float_layers))
    model, done = rewrite_in_order(quantized, [exact, ReachableClamps()])
    rescaled = done[ExactRanges.__name__].changed
    checks = [*range_checks(model, matched, known.known), _every_range(parts, known, matched)]
    if not matched.float_layers:
        checks += [check for check in int8_checks(model, "int8") if not (rescaled and check["name"] == RESCALES)]
    if rescaled:
        detail = f"before or behind {', '.join(rescaled)}: the file has two ranges there, TFLite's operator one"
        checks.append({"name": "rescaled where the file is", "passed": True, "detail": detail})
    return Carried(model, float_model, matched, checks, tuple(_warnings(known)))


def _every_range(parts: TakenApart, known: OnnxRanges, matched: Matched) -> dict[str, Any]:
    """Return the check that each of the file's ranges is in TFLite, or stands before an activation fused there."""
    taken = {tensor.name for tensor in matched.tensors.values()}
    beside = _beside(parts, taken)
    fused: list[str] = []
    lost: list[str] = []
    for name in parts.told:
        if name in taken or name in beside:
            continue
        behind = only_reader(parts.model, name)
        (fused if behind is not None and behind.op_type in ("Relu", "Clip") else lost).append(name)
    detail = f"all {len(parts.told)}"
    if fused:
        detail += f", but for {len(fused)} before an activation that TFLite fuses: {_listed(fused)}"
    fixed = [name for name in known.fixed if name in parts.told]
    if fixed:
        detail += f"; TFLite fixes that of {_listed(fixed)} (steps of 1/256 or 1/128)"
    if lost:
        detail = f"not those of {_listed(lost)}"
    return {"name": "every range of the ONNX file", "passed": not lost, "detail": detail}


def _beside(parts: TakenApart, taken: set[str]) -> set[str]:
    """Return the tensors that hold the values of one that is taken, with its range, moved or chosen among."""
    found = set(taken)
    for nodes in (parts.model.graph.node, reversed(parts.model.graph.node)):
        for node in nodes:
            if node.op_type in (*MOVE, *CHOOSE):
                ends = [name for name in (*node.input, *node.output) if name in parts.ranges]
                found |= {a for a in ends for b in ends if b in found and parts.ranges[a] == parts.ranges[b]}
    return found


def _warnings(known: OnnxRanges) -> list[str]:
    """Return what is not as in the file, by layer."""
    said = []
    anew = [name for name, one in known.layers.items() if one.anew and name not in known.per_tensor]
    if anew:
        said.append(
            f"weights of {_listed(anew)} have a zero point in the file that int8 has not: rounded anew around 0"
        )
    if known.per_tensor:
        said.append(
            f"weights of {_listed(known.per_tensor)} are per channel in the file: rounded anew to one scale, as "
            "quantize.tflite.per_channel_dense: false asks"
        )
    held = {name: one.held for name, one in known.layers.items() if one.held}
    if held:
        said.append(f"{sum(held.values())} weights of {_listed([*held])} are 128 steps in the file: held at 127")
    return said


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
