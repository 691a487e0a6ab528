"""The stage `ptq`: further TFLite variants of the float32 one, by scheme, observer and corrections. No TensorFlow."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing
from edgeforge.errors import StageFailed
from edgeforge.foreign.wording import reason_of
from edgeforge.quantize.known_ranges import read_ranges
from edgeforge.quantize.tflite.observers import DEFAULT_PERCENTILE, calibrate
from edgeforge.quantize.tflite.passes.equalize import Equalize, Equalized
from edgeforge.quantize.tflite.passes.order import finished
from edgeforge.quantize.tflite.passes.reconstruct import Reconstruct, Reconstructed
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.ranges.matching import Matched
from edgeforge.quantize.tflite.ranges.proofs import with_known_ranges
from edgeforge.quantize.tflite.static import Precision, quantize_static, quantize_weights
from edgeforge.recipe.sections.quantize import PTQ, PTQScheme, TorchVariant
from edgeforge.results.files import ORIGINS_FILE, PT2E_RANGES_FILE, RANGES_FILE, tflite_file
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.variant import TFLITE_FLOAT, TORCH_FX, TORCH_PT2E, Variant, read_variants, write_variants
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import int8_checks, operators

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PRECISIONS: dict[PTQScheme, str] = {
    "int8": "int8",
    "int16x8": "int16x8",
    "dynamic": "dynamic-int8",
    "weight-only": "weight-int8",
}
ACTIVATIONS: dict[str, Precision] = {"int8": "int8", "int16x8": "int16"}


@dataclass(frozen=True)
class TorchSource:
    """Where PyTorch's ranges come from: a variant, what asks for it in the recipe, its file, whose they are."""

    variant: str
    kind: TorchVariant
    file: str
    owner: str


TORCH_SOURCES = {
    "torch": TorchSource(TORCH_FX, "static-fx", RANGES_FILE, "PyTorch's"),
    "torch-pt2e": TorchSource(TORCH_PT2E, "pt2e", PT2E_RANGES_FILE, "PT2E's"),
}


@dataclass
class Made:
    """A variant's flatbuffer, and what was done to it."""

    model: bytes
    equalized: Equalized | None = None
    reconstructed: Reconstructed | None = None
    matched: Matched | None = None  # PyTorch's tensors, where it has their ranges
    checks: tuple[dict[str, Any], ...] = ()


@dataclass
class Source:
    """The float32 model that variants are made from; what several of them need is computed once."""

    model: bytes  # as `prepared` returns it
    images: NDArray[np.float32]  # the representative dataset, N,C,H,W
    seed: int = 0
    per_channel_dense: bool = False
    torch_folder: Path | None = None  # where PyTorch's ranges are
    origins: dict[int, tuple[str, ...]] = field(default_factory=dict)  # see export.direct.FloatTFLite
    known: dict[Any, Any] = field(default_factory=dict)

    def make(self, entry: PTQ, progress: Callable[[float, str], None] = lambda share, what: None) -> Made:
        """Return one variant. Raises RecipeError for an activation without a range, and what the quantizer raises."""
        if entry.ranges != "calibrated":
            return self._with_known_ranges(entry)
        made = Made(self.model)
        if entry.equalize:
            progress(0.0, "equalizing")
            made.equalized = self._once("equalized", lambda: Equalize(self.images)(self.model))
            made.model = made.equalized.model
        per_channel, dense = entry.weights == "per-channel", self.per_channel_dense
        if entry.scheme in ("dynamic", "weight-only"):
            made.model = quantize_weights(made.model, entry.scheme, per_channel=per_channel, per_channel_dense=dense)
            return made
        float_model = made.model
        precision = ACTIVATIONS[entry.scheme]
        observer = entry.observer or "minmax"
        percentile = entry.percentile or DEFAULT_PERCENTILE
        bits = 8 if precision == "int8" else 16
        ranges = self._once(
            (entry.equalize, observer, percentile, bits),
            lambda: calibrate(
                float_model,
                self.images,
                observer,
                percentile=percentile,
                bits=bits,
                progress=lambda share: progress(0.3 * share, "calibrating"),
            ),
        )
        made.model = quantize_static(
            float_model, ranges, precision=precision, per_channel=per_channel, per_channel_dense=dense
        )
        if entry.adaround or entry.bias_correction:
            reconstructed = Reconstruct(
                float_model,
                self.images,
                adaround=entry.adaround,
                bias_correction=entry.bias_correction,
                seed=self.seed,
                progress=lambda share, layer: progress(0.3 + 0.7 * share, layer),
            )(made.model)
            assert isinstance(reconstructed, Reconstructed)
            made.model, made.reconstructed = reconstructed.model, reconstructed
        made.model = finished(made.model, entry.io, compact=False)
        return made

    def _with_known_ranges(self, entry: PTQ) -> Made:
        source = TORCH_SOURCES[entry.ranges]
        if self.torch_folder is None or not (self.torch_folder / source.file).exists():
            raise StageFailed(
                f"PyTorch's ranges are those of {source.variant}, which was not made",
                fix=f"put {source.kind} under quantize.torch.variants",
            )
        ranges = read_ranges(self.torch_folder, source.file)
        model, matched, checks = with_known_ranges(
            self.model, ranges, self.origins, per_channel_dense=self.per_channel_dense
        )
        return Made(finished(model, entry.io or "int8", compact=False), matched=matched, checks=tuple(checks))

    def _once(self, key: Any, compute: Callable[[], Any]) -> Any:
        if key not in self.known:
            self.known[key] = compute()
        return self.known[key]


def quantize_ptq(job: Job) -> None:
    """Write VARIANT.tflite for every entry of quantize.ptq; one that fails is a variant with its reason.

    Raises StageFailed when the stage `tflite` could not make the float32 model.
    """
    source = Source(
        prepared(float_model(job.inputs["tflite"])),
        read_calibration(job.inputs["calibration"]),
        job.recipe.seed,
        bool(job.recipe.quantize.tflite.per_channel_dense),
        job.inputs.get("torch"),
        read_origins(job.inputs["tflite"]),
    )
    preprocessing = deployed_preprocessing(job)
    variants = []
    entries = job.recipe.quantize.ptq
    for place, entry in enumerate(entries):

        def progress(share: float, what: str, place: int = place, name: str = entry.variant) -> None:
            job.progress((place + share) / len(entries), f"{name}: {what}")

        progress(0.0, entry.scheme)
        try:
            made = source.make(entry, progress)
            path = job.output / tflite_file(entry.variant)
            shipped = finished(made.model, None, compact=job.recipe.quantize.tflite.compact)
            path.write_bytes(with_preprocessing(shipped, preprocessing))
            variants.append(_variant(entry, path, made, source))
        except Exception as error:
            variants.append(Variant(entry.variant, "litert", PRECISIONS[entry.scheme], None, reason=reason_of(error)))
    write_variants(job.output, variants)


def read_origins(folder: Path) -> dict[int, tuple[str, ...]]:
    """Return what the stage `tflite` knows of its tensors; nothing where TensorFlow made them."""
    rows = json.loads((folder / ORIGINS_FILE).read_text())
    return {int(place): tuple(names) for place, names in rows.items()}


def float_model(folder: Path) -> bytes:
    """Return the float32 flatbuffer of the stage `tflite`. Raises StageFailed when it could not be made."""
    variant = next((v for v in read_variants(folder) if v.name == TFLITE_FLOAT), None)
    if variant is None or variant.file is None:
        reason = variant.reason if variant else "it was not asked for"
        raise StageFailed(f"there is no float32 TFLite model to quantize: {reason}", fix="see the stage tflite")
    return pure_flatbuffer((folder / variant.file).read_bytes())


def _variant(entry: PTQ, path: Path, made: Made, source: Source) -> Variant:
    runner = LiteRTRunner(path)
    io = entry.io if entry.io in ("uint8", "float32") else "int8"  # int16's own ends need no conversion either
    return Variant(
        entry.variant,
        "litert",
        PRECISIONS[entry.scheme],
        path.name,
        "; ".join(_details(entry, made, source)),
        checks=(*made.checks, *(int8_checks(made.model, io) if entry.scheme in ACTIVATIONS else ())),
        warnings=runner.warnings,
        extra={
            "operators": operators(made.model),
            "input": asdict(runner.input),
            "output": asdict(runner.output),
            **(
                {"source": TORCH_SOURCES[entry.ranges].variant, "output_scale": made.matched.output_scale}
                if made.matched
                else {}
            ),
        },
    )


def _details(entry: PTQ, made: Made, source: Source) -> list[str]:
    dense = "per-channel" if source.per_channel_dense and entry.weights == "per-channel" else "per-tensor"
    weights = f"int8 weights {entry.weights}" + (f", dense {dense}" if dense != entry.weights else "")
    if entry.scheme in ACTIVATIONS:
        default = ACTIVATIONS[entry.scheme]
        observer = TORCH_SOURCES[entry.ranges].owner if made.matched else entry.observer or "minmax"
        share = f" {entry.percentile or DEFAULT_PERCENTILE:g}" if entry.observer == "percentile" else ""
        details = [
            f"{default} activations, {observer}{share} ranges",
            weights,
            f"{entry.io or default} in and out",
        ]
    else:
        details = [f"float32 activations{', quantized as they come' if entry.scheme == 'dynamic' else ''}", weights]
    if made.equalized:
        details.append(equalization_line(made.equalized))
    if made.reconstructed and made.reconstructed.rounding:
        before, after = (sum(errors) for errors in zip(*made.reconstructed.rounding.values(), strict=True))
        details.append(f"AdaRound: {before:.3g} → {after:.3g} summed squared error of its layers")
    if made.reconstructed and made.reconstructed.bias_changes:
        details.append(f"biases of {len(made.reconstructed.bias_changes)} layers corrected")
    return [*details, "ai-edge-quantizer"]


def equalization_line(equalized: Equalized) -> str:
    """Return in one line what equalization did, and why it left layers alone."""
    reasons: dict[str, int] = {}
    for refusal in equalized.refused:
        reasons[refusal.reason] = reasons.get(refusal.reason, 0) + 1
    left = ", ".join(f"{count} layers left alone: {reason}" for reason, count in reasons.items())
    held = f", {equalized.held_channels} channels that reach ReLU6's limit kept" if equalized.held_channels else ""
    return f"{len(equalized.changed)} pairs of layers equalized, factors up to {equalized.largest:.3g}{held}" + (
        f" ({left})" if left else ""
    )
