"""Which models go into the bundle, and how each is made ready, run and compared with what a device answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.errors import ParityError, StageFailed
from edgeforge.guards.text import one_line
from edgeforge.results.files import MEASUREMENTS_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.report import HeadMetrics, Metrics, VariantRow
from edgeforge.results.variant import ONNX_FLOAT, ONNX_INT8, Variant, read_variants, shipped_variant
from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.targets.raspberry_pi.goldens import golden_outputs, litert_goldens
from edgeforge.targets.raspberry_pi.graph_optimization import optimize_for_arm
from edgeforge.tflite.flatbuffer import read_model

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Another processor sums floats in another order; a wrong weight or layout is off by orders of magnitude more.
FP32_TOLERANCE = 1e-4  # of the logits' range
HALF_TOLERANCE = 0.01  # of it, where weights or sums are of 16 bits: ARM has such arithmetic, and x86 has not
# Its int8 kernels may round the other way wherever a tensor is quantized, and the layers after it carry that on:
# errors of one step each, taken as independent, add up to the square root of their number. MobileNetV2 was 4 steps
# apart on x86 and on an emulated aarch64; an engine that saturates is 16 apart on a net of three layers.
INT8_STEPS = 2  # at least
INT8_TOLERANCE = 0.02  # of the logits' range, where the output itself is not quantized
LEAST_RANGE = 0.01  # of the widest head's: the sums of one that hardly changes have roundings all the same


@dataclass(frozen=True)
class Chosen:
    """A variant of the bundle, and where its stage has its file."""

    variant: Variant
    source: Path

    @property
    def is_tflite(self) -> bool:
        """Whether LiteRT runs it, and not ONNX Runtime."""
        return self.variant.runtime == "litert"


@dataclass(frozen=True)
class Packed:
    """A model as it stands in the bundle: its file, what bundle.json says of it, and the self-test's outputs."""

    file: str
    data: bytes
    facts: dict[str, Any]
    outputs: NDArray[np.float32]
    origin: str  # what computed the outputs
    finding: Finding | None


def chosen_variants(job: Job) -> tuple[list[Chosen], str]:
    """Return the variants of the bundle, in the recipe's order, and why any of them is left out.

    Raises StageFailed when one that the recipe names could not be made, or none is left.
    """
    assert job.recipe.raspberry_pi
    found = {
        variant.name: (variant, folder / (variant.file or ""))
        for folder in job.inputs.values()
        for variant in read_variants(folder)
        if variant.runtime in ("onnxruntime", "litert")
    }
    wanted = job.recipe.raspberry_pi.variants
    names = list(wanted or (ONNX_FLOAT, ONNX_INT8))
    left_out = []
    if wanted is None:
        try:
            names.append(shipped_variant(job.inputs, job.recipe.quantize.ship)[0].name)
        except StageFailed as error:
            left_out.append(f"no TFLite model: {error.reason}")
    made = []
    for name in dict.fromkeys(names):
        reason = found[name][0].reason if name in found else "this recipe does not make it"
        if name in found and found[name][0].file is not None:
            made.append(Chosen(*found[name]))
        elif wanted is None:
            left_out.append(f"no {name}: {reason}")
        else:
            raise StageFailed(
                f"raspberry_pi.variants: {name} could not be made: {reason}",
                fix=f"mend that, or take {name} out of raspberry_pi.variants",
            )
    if not made:
        raise StageFailed("no model for the bundle was made: " + "; ".join(left_out), fix="mend that, and build again")
    return made, "; ".join(left_out)


def figures(job: Job) -> dict[str, str]:
    """Return each variant's figures on the whole test split, as the desk measured them: `98.41 %`, `RMSE 2.1 Hz`.

    Of several heads each one's, behind its name.
    """
    rows = [VariantRow.model_validate(row) for row in json.loads(_measurements(job).read_text())]
    return {row.name: _figures(row.metrics) for row in rows if row.metrics}


def _figures(metrics: Metrics) -> str:
    several = {f"{one.head} ": _figure(one) for one in (metrics, *metrics.others)}
    named = several if metrics.others else {"": _figure(metrics)}
    return one_line(", ".join(f"{name}{text}" for name, text in named.items() if text))


def _figure(metrics: HeadMetrics) -> str:
    if metrics.rmse is not None:
        return f"RMSE {metrics.rmse:.4g} {metrics.unit}".strip()
    if metrics.iou is not None:
        return f"mean IoU {100 * metrics.iou:.2f} %"
    return "" if metrics.top1 is None else f"{100 * metrics.top1:.2f} % right"


def _measurements(job: Job) -> Path:
    return job.inputs["measure"] / MEASUREMENTS_FILE


def pack_variant(job: Job, chosen: Chosen, images: NDArray[np.float32], preprocessing: Preprocessing) -> Packed:
    """Return a variant as it goes into the bundle, with its outputs of `images` (N,C,H,W float32).

    Raises ParityError when an optimised float model computes something else than the one it was made from. For int8
    the arithmetic of this desk may be why: its goldens are then the reference's, and the report says so.
    """
    settings, variant, source = job.recipe.raspberry_pi, chosen.variant, chosen.source
    assert settings
    if chosen.is_tflite:
        target = job.scratch / f"{job.recipe.name}_{source.name}"
        target.write_bytes(source.read_bytes())
        tolerance = _tflite_tolerance(variant, source)
        goldens = litert_goldens(target, images, *tolerance)
    else:
        target = job.scratch / f"{job.recipe.name}_{source.stem}.{settings.format}"
        optimize_for_arm(source, target, settings.optimize)
        int8 = variant.precision == "int8"
        goldens = golden_outputs(target, source, images, int8=int8, step=variant.extra.get("output_scale"))
        tolerance = _onnx_tolerance(variant, source)
    heads = [goldens.outputs[:, part] for part in preprocessing.slices().values()]
    allowed, meaning = in_logits(*tolerance, heads)
    if variant.name == ONNX_FLOAT and not goldens.finding:
        apart = abs(goldens.outputs - OnnxRunner(source).run(images))
        for head, part, most in zip(preprocessing.heads, preprocessing.slices().values(), allowed, strict=True):
            if (difference := float(apart[:, part].max())) > most:
                raise ParityError(
                    f"{target.name} differs from {source.name} by {difference:.3g} in {head.name} (allowed {most:.3g}: "
                    f"{meaning})",
                    fix="try raspberry_pi.optimize: basic",
                )
    data = target.read_bytes()
    facts = {"file": f"models/{target.name}", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(),
             "tolerances": allowed, "tolerance_is": meaning}  # fmt: skip
    return Packed(f"models/{target.name}", data, facts, goldens.outputs, goldens.origin, goldens.finding)


def in_logits(
    steps: int, scale: float | None, share: float, heads: list[NDArray[np.float32]]
) -> tuple[list[float], str]:
    """Return by how much a device's logits may differ from the desk's, a number a head, and what those are.

    steps: of `scale`, where the output is quantized; share: of a head's range, where it is not, or of a hundredth of
    the widest one's where a head hardly changes. heads: the desk's logits (N,size).
    """
    if scale:
        return [steps * scale * (1 + 1e-4)] * len(heads), f"{steps} steps of the output's scale"
    ranges = [float(logits.max() - logits.min()) for logits in heads]
    least = LEAST_RANGE * max(max(ranges), *(float(abs(logits).max()) for logits in heads), 1e-9)
    return [share * max(one, least) for one in ranges], f"{share:g} of the logits' range"


def _onnx_tolerance(variant: Variant, source: Path) -> tuple[int, float | None, float]:
    import onnx

    if variant.precision != "int8":
        return 0, None, FP32_TOLERANCE
    quantized = sum(node.op_type == "QuantizeLinear" for node in onnx.load(source).graph.node)
    return max(INT8_STEPS, round(quantized**0.5)), variant.extra.get("output_scale"), INT8_TOLERANCE


def _tflite_tolerance(variant: Variant, source: Path) -> tuple[int, float | None, float]:
    graph = read_model(source.read_bytes()).subgraphs[0]
    output = graph.tensors[graph.outputs[0]].quantization
    scale = None if output is None or output.scale is None or not len(output.scale) else float(output.scale[0])
    shares = {"fp32": FP32_TOLERANCE, "float32": FP32_TOLERANCE, "fp16": HALF_TOLERANCE, "float16": HALF_TOLERANCE}
    return max(INT8_STEPS, round(len(graph.operators) ** 0.5)), scale, shares.get(variant.precision, INT8_TOLERANCE)
