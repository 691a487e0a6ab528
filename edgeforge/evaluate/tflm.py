"""The stage `tflm`: the full-integer model on the kernels that the board runs, over the test split."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.errors import StageFailed
from edgeforge.evaluate.engines.inputs import inputs_of_images
from edgeforge.evaluate.engines.judge import confirmed
from edgeforge.evaluate.predict import test_sets, write_agreements
from edgeforge.results.files import PREDICTIONS_FILE, TFLM_FILE
from edgeforge.results.variant import TFLM_INT8, Variant, shipped_variant, write_variants
from edgeforge.runtimes.self_agreement import require_tflm_agreement
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Graph

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# What the reference kernels manage in 60 s on a slow desktop core (measured: 1.0e9 a second).
MACS_IN_A_MINUTE = 60 * 10**9
PORTION = 100
AGAIN = 4  # images that it runs twice more: TFLM is slow on a desk


def run_tflm(job: Job) -> None:
    """Write predictions.npz (logits, and the test images they are of), tflm.json and variants.json.

    tflm.json: source (the variant that it runs), arena_bytes, arena_head_bytes, arena_tail_bytes, operators,
    unsupported, images, of, reason. `reason` says why there are no figures: no such model was made, or TFLM refuses
    it, and `unsupported` names the operator it stopped at, or disagrees with itself: nothing it says is kept then.
    Raises ParityError when LiteRT's reference kernels compute a layer differently: neither's answer is a golden then.
    """
    import numpy as np

    facts: dict[str, Any] = {"source": "", "operators": [], "unsupported": []}
    try:
        source, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
        facts |= {"source": source.name, "operators": sorted(source.extra.get("operators", {}))}
        path = folder / str(source.file)
        runner = TFLMRunner(path)
        raw, _ = read_split(job.inputs["data"], "test")
        images = read_preprocessing(job.inputs["data"]).apply(raw)
        index = chosen_images(len(images), macs(path.read_bytes()))
        job.progress(0.0, "whether it agrees with itself")
        found = require_tflm_agreement(runner, path, images[index[:AGAIN]])
        write_agreements(job.output, {TFLM_INT8: found}, "tflm")
        job.progress(0.0, "whether LiteRT agrees with it, layer by layer")
        flatbuffer = pure_flatbuffer(path.read_bytes())
        confirmed(flatbuffer, inputs_of_images(Graph(flatbuffer), images))
        rows = []
        for start in range(0, len(index), PORTION):
            job.progress(start / len(index), f"{len(index)} images")
            rows.append(runner.run(images[index[start : start + PORTION]]))
        logits: dict[str, Any] = {TFLM_INT8: np.concatenate(rows), f"{TFLM_INT8}-index": index}
        further = test_sets(job.inputs["data"])
        logits |= {f"{TFLM_INT8}{suffix}": runner.run(more) for suffix, more in further.items() if suffix}
        np.savez(job.output / PREDICTIONS_FILE, **logits)
        arena = runner.arena()
        facts |= {"arena_bytes": arena.total, "arena_head_bytes": arena.head, "arena_tail_bytes": arena.tail}
        facts |= {"images": len(index), "of": len(images), "reason": ""}
        detail = f"{source.name}, reference kernels on this desk"
        if len(index) < len(images):
            detail += f", {len(index)} of {len(images)} test images, evenly spaced"
        variant = Variant(TFLM_INT8, "tflm", "int8", None, detail, checks=(_operators_check(facts["operators"]),))
    except StageFailed as error:
        facts |= {"reason": error.reason, "unsupported": re.findall(r"operator '(\w+)'", error.reason)}
        variant = Variant(TFLM_INT8, "tflm", "int8", None, reason=error.reason)
    (job.output / TFLM_FILE).write_text(json.dumps(facts, indent=1, sort_keys=True))
    write_variants(job.output, [variant])


def chosen_images(images: int, macs: int) -> NDArray[np.int64]:
    """Return the indices of all test images, or evenly spaced ones when all would take over a minute.

    Decided by the model's multiply-accumulates and not by a clock: a rebuild measures the same images.
    """
    import numpy as np

    every = -(-images * macs // MACS_IN_A_MINUTE)
    return np.arange(0, images, max(every, 1))


def _operators_check(operators: list[str]) -> dict[str, Any]:
    """Every operator has run in TFLM by now: a missing one would have been refused on loading."""
    return {"name": "every operator is in TFLM", "passed": True, "detail": ", ".join(operators)}


def read_tflm(folder: Path) -> dict[str, Any]:
    """Return what `run_tflm` wrote to tflm.json."""
    facts: dict[str, Any] = json.loads((folder / TFLM_FILE).read_text())
    return facts
