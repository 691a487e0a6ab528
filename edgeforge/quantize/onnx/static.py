"""The stage `onnx-int8`: ONNX Runtime's static quantization (QDQ), calibrated on the representative dataset.

Of a recipe whose model is a quantized ONNX file, that file itself is what comes out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.foreign.wording import reason_of
from edgeforge.guards.removal import remove_file
from edgeforge.recipe.sections.quantize import OnnxInt8
from edgeforge.results.files import (
    ONNX_FLOAT_FILE,
    ONNX_GIVEN_FACTS,
    ONNX_GIVEN_FILE,
    ONNX_INT8_FILE,
    PREPROCESSING_FILE,
)
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.variant import ONNX_INT8, Variant, write_variants

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SMALLEST_RANGE = 1e-4  # of a tensor's or filter's values


def quantize_onnx(job: Job) -> None:
    """Write int8.onnx; when the quantizer refuses the model, a row with its reason."""
    settings = job.recipe.quantize.onnx
    if (job.inputs["onnx"] / ONNX_GIVEN_FACTS).exists():
        write_variants(job.output, [_given(job)])
        return
    if not settings.static:
        write_variants(job.output, [])
        return
    source = job.inputs["onnx"] / ONNX_FLOAT_FILE
    target = job.output / ONNX_INT8_FILE
    granularity = "per-channel" if settings.per_channel else "per-tensor"
    detail = f"QDQ, {granularity} {settings.weights} weights"
    try:
        _quantize(source, target, read_calibration(job.inputs["calibration"]), settings)
        scale = _finish(target, deployed_preprocessing(job))
    except Exception as error:
        remove_file(target, job.output)
        variant = Variant(
            ONNX_INT8,
            "onnxruntime",
            "int8",
            None,
            detail,
            reason=reason_of(error),
        )
    else:
        # Without graph optimizations ONNX Runtime runs Q and DQ as they stand, in float: the fake-quant model.
        extra = {"engine": "ONNX Runtime", "fake_quant": target.name, "output_scale": scale}
        variant = Variant(ONNX_INT8, "onnxruntime", "int8", target.name, detail, extra=extra)
    write_variants(job.output, [variant])


def _given(job: Job) -> Variant:
    """Write int8.onnx as the recipe's quantized ONNX file has it: nothing is calibrated anew."""
    folder, target = job.inputs["onnx"], job.output / ONNX_INT8_FILE
    facts = json.loads((folder / ONNX_GIVEN_FACTS).read_text())
    target.write_bytes((folder / ONNX_GIVEN_FILE).read_bytes())
    scale = _output_scale(target)
    detail = ", ".join((f"{facts['file']} as it is", *facts["changed"]))
    extra = {"engine": "ONNX Runtime", "fake_quant": target.name, "output_scale": scale}
    return Variant(ONNX_INT8, "onnxruntime", "int8", target.name, detail, checks=(facts["check"],), extra=extra)


def _quantize(source: Path, target: Path, calibration: NDArray[np.float32], settings: OnnxInt8) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.images = iter(calibration)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            image = next(self.images, None)
            return None if image is None else {"input": image[None]}

    prepared = target.with_suffix(".prepared.onnx")
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared,
        target,
        Reader(),
        quant_format=QuantFormat.QDQ,
        per_channel=settings.per_channel,
        # The same type for both: products of uint8 and int8 are summed in 16 bits without VNNI, and saturate.
        activation_type=QuantType.QUInt8 if settings.weights == "uint8" else QuantType.QInt8,
        weight_type=QuantType.QUInt8 if settings.weights == "uint8" else QuantType.QInt8,
        # A filter of zeros, as pruning leaves them, would get another zero point than the rest of its layer's.
        extra_options={"MinimumRealRange": SMALLEST_RANGE},
    )
    remove_file(prepared, prepared.parent)


def _finish(path: Path, preprocessing: Preprocessing) -> float | None:
    """Put the preprocessing into the file; return the scale of its output, None when that is float."""
    import onnx

    model = onnx.load(path)
    if all(entry.key != PREPROCESSING_FILE for entry in model.metadata_props):
        onnx.helper.set_model_props(model, {PREPROCESSING_FILE: preprocessing.to_json()})
    path.write_bytes(model.SerializeToString(deterministic=True))
    return _output_scale(path)


def _output_scale(path: Path) -> float | None:
    """Return the scale of a model's output; None when that is float."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(path)
    last = next(node for node in model.graph.node if model.graph.output[0].name in node.output)
    if last.op_type != "DequantizeLinear":
        return None
    scale = next((tensor for tensor in model.graph.initializer if tensor.name == last.input[1]), None)
    return None if scale is None else float(numpy_helper.to_array(scale))
