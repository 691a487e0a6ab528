"""The stage `tflite`: ONNX → float32 TFLite → the recipe's variants of it, proven equal to ONNX."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job, Progress
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.export.direct import convert_directly
from edgeforge.export.float_check import require_equal
from edgeforge.foreign.wording import reason_of
from edgeforge.onnx_graph.checks import require_static_shapes
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.order import finished, rewrite_in_order
from edgeforge.quantize.tflite.passes.value_tables import tables_in
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.static import quantize_static, quantize_weights
from edgeforge.quantize.tflite.tensorflow import convert_with_tensorflow
from edgeforge.recipe.sections.quantize import TFLite, TFLiteVariant
from edgeforge.results.files import ONNX_FLOAT_FILE, ORIGINS_FILE, tflite_file
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.variant import TFLITE_FLOAT, Variant, write_variants
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import int8_checks, operators
from edgeforge.tflite.passes.halve_weights import HalveWeights

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PRECISIONS = {"float32": "fp32", "float16": "fp16", "dynamic": "dynamic-int8", "int8": "int8"}


def export_tflite(job: Job) -> None:
    """Write float32.tflite and its quantized companions, with labels and preprocessing appended.

    Raises RecipeError for an operator that TFLite has none of, ParityError when float32 differs from ONNX.
    """
    settings = job.recipe.quantize.tflite
    if not settings.variants:
        write_variants(job.output, [])
        return
    samples = read_calibration(job.inputs["calibration"])
    source = job.inputs["onnx"] / ONNX_FLOAT_FILE
    converted = convert_variants(source, samples, settings, job.progress)
    made = converted.variants
    (job.output / ORIGINS_FILE).write_text(json.dumps(converted.origins, indent=1))
    preprocessing = deployed_preprocessing(job)
    variants = []
    for kind in settings.variants:
        name = f"tflite-{kind}"
        outcome = made[kind]
        if isinstance(outcome, Exception):
            variants.append(Variant(name, "litert", PRECISIONS[kind], None, reason=reason_of(outcome)))
            continue
        path = job.output / tflite_file(name)
        path.write_bytes(with_preprocessing(outcome, preprocessing))
        variants.append(_variant(kind, path, outcome, settings))
    if converted.floating:
        job.progress(0.95, "comparing with ONNX")
        check = require_equal(converted.floating, source, samples, converted.origins)
        listed = any(variant.name == TFLITE_FLOAT for variant in variants)
        variants = [_with_check(v, check) if not listed or v.name == TFLITE_FLOAT else v for v in variants]
    write_variants(job.output, variants)


@dataclass(frozen=True)
class Converted:
    """Each variant's flatbuffer or why there is none, and what the tensors of all of them are (see FloatTFLite).

    floating: the float32 model that all were made of, asked for or not; None where it could not be made.
    """

    variants: dict[TFLiteVariant, bytes | Exception]
    floating: bytes | None
    origins: dict[int, tuple[str, ...]] = field(default_factory=dict)


def convert_variants(source: Path, samples: NDArray[np.float32], settings: TFLite, progress: Progress) -> Converted:
    """Return each variant, compact where the settings say so.

    source: an .onnx file with input (1,C,H,W). samples: the representative dataset (N,C,H,W float32).
    Raises RecipeError for a dynamic shape, or an operator that TFLite has none of, whatever the variant.
    """
    import onnx

    model = onnx.load(source)
    require_static_shapes(model, source.name)
    if settings.backend == "tensorflow":
        progress(0.1, "by TensorFlow: a minute or two")
        every = tuple(dict.fromkeys((*settings.variants, "float32")))
        made = convert_with_tensorflow(model, samples, settings.model_copy(update={"variants": every}))
        shipped = {
            kind: finished(outcome, None, compact=settings.compact and kind != "float32")
            if isinstance(outcome, bytes)
            else outcome
            for kind, outcome in made.items()
            if kind in settings.variants
        }
        floating = made["float32"]
        return Converted(shipped, floating if isinstance(floating, bytes) else None)
    progress(0.1, "converting to float32")
    direct = convert_directly(model)
    made = {}
    for done, kind in enumerate(settings.variants):
        progress(0.4 + 0.5 * done / len(settings.variants), f"converting to {kind}")
        try:
            made[kind] = _quantized(kind, direct.model, samples, settings)
        except Exception as error:
            made[kind] = error
    return Converted(made, direct.model, direct.origins)


def _quantized(kind: TFLiteVariant, float_model: bytes, samples: NDArray[np.float32], settings: TFLite) -> bytes:
    """Return one variant of the float32 model, which itself stays as the converter wrote it."""
    if kind == "float32":
        return float_model
    source = prepared(float_model)
    if kind == "float16":
        return finished(rewrite_in_order(source, [HalveWeights()])[0], None, compact=settings.compact)
    if kind == "dynamic":
        model = quantize_weights(source, "dynamic", per_channel_dense=bool(settings.per_channel_dense))
        return finished(model, None, compact=settings.compact)
    model = quantize_static(source, calibrate(source, samples), per_channel_dense=bool(settings.per_channel_dense))
    return finished(model, settings.io, compact=settings.compact)


def _variant(kind: TFLiteVariant, path: Path, flatbuffer: bytes, settings: TFLite) -> Variant:
    dense = "per-channel" if settings.per_channel_dense or settings.backend == "tensorflow" else "per-tensor"
    details = {
        "dynamic": "int8 weights, float activations",
        "int8": f"{settings.io} in and out, {dense} dense weights",
    }
    detail = details.get(kind, "")
    tables = len(tables_in(flatbuffer)) if kind == "int8" else 0
    if tables:
        detail += f"; {tables} activation(s) by a table of 256 values, right to half a step"
    if settings.backend == "tensorflow":
        detail = f"{detail}; converted by TensorFlow".lstrip("; ")
    checks = int8_checks(flatbuffer, settings.io) if kind == "int8" else []
    runner = LiteRTRunner(path)
    return Variant(
        f"tflite-{kind}",
        "litert",
        PRECISIONS[kind],
        path.name,
        detail,
        checks=tuple(checks),
        warnings=runner.warnings,
        extra={"operators": operators(flatbuffer), "input": asdict(runner.input), "output": asdict(runner.output)},
    )


def _with_check(variant: Variant, check: dict[str, Any]) -> Variant:
    return Variant(**{**vars(variant), "checks": (*variant.checks, check)})
