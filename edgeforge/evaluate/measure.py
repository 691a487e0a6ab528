"""The stage `measure`: accuracy and agreement of every variant, with the statistics that judge them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.labels import counted_pixels, head_labels
from edgeforge.data.splits import deployed_preprocessing, further_sets, read_split
from edgeforge.evaluate.maps.pictures import map_pictures
from edgeforge.evaluate.metrics import head_errors, judged_by, metrics
from edgeforge.evaluate.mistakes import mistakes
from edgeforge.evaluate.predict import FAKE_QUANT, ON, read_agreements, read_predictions
from edgeforge.evaluate.statistics import sqnr_db
from edgeforge.evaluate.tflm import read_tflm
from edgeforge.results.answers import Answers, split_digest
from edgeforge.results.files import MAPS_FILE, MEASUREMENTS_FILE, MISTAKES_FILE, PREDICTIONS_FILE
from edgeforge.results.preprocessing import Classified, Preprocessing
from edgeforge.results.rows.report import Agreement, Check, VariantRow
from edgeforge.results.variant import ENGINE_INT8, ONNX_FLOAT, TFLM_INT8, TORCH_FLOAT, Variant, read_variants
from edgeforge.tflite.flatbuffer import read_model
from edgeforge.tflite.steps import input_spec
from edgeforge.tflite.tensors import as_seen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

REFERENCES = (TORCH_FLOAT, ONNX_FLOAT)  # the second one where a finished ONNX model is what there is
INDEX = "-index"  # suffix of the test images a variant was run on, where not on all
GIVES_OUTPUTS_OF = "gives the outputs of"
FOLLOWS_FAKE_QUANT = "follows its fake-quant model"
AGREES_WITH_ITSELF = "agrees with itself"  # to the byte, run again and in a second process
MIN_SAME_CLASS = 0.9995  # of two integer runtimes with the same scales and weights, which round sums differently
MAX_STEPS = 1.0  # integer arithmetic may round one step away from the fake-quant model, not more


def measure(job: Job) -> None:
    """Write measurements.json: a report row (schema.VariantRow) for every variant, latency still missing; answers.npz,
    and of pictures mistakes.json, or maps.json.

    `file` is that of the stage; where it is published, with the recipe's name, the report says.
    """
    data = job.inputs["data"]
    images, truth = read_split(data, "test")
    labels = {"": truth}
    labels |= {f"{ON}{name}": read_split(data, name)[1] for name in further_sets(data)}
    preprocessing = deployed_preprocessing(job)
    again = preprocessing.heads[0].kind == "reconstruction"
    given = _seen(job, images, preprocessing) if again else {}
    logits: dict[str, Any] = {}
    agreements: dict[str, Any] = {}
    for folder in job.inputs.values():
        if (folder / PREDICTIONS_FILE).exists():
            logits |= read_predictions(folder)
        agreements |= read_agreements(folder)
    judged = _judged(logits, labels, preprocessing)
    rows = []
    for folder in job.inputs.values():
        for variant in read_variants(folder):
            row = _row(folder, variant, logits, judged, labels, preprocessing, given)
            if row.status == "ok" and variant.name in agreements:
                found = agreements[variant.name]
                row.checks.append(Check(name=AGREES_WITH_ITSELF, passed=found["agrees"], detail=found["detail"]))
            rows.append(row)
    text = json.dumps([row.model_dump() for row in rows], indent=1)
    (job.output / MEASUREMENTS_FILE).write_text(text)
    names = [row.name for row in rows if row.status == "ok"]
    errors = {
        name: _errors(judged[name], logits.get(name + INDEX), truth, preprocessing, given.get(name)) for name in names
    }
    Answers(split_digest(images, truth), errors).write(job.output)
    if TFLM_INT8 in names:
        index = logits[TFLM_INT8 + INDEX]
        reference = reference_of(logits)
        pair = {reference: logits[reference][index], TFLM_INT8: logits[TFLM_INT8]}
        if found := mistakes(images, truth, pair, index, preprocessing):
            (job.output / MISTAKES_FILE).write_text(found.model_dump_json(indent=1))
        if maps := map_pictures(images, truth, pair, index, preprocessing):
            (job.output / MAPS_FILE).write_text(maps.model_dump_json(indent=1))


def _seen(job: Job, images: NDArray[Any], preprocessing: Preprocessing) -> dict[str, NDArray[np.float32]]:
    """Return what each variant's output is compared with, of models that give their input again (N,H*W*C).

    Of an int8 TFLite model that is its own input tensor, as on a board: rounded, and clipped where an anomaly is beyond
    the range that calibration has seen.
    """
    inputs, exact = preprocessing.apply(images), preprocessing.as_outputs(images)
    found = {}
    for folder in job.inputs.values():
        for variant in read_variants(folder):
            file = variant.file or ""
            found[variant.name] = exact
            if file.endswith(".tflite"):
                found[variant.name] = as_seen(inputs, input_spec(read_model((folder / file).read_bytes())))
    shipped = found.get(read_tflm(job.inputs["tflm"])["source"], exact)
    return found | dict.fromkeys((TFLM_INT8, ENGINE_INT8), shipped)


def _judged(
    logits: dict[str, Any], labels: dict[str, NDArray[Any]], preprocessing: Preprocessing
) -> dict[str, NDArray[Any]]:
    """Return what each variant's primary head is judged by on each test set, named as in `logits`."""
    head = preprocessing.heads[0]
    if head.kind != "map":
        return logits
    found = {}
    for name, outputs in logits.items():
        if name.endswith((INDEX, FAKE_QUANT)):
            continue
        truth = next((y for key, y in labels.items() if key and name.endswith(key)), labels[""])
        found[name] = judged_by(outputs, head_labels(truth, preprocessing.heads)[logits.get(name + INDEX, slice(None))],
                                head)  # fmt: skip
    return found


def _errors(
    outputs: NDArray[Any],
    index: NDArray[np.int64] | None,
    labels: NDArray[Any],
    preprocessing: Preprocessing,
    given: NDArray[np.float32] | None,
) -> NDArray[np.float32]:
    """Return the primary head's error on each test input; NaN on those that the variant was not run on."""
    import numpy as np

    errors = np.full(len(labels), np.nan, np.float32)
    run = slice(None) if index is None else index
    if given is not None:
        outputs = preprocessing.heads[0].errors(outputs, given[run])[:, None].astype(np.float32)
    head = preprocessing.heads[0]
    errors[run] = head_errors(outputs[:, : head.size], head_labels(labels, preprocessing.heads)[run], head)
    return errors


def _row(
    folder: Path,
    variant: Variant,
    logits: dict[str, Any],
    judged: dict[str, NDArray[Any]],
    labels: dict[str, NDArray[Any]],
    preprocessing: Preprocessing,
    given: dict[str, NDArray[np.float32]],
) -> VariantRow:
    row = VariantRow(
        name=variant.name,
        runtime=variant.runtime,
        precision=variant.precision,
        detail=variant.detail,
        checks=[Check(**check) for check in variant.checks],
        warnings=list(variant.warnings),
    )
    if variant.name not in logits:
        row.status, row.reason = "failed", variant.reason or "it gave no outputs"
        return row
    if variant.file:
        row.file = variant.file
        row.size_bytes = (folder / variant.file).stat().st_size
    found = logits[variant.name]
    index = logits.get(variant.name + INDEX, slice(None))
    first = reference_of(logits)
    expected, truth = logits[first][index], labels[""][index]
    further = {key.removeprefix(ON): (judged[variant.name + key], y) for key, y in labels.items() if key}
    reference = None if variant.name == first else judged[first][index]
    counted = counted_pixels(labels[""], preprocessing)
    again = (given[variant.name][index], given[first][index]) if given else None
    row.metrics, row.drop = metrics(judged[variant.name], reference, truth, preprocessing, further, again)
    row.agreement = Agreement(
        top1=same_class(expected, found, preprocessing.classified, None if counted is None else counted[index]),
        max_abs_logit=float(abs(found - expected).max()),
        sqnr_db=sqnr_db(expected, found),
    )
    _compare_with_fake_quant(row, variant, logits)
    _compare_with_source(row, variant, logits, preprocessing.classified)
    return row


def reference_of(names: Iterable[str]) -> str:
    """Return which of some variants all others are compared with."""
    made = set(names)
    return next(name for name in REFERENCES if name in made)


def _compare_with_fake_quant(row: VariantRow, variant: Variant, logits: dict[str, Any]) -> None:
    """Measure, in steps of the output's scale, how far an engine is from what int8 arithmetic should give."""
    expected = logits.get(f"{variant.extra.get('fake_quant')}{FAKE_QUANT}")
    scale = variant.extra.get("output_scale")
    if expected is None or not scale or row.agreement is None:
        return
    steps = abs(logits[variant.name] - expected) / scale
    largest = round(float(steps.max()), 2)
    row.agreement.max_steps = largest
    within = float((steps <= MAX_STEPS + 0.01).mean())  # outputs are whole steps, but for float rounding
    detail = f"largest difference {largest:.0f} step(s), {100 * within:.1f} % of outputs within one"
    row.checks.append(Check(name=FOLLOWS_FAKE_QUANT, passed=largest <= MAX_STEPS + 0.01, detail=detail))
    if largest > MAX_STEPS + 0.01:
        engine = variant.extra.get("engine")
        row.warnings.append(f"{engine} leaves the fake-quant model's outputs by up to {largest:.0f} steps")


def _compare_with_source(
    row: VariantRow, variant: Variant, logits: dict[str, Any], classified: Classified | None
) -> None:
    """Prove that a model with another's ranges gives its outputs, in steps of the output's scale."""
    name, scale = variant.extra.get("source"), variant.extra.get("output_scale")
    if name not in logits or not scale:
        return
    found, expected = logits[variant.name], logits[name]
    steps = abs(found - expected) / scale
    identical = float((steps < 0.5).mean())
    same = same_class(expected, found, classified)
    largest = float(steps.max())
    detail = f"{100 * identical:.2f} % of outputs identical, largest difference {largest:.0f} step(s)" + (
        "" if same is None else f", same class on {100 * same:.2f} %"
    )
    passed = largest <= MAX_STEPS + 0.01 and (same is None or same >= MIN_SAME_CLASS)
    row.checks.append(Check(name=f"{GIVES_OUTPUTS_OF} {name}", passed=passed, detail=detail))


def same_class(
    a: NDArray[np.float32],
    b: NDArray[np.float32],
    classified: Classified | None,
    counted: NDArray[np.bool_] | None = None,
) -> float | None:
    """Return the share of images (of a map: pixels, those `counted`) with the same class of the primary head.

    None: it is a value.
    """
    if classified is None:
        return None
    same = classified(a) == classified(b)
    return float((same if counted is None else same[counted]).mean())
