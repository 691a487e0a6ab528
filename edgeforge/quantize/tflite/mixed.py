"""The stage `mixed`: int8 where it costs nothing, int16 or float where it does, within `quantize.max_drop` points.

Layers are judged on validation images, so that the test split measures what was chosen and chooses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.data.labels import head_labels
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import deployed_preprocessing, read_split
from edgeforge.errors import RecipeError, StageFailed
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.order import finished
from edgeforge.quantize.tflite.precision_search import Judged, Point, fewest_wide, sensitivities
from edgeforge.quantize.tflite.prepared import layers, prepared
from edgeforge.quantize.tflite.ptq import float_model
from edgeforge.quantize.tflite.static import Precision, Ranges, quantize_static
from edgeforge.results.files import MIXED_FILE, MIXED_MODEL_FILE
from edgeforge.results.head import IGNORED
from edgeforge.results.preprocessing import with_preprocessing
from edgeforge.results.rows.mixed import MixedRow, MixRow, SensitivityRow, Wide
from edgeforge.results.variant import ONNX_FLOAT, TFLITE_MIXED, Variant, read_variants, write_variants
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operator_name, operators, read_model
from edgeforge.tflite.module_names import module_names
from edgeforge.tflite.passing_operators import INHERITS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VALIDATION_IMAGES = 2000
WIDER: tuple[Wide, ...] = ("int16", "float32")  # in order of preference: integers, half of float's memory


def mix_precisions(job: Job) -> None:
    """Write NAME_mixed.tflite, and mixed.json: each layer's cost, every mix tried, what was excluded and why."""
    settings = job.recipe.quantize
    assert settings.max_drop is not None
    head = deployed_preprocessing(job).heads[0]
    if not head.classes or head.kind == "reconstruction":
        raise RecipeError(
            f"quantize.max_drop is in points of accuracy, and the primary head '{head.name}' is a value or an error",
            fix="leave max_drop out, or put a head of classes first",
        )
    bench = _Bench(job, prepared(float_model(job.inputs["tflite"])))
    reference = bench.judge("float32", {})
    names = bench.computing_layers()
    costs = sensitivities(names, bench.judge, reference, lambda share, text: job.progress(0.5 * share, text))
    order = [entry.layer for entry in costs]
    excluded: dict[str, str] = {}
    tried: list[MixRow] = []
    chosen: MixRow | None = None
    for wide in WIDER:
        reason = bench.refusal(wide, order) if job.recipe.targets else ""
        if reason:
            excluded[wide] = reason
            continue
        best, points = fewest_wide(
            order, wide, bench.judge, reference, settings.max_drop,
            lambda share, text: job.progress(0.5 + 0.45 * share, text),
        )  # fmt: skip
        tried += [_mix(wide, point, reference) for point in points]
        if best is not None:
            chosen = _mix(wide, best, reference)
            break
    modules = _modules(job, bench.float_model)
    row = MixedRow(
        max_drop=settings.max_drop,
        images=len(bench.labels),
        float_bytes=reference.bytes,
        float_top1=reference.accuracy,
        layers=[
            SensitivityRow(layer=cost.layer, module=modules.get(cost.layer, ""), drop=cost.drop, error=cost.error)
            for cost in costs
        ],
        tried=tried,
        chosen=chosen,
        excluded=excluded,
    )
    (job.output / MIXED_FILE).write_text(row.model_dump_json(indent=1))
    write_variants(job.output, [_variant(job, bench, row)])


def _mix(wide: Wide, point: Point, reference: Judged) -> MixRow:
    drop = 100 * (reference.accuracy - point.judged.accuracy)
    return MixRow(
        precision=wide, wide=list(point.wide), bytes=point.judged.bytes, top1=point.judged.accuracy, drop=drop
    )


def _modules(job: Job, model: bytes) -> dict[str, str]:
    """Return layer → PyTorch module, for those that are known."""
    onnx = next(variant for variant in read_variants(job.inputs["onnx"]) if variant.name == ONNX_FLOAT)
    names = layers(model)
    known = module_names(model, job.inputs["onnx"] / str(onnx.file))
    return {names[place]: module for place, module in known.items()}


class _Bench:
    """Makes mixed models of one float model, and judges them on the same validation images."""

    def __init__(self, job: Job, model: bytes) -> None:
        import numpy as np

        self.float_model = model
        self.per_channel_dense = bool(job.recipe.quantize.tflite.per_channel_dense)
        self.ranges: Ranges = calibrate(model, read_calibration(job.inputs["calibration"]))
        raw, labels = read_split(job.inputs["data"], "val")
        index = np.linspace(0, len(raw) - 1, min(VALIDATION_IMAGES, len(raw))).round().astype(np.int64)
        self.images: NDArray[np.float32] = deployed_preprocessing(job).apply(raw[index])
        heads = deployed_preprocessing(job).heads
        self.labels, self.head = head_labels(labels[index], heads), heads[0]
        self.path = job.scratch / "mixed.tflite"
        self.logits = self._logits(model)

    def make(self, precision: Precision, exceptions: Mapping[str, Precision]) -> bytes:
        """Return the model of a mix."""
        if precision == "float32" and not exceptions:
            return self.float_model
        return quantize_static(
            self.float_model, self.ranges, precision=precision, exceptions=exceptions,
            per_channel_dense=self.per_channel_dense,
        )  # fmt: skip

    def judge(self, precision: Precision, exceptions: Mapping[str, Precision]) -> Judged:
        """Return size, accuracy and error of a mix."""
        model = self.make(precision, exceptions)
        logits = self._logits(model)
        right = self.head.decide(logits[:, : self.head.size]) == self.labels
        accuracy = float((right[self.labels != IGNORED] if self.head.kind == "map" else right).mean())
        return Judged(len(model), accuracy, float(((logits - self.logits) ** 2).mean()))

    def computing_layers(self) -> list[str]:
        """Return the layers that compute something; the others follow the precision of their input."""
        model = read_model(self.float_model)
        graph = model.subgraphs[0]
        return [
            graph.tensors[operator.outputs[0]].name.decode()
            for operator in graph.operators
            if operator_name(model, operator) not in INHERITS
        ]

    def refusal(self, wide: Precision, layers: list[str]) -> str:
        """Return why TFLM cannot run layers in this precision; empty when it can."""
        from edgeforge.runtimes.tflm import TFLMRunner

        for layer in layers:  # one by one: each is also a conversion at its borders
            self.path.write_bytes(self.make("int8", {layer: wide}))
            try:
                TFLMRunner(self.path).run(self.images[:1])
            except StageFailed as error:
                return f"{layer}: {error.reason}"
        return ""

    def _logits(self, model: bytes) -> NDArray[np.float32]:
        self.path.write_bytes(model)
        return LiteRTRunner(self.path).run(self.images)


def _variant(job: Job, bench: _Bench, row: MixedRow) -> Variant:
    settings, best = job.recipe.quantize, row.chosen
    if best is None:
        reason = f"no mix is within {settings.max_drop} points of float32 on the validation images"
        if row.excluded:
            reason += "; not tried, as TFLM cannot run it: " + ", ".join(row.excluded)
        return Variant(TFLITE_MIXED, "litert", "mixed", None, reason=reason)
    model = bench.make("int8", dict.fromkeys(best.wide, best.precision))
    path = job.output / MIXED_MODEL_FILE
    shipped = finished(model, settings.tflite.io, compact=settings.tflite.compact)
    path.write_bytes(with_preprocessing(shipped, deployed_preprocessing(job)))
    modules = {cost.layer: cost.module or cost.layer for cost in row.layers}
    kept = ", ".join(modules[layer] for layer in best.wide)
    detail = f"{best.precision}: {kept}; all else int8" if kept else "int8 is enough for every layer"
    precision = "mixed" if kept else "int8"
    warnings, extra = LiteRTRunner(path).warnings, {"operators": operators(model)}
    return Variant(TFLITE_MIXED, "litert", precision, path.name, detail, warnings=warnings, extra=extra)
