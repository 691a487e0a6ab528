"""`edgeforge monitor --replay`: recordings go through the board sample by sample, in the place of its sensor's.

The board's own ring makes the inputs, its own features of sound too; each answer is compared with the desk's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, StageFailed
from edgeforge.features.compiled import Features
from edgeforge.inputs.regular import named
from edgeforge.recipe.listed_images import files_below
from edgeforge.recipe.recorded_files import SOUNDS, TABLES
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.desk_answers import DeskAnswers
from edgeforge.targets.arduino.monitor.asking import Asked, Asking, Progress, require_whole
from edgeforge.targets.arduino.monitor.subject import Subject
from edgeforge.targets.arduino.samples.detected import Detected
from edgeforge.targets.arduino.serial_link import ATTEMPTS, STAGE, Link
from edgeforge.targets.arduino.serial_protocol import SampleFacts, Sampling

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Replayed:
    """A recording: its samples, and the inputs (N,C,H,W) that they make on the desk.

    first, apart: samples until the first input is complete, and from one to the next.
    """

    name: str
    samples: NDArray[Any]
    inputs: NDArray[Any]
    first: int
    apart: int

    def pieces(self, most: int) -> list[tuple[bytes, bool]]:
        """Return the samples as they are sent, at most so many together; which pieces complete an input."""
        ends = [self.first + number * self.apart for number in range(len(self.inputs))]
        found, place = [], 0
        for end in ends:
            while place < end:
                until = min(end, place + most)
                found.append((self.samples[place:until].tobytes(), until == end))
                place = until
        return found


def recordings_in(path: Path, preprocessing: Preprocessing, facts: SampleFacts) -> list[Replayed]:
    """Return the recordings of a file or a folder, those that are as long as an input.

    Raises RecipeError for what is none, or when the board's samples are not the model's.
    """
    suffixes = SOUNDS if preprocessing.sound else TABLES
    files = [path] if not path.is_dir() else [file for file in files_below(path) if file.suffix.lower() in suffixes]
    read = _of_sound if preprocessing.sound else _of_sensor
    found = [read(file, preprocessing, facts) for file in files]
    whole = [one for one in found if len(one.inputs)]
    if not whole:
        raise RecipeError(
            f"--replay {named(path)}: no recording there is as long as an input",
            fix=f"name {', '.join(suffixes)} files",
        )
    return whole


def replayed(subject: Subject, path: Path, link: Link) -> tuple[Subject, Asking]:
    """Return the inputs of recordings, and how the board comes by them. Raises RecipeError, StageFailed."""
    import numpy as np

    if not subject.preprocessing.sound and not subject.preprocessing.sampling:
        raise RecipeError("--replay: the model takes no samples of a sensor", fix="leave it out: inputs are sent whole")
    facts = link.sampling(Sampling.REPLAYED)
    recordings = recordings_in(path, subject.preprocessing, facts)
    raw = np.concatenate([one.inputs for one in recordings])
    bytes_a_sample = facts.channels * np.dtype(facts.dtype).itemsize

    def asking(raw: NDArray[Any], link: Link, desk: DeskAnswers, progress: Progress) -> Asked:
        detected = Detected.of(subject, desk.outputs[0])
        asked = Asked(detections=detected.row if detected else None)
        try:
            for one in recordings:
                known = desk.known[len(asked.board) : len(asked.board) + len(one.inputs)]
                found = _through(one.pieces(max(1, facts.most_bytes // bytes_a_sample)), known, link)
                for part in ("desk", "board", "micros", "heard"):
                    getattr(asked, part).extend(getattr(found, part))
                if detected:
                    times = [(one.first + number * one.apart) / facts.rate_hz for number in range(len(found.board))]
                    detected.compare(one.name, times, found)
                progress(len(asked.board) / len(raw), f"{len(asked.board)} of {len(raw)} inputs")
        finally:
            link.sampling(Sampling.JUDGED)
        return asked

    return replace(subject, raw=raw, labels=None), asking


def _through(pieces: list[tuple[bytes, bool]], known: list[Any], link: Link) -> Asked:
    """Send a recording; again from its beginning where the line has damaged a part, which the board may have taken."""
    for _ in range(ATTEMPTS):
        link.sampling(Sampling.REPLAYED)
        before = link.retries
        found = Asked()
        for piece, completes in pieces:
            taken = link.feed(piece)
            if link.retries != before:
                break
            if taken.inputs != completes or (taken.output is not None) != completes:
                raise StageFailed(
                    f"{link.port}: the board makes other inputs of a recording than the desk: its stride is another",
                    fix="flash the sketch of this model",
                    stage=STAGE,
                )
            if taken.output is not None:
                answers = known[len(found.board)]
                require_whole(taken.output, answers, link)
                found.add(taken.output, answers, taken.micros)
                found.heard.append(taken.heard)
        else:
            return found
    raise StageFailed(
        f"{link.port}: the line damages too much for a recording, {ATTEMPTS} times",
        fix="try another cable or USB port",
        stage=STAGE,
    )


def _of_sensor(path: Path, preprocessing: Preprocessing, facts: SampleFacts) -> Replayed:
    import numpy as np

    from edgeforge.data.sources.windows.tables import axes_of

    sampling = preprocessing.sampling
    assert sampling is not None
    if facts.axes != sampling.axes:
        raise RecipeError(
            f"the board's samples are {', '.join(facts.axes)}; the model takes {', '.join(sampling.axes)}",
            fix="flash the sketch of this model",
        )
    values = axes_of(path, sampling.axes)
    if not np.isfinite(values).all():
        raise RecipeError(f"{named(path)}: it has samples that are no numbers", fix="mend it, or name another")
    length = preprocessing.shape[2]
    starts = range(0, len(values) - length + 1, sampling.stride)
    windows = [values[start : start + length].T[:, None] for start in starts]
    inputs = np.stack(windows) if windows else np.zeros((0, *preprocessing.shape), np.float32)
    return Replayed(path.name, values.astype("<f4"), inputs, length, sampling.stride)


def _of_sound(path: Path, preprocessing: Preprocessing, facts: SampleFacts) -> Replayed:
    import numpy as np

    from edgeforge.data.sources.wav.read import read_wav

    sound, (_, frames, _) = preprocessing.sound, preprocessing.shape
    assert sound is not None
    samples, _ = read_wav(path, sound.rate_hz)
    apart = facts.most_bytes // samples.itemsize  # what the board takes at a time: from an inference to the next
    rows, hop = Features(sound).of_clip(samples), apart // sound.stride
    inputs = [rows[end - frames : end][None] for end in range(frames, len(rows) + 1, hop)]
    whole = np.stack(inputs) if inputs else np.zeros((0, *preprocessing.shape), np.uint8)
    return Replayed(path.name, samples.astype("<i2"), whole, sound.samples(frames), apart)
