"""The stage `qat-tflite`: the fine-tuned network as int8 TFLite, with the ranges it has learned in PyTorch."""

from __future__ import annotations

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.errors import StageFailed
from edgeforge.foreign.wording import cause, remedy
from edgeforge.quantize.known_ranges import read_ranges
from edgeforge.quantize.tflite.convert import convert_variants
from edgeforge.quantize.tflite.passes.order import finished
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.ranges.proofs import with_known_ranges
from edgeforge.recipe.sections.quantize import TFLite
from edgeforge.results.files import QAT_FLOAT_FILE, QAT_INT8_FILE, QAT_ONNX_FILE
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.variant import TFLITE_QAT, TORCH_QAT, Variant, write_variants
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import int8_checks, operators


def export_qat_tflite(job: Job) -> None:
    """Write qat_int8.tflite, and beside it the float model that it was made from.

    Raises ParityError naming a tensor that PyTorch did not quantize: nothing is calibrated anew.
    """
    settings = job.recipe.quantize.tflite
    source = job.inputs["qat"] / QAT_ONNX_FILE
    samples = read_calibration(job.inputs["calibration"])
    only_float = TFLite(**settings.model_dump() | {"variants": ("float32",), "backend": "direct"})
    converted = convert_variants(source, samples, only_float, job.progress)
    made = converted.variants["float32"]
    if isinstance(made, Exception):
        raise StageFailed(
            f"TFLite refuses the fine-tuned network: {cause(made)}", fix=remedy(made, "leave quantize.qat out")
        ) from made
    job.progress(0.8, "matching PyTorch's tensors")
    float_model, dense = prepared(made), bool(settings.per_channel_dense)
    quantized, matched, checks = with_known_ranges(
        float_model,
        read_ranges(job.inputs["qat"]),
        converted.origins,
        per_channel_dense=dense,
    )
    if not matched.float_layers:
        checks += int8_checks(quantized, "int8")
    shipped = finished(quantized, settings.io, compact=settings.compact)
    (job.output / QAT_INT8_FILE).write_bytes(with_preprocessing(shipped, deployed_preprocessing(job)))
    (job.output / QAT_FLOAT_FILE).write_bytes(float_model)
    detail = f"ranges learned in PyTorch, {settings.io} in and out"
    if matched.float_layers:
        detail += f"; in float: {', '.join(matched.float_layers)}"
    extra = {
        "operators": operators(quantized),
        "source": TORCH_QAT,
        "output_scale": matched.output_scale,
        "float_model": QAT_FLOAT_FILE,
        "onnx": source.name,
    }
    precision = "mixed" if matched.float_layers else "int8"
    warnings = LiteRTRunner(job.output / QAT_INT8_FILE).warnings
    variant = Variant(
        TFLITE_QAT, "litert", precision, QAT_INT8_FILE, detail, checks=tuple(checks), warnings=warnings, extra=extra
    )
    write_variants(job.output, [variant])
