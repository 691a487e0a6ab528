"""The stage `onnx-int8`: ONNX Runtime's static quantization (QDQ), calibrated on the representative dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.artifact import PREPROCESSING_FILE, Preprocessing, Variant, write_variants
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import read_preprocessing
from edgeforge.stage import Job

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def quantize_onnx(job: Job) -> None:
    """Write NAME_int8.onnx; when the quantizer refuses the model, a row with its reason."""
    settings = job.recipe.quantize.onnx
    if "static" not in settings.variants:
        write_variants(job.output, [])
        return
    source = job.inputs["onnx"] / f"{job.recipe.name}_fp32.onnx"
    target = job.output / f"{job.recipe.name}_int8.onnx"
    weights = "per-channel" if settings.per_channel else "per-tensor"
    detail = f"QDQ, {weights} weights"
    try:
        _quantize(source, target, read_calibration(job.inputs["calibration"]), settings.per_channel)
        _add_preprocessing(target, read_preprocessing(job.inputs["data"]))
    except Exception as error:
        first_line = str(error).strip().split("\n")[0]
        target.unlink(missing_ok=True)
        variant = Variant(
            "onnx-static-int8", "onnxruntime", "int8", None, detail, reason=f"{type(error).__name__}: {first_line}"
        )
    else:
        variant = Variant("onnx-static-int8", "onnxruntime", "int8", target.name, detail)
    write_variants(job.output, [variant])


def _quantize(source: Path, target: Path, calibration: NDArray[np.float32], per_channel: bool) -> None:
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
        per_channel=per_channel,
        # Both int8: uint8 activations saturate in 16-bit sums on processors without VNNI.
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
    )
    prepared.unlink()


def _add_preprocessing(path: Path, preprocessing: Preprocessing) -> None:
    import onnx

    model = onnx.load(path)
    if all(entry.key != PREPROCESSING_FILE for entry in model.metadata_props):
        onnx.helper.set_model_props(model, {PREPROCESSING_FILE: preprocessing.to_json()})
    path.write_bytes(model.SerializeToString(deterministic=True))
