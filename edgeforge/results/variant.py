"""Variant, the deployable model that stages hand to each other, and the file that lists them."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgeforge.errors import StageFailed
from edgeforge.results.files import VARIANTS_FILE
from edgeforge.suggest import nearest

# The names of variants that other stages look for.
TORCH_FLOAT = "torch-fp32"
TORCH_PRUNED = "torch-pruned-fp32"  # the float network that is then quantized
TORCH_EAGER, TORCH_FX, TORCH_QAT = "torch-eager-int8", "torch-fx-int8", "torch-qat-int8"
TORCH_PT2E = "torch-pt2e-int8"
ONNX_FLOAT, ONNX_INT8 = "onnx-fp32", "onnx-static-int8"
TFLITE_FLOAT, TFLITE_INT8 = "tflite-float32", "tflite-int8"
TFLITE_QAT, TFLITE_MIXED = "tflite-qat-int8", "tflite-mixed"
TFLITE_QDQ = "tflite-qdq-int8"  # with the ranges and weights of a quantized ONNX file
TFLM_INT8, ENGINE_INT8 = "tflm-int8", "engine-int8"

RuntimeName = Literal["torch", "onnxruntime", "litert", "tflm", "engine"]


@dataclass(frozen=True)
class Variant:
    """One deployable model, or the reason why it could not be made (`reason` set, `file` None)."""

    name: str
    runtime: RuntimeName
    precision: str
    file: str | None  # relative to the stage's folder
    detail: str = ""
    reason: str = ""
    checks: tuple[dict[str, Any], ...] = ()  # rows of results.report.Check
    warnings: tuple[str, ...] = ()
    extra: dict[str, Any] = field(default_factory=dict)  # what one runtime alone knows, such as the engine


def write_variants(folder: Path, variants: list[Variant]) -> None:
    """Write `variants.json` beside the models."""
    text = json.dumps([asdict(variant) for variant in variants], indent=1, sort_keys=True)
    (folder / VARIANTS_FILE).write_text(text)


def read_variants(folder: Path) -> list[Variant]:
    """Read what `write_variants` wrote; empty when the stage makes no models."""
    path = folder / VARIANTS_FILE
    if not path.exists():
        return []
    rows = json.loads(path.read_text())
    return [Variant(**{**row, "checks": tuple(row["checks"]), "warnings": tuple(row["warnings"])}) for row in rows]


def shipped_variant(inputs: dict[str, Path], wanted: str | None) -> tuple[Variant, Path]:
    """Return the TFLite variant for the board, and its stage's folder.

    wanted: its name; None for tflite-qat-int8 or tflite-qdq-int8 where there is one, else tflite-int8. Raises
    StageFailed when there is no such variant, or it could not be made.
    """
    found = {
        variant.name: (variant, folder)
        for folder in inputs.values()
        for variant in read_variants(folder)
        if variant.runtime == "litert"
    }
    name = wanted or next((one for one in (TFLITE_QAT, TFLITE_QDQ) if one in found), TFLITE_INT8)
    if name not in found:
        raise StageFailed(
            f"there is no variant '{name}' to ship{nearest(name, found)}",
            fix=f"set quantize.ship to one of: {', '.join(found) or 'none was made'}",
        )
    variant, folder = found[name]
    if variant.file is None:
        others = [one for one, (variant, _) in found.items() if variant.file is not None]
        raise StageFailed(
            f"{name}, the model to ship, could not be made: {variant.reason}",
            fix=f"mend that, or set quantize.ship to another: {', '.join(others)}" if others else "mend that",
        )
    return variant, folder
