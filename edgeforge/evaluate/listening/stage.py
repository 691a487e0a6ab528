"""The stage `listen`: the model that ships on continuous recordings, as a board would hear them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.source import Stream
from edgeforge.data.splits import deployed_preprocessing, read_stream
from edgeforge.errors import StageFailed
from edgeforge.evaluate.listening.choose import Judged, choose, judged
from edgeforge.features.compiled import Features
from edgeforge.results.files import LISTENING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import HeardRow, ListeningRow
from edgeforge.results.variant import shipped_variant
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.tensors import to_input

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PORTION = 500


def listen(job: Job) -> None:
    """Write listening.json: smoothing and thresholds chosen on validation, and what they give on both recordings.

    Raises StageFailed for a model whose outputs are no logits of 8 bits.
    """
    asked = job.recipe.listen
    assert asked is not None
    preprocessing = deployed_preprocessing(job)
    validation, test = read_stream(job.inputs["data"], "val"), read_stream(job.inputs["data"], "test")
    assert preprocessing.sound is not None and validation is not None and test is not None
    streams = {"val": validation, "test": test}
    sound, features = preprocessing.sound, Features(preprocessing.sound)
    variant, folder = shipped_variant(job.inputs, job.recipe.quantize.ship)
    frame_ms = 1000 * sound.stride / sound.rate_hz
    hop = max(1, round(asked.every_ms / frame_ms))
    pause = round(asked.pause_ms / (hop * frame_ms))
    scores, ends = {}, {}
    for name, stream in streams.items():
        job.progress(0.1 if name == "val" else 0.5, f"the {name} recording")
        scores[name], ends[name] = _scores(folder / str(variant.file), preprocessing, features, stream, hop)

    def judge(name: str, stream: Stream, found: NDArray[np.intc], smoothed: int) -> Judged:
        return judged(found, ends[name], stream.events, preprocessing.shape[1] + smoothed * hop)

    words = sorted({int(event) for event in validation.events[:, 0]})
    smoothed, thresholds = choose(
        lambda smoothed, limits: features.heard(scores["val"], smoothed, pause, limits),
        partial(judge, "val", validation), words, len(preprocessing.classes), len(validation.events), asked.detection,
    )  # fmt: skip
    rows = {}
    for name, stream in streams.items():
        result = judge(name, stream, features.heard(scores[name], smoothed, pause, thresholds), smoothed)
        minutes = len(stream.rows) * frame_ms / 60_000
        rows[name] = HeardRow(
            minutes=minutes, words=len(stream.events), detected=result.detected, false_alarms=len(result.false)
        )
    row = ListeningRow(
        every_ms=hop * frame_ms,
        smoothed=smoothed,
        pause=pause,
        thresholds=dict(zip(preprocessing.classes, thresholds, strict=True)),
        wanted=asked.detection,
        validation=rows["val"],
        test=rows["test"],
    )
    (job.output / LISTENING_FILE).write_text(row.model_dump_json(indent=1) + "\n")


def _scores(
    model: Path, preprocessing: Preprocessing, features: Features, stream: Stream, hop: int
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the scores (N,classes) of windows of a recording, `hop` frames apart, and the frame each ends with."""
    import numpy as np

    runner = LiteRTRunner(model)
    spec = runner.output
    if spec.dtype != "int8" or spec.scale is None or preprocessing.heads[0].probability:
        raise StageFailed(
            f"{model.name}: what it hears is scored by logits of int8; its outputs are {spec.dtype}",
            fix="leave listen out of the recipe, or ship an int8 model without a softmax",
        )
    frames = preprocessing.shape[1]
    ends = np.arange(frames - 1, len(stream.rows), hop)
    outputs: list[Any] = []
    for start in range(0, len(ends), PORTION):
        windows = np.stack([stream.rows[end - frames + 1 : end + 1] for end in ends[start : start + PORTION]])
        outputs.append(runner.run_raw(to_input(preprocessing.apply(windows[:, None]), runner.input)))
    return features.scores(np.concatenate(outputs), float(spec.scale)), ends
