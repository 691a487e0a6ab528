"""`edgeforge monitor --stream`: what a board's sensor or microphone gives becomes labelled recordings in a folder.

Of a sensor a csv file, of a microphone .wav files, in a folder a class: what `source: windows` and `source: wav` read.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import EdgeForgeError, RecipeError, StageFailed
from edgeforge.files import write_whole
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import remove_if_empty
from edgeforge.guards.text import one_line
from edgeforge.inputs.regular import named
from edgeforge.inputs.sizes import in_words
from edgeforge.inputs.sound_file import wav_file
from edgeforge.targets.arduino.serial_link import STAGE, Link
from edgeforge.targets.arduino.serial_protocol import SampleFacts, Sampling, Streamed

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATIENCE = 5.0  # seconds without a sample
UNKNOWN_SECONDS = 60.0  # for which there must be room where nobody says how long it records
CSV_TIME, CSV_VALUE = 16, 24  # letters of a line's time and of each value, at the most
ELSEWHERE = "choose another folder with --to FOLDER"
TIME = "time"  # the column, in seconds
Progress = Callable[[float, str], None]


@dataclass
class Recorded:
    """What has come: parts of samples with the place of each one's first. lost: by the board; late: in microseconds."""

    facts: SampleFacts
    parts: list[tuple[int, NDArray[Any]]] = field(default_factory=list)
    lost: int = 0
    mean_micros: int = 0
    most_micros: int = 0

    @property
    def samples(self) -> int:
        """How many there are."""
        return sum(len(values) for _, values in self.parts)

    @property
    def seconds(self) -> float:
        """From the first to the last, with what was lost between."""
        if not self.parts:
            return 0.0
        return (self.parts[-1][0] + len(self.parts[-1][1]) - self.parts[0][0]) / self.facts.rate_hz

    def add(self, streamed: Streamed) -> None:
        """Take what has come. Raises ValueError for parts of samples."""
        import numpy as np

        values = np.frombuffer(streamed.samples, np.dtype(self.facts.dtype).newbyteorder("<"))
        self.parts.append((streamed.place, values.reshape(-1, self.facts.channels)))
        self.lost, self.mean_micros = streamed.lost, streamed.mean_micros
        self.most_micros = max(self.most_micros, streamed.most_micros)

    @property
    def sentence(self) -> str:
        """How much was recorded, and how regularly."""
        text = f"{self.samples:,} samples in {self.seconds:.1f} s, lost {self.lost:,}"
        return text if not self.facts.axes else f"{text}, late by {self.mean_micros} us, at most {self.most_micros} us"


def require_one_wish(
    stream: bool, label: str | None, to: Path | None, replay: Path | None, seconds: float | None
) -> None:
    """Raise RecipeError where options do not go together."""
    if stream and not (label and to):
        raise RecipeError(
            "--stream records a class into a folder, and one of them is not named",
            fix="say both: --stream --label walking --to data/motion",
        )
    if stream and replay:
        raise RecipeError("--stream records, --replay sends: not both at once", fix="leave one out")
    if not stream and (label or to or seconds):
        raise RecipeError("--label, --to and --seconds belong to --stream", fix="add --stream, or leave them out")


def folder_of(to: Path, label: str) -> Path:
    """Return the folder of a class. Raises RecipeError for a label that is no folder's name."""
    if (
        not label.strip()
        or label != one_line(label).strip()
        or Path(label).name != label
        or label.startswith((".", "_"))
    ):
        raise RecipeError(f"--label {label!r} names no class", fix="a folder is called so: --label walking")
    return to / label


def record(
    link: Link, to: Path, label: str, seconds: float | None, progress: Progress = lambda share, text: None
) -> tuple[Recorded, list[Path]]:
    """Record until Ctrl-C, or for so many seconds; return what came, and the files written.

    Raises RecipeError for a label that is none, EdgeForgeError for a folder that cannot be written or has no room for
    it, StageFailed when no sample comes, or the board is gone: what had come until then is written all the same.
    """
    folder = folder_of(to, label)
    recorded = Recorded(link.sampling(Sampling.STREAMED))
    own = folder.exists()
    _require_room(recorded.facts, folder, seconds or UNKNOWN_SECONDS)
    try:
        with suppress(KeyboardInterrupt):
            _take(link, recorded, seconds, progress)
    finally:
        files = list(_write(recorded, folder))
        if not own:  # a class without recordings would stop a build
            remove_if_empty(folder, to)
    with suppress(StageFailed, KeyboardInterrupt):  # it goes on by itself soon
        link.sampling(Sampling.JUDGED)
    return recorded, files


def _require_room(facts: SampleFacts, folder: Path, seconds: float) -> None:
    """Raise EdgeForgeError before anything is recorded that could not be written."""
    with storage_errors(folder, ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK):
        raise EdgeForgeError(f"{named(folder)} cannot be written", fix=f"give yourself access to it, or {ELSEWHERE}")
    needed = seconds * facts.rate_hz * (CSV_TIME + CSV_VALUE * len(facts.axes) if facts.axes else 2)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EdgeForgeError(
            f"the disk under {named(folder)} has {in_words(free)} free, and {seconds:g} s take up to "
            f"{in_words(int(needed))}",
            fix=f"free some space, or {ELSEWHERE}",
        )


def _take(link: Link, recorded: Recorded, seconds: float | None, progress: Progress) -> None:
    heard = time.monotonic()
    for streamed in link.streamed():
        if streamed is None:
            if time.monotonic() > heard + PATIENCE:
                raise _silent(link, recorded)
            continue
        heard = time.monotonic()
        try:
            recorded.add(streamed)
        except ValueError as error:
            raise StageFailed(
                f"{link.port}: it sends parts of samples", fix="flash its sketch again", stage=STAGE
            ) from error
        progress(min(1.0, recorded.seconds / seconds) if seconds else 0.0, recorded.sentence)
        if seconds and recorded.seconds >= seconds:
            return


def _silent(link: Link, recorded: Recorded) -> StageFailed:
    if recorded.parts:
        return StageFailed(f"{link.port}: no more samples come", fix="plug the board in again", stage=STAGE)
    fix = "set EDGEFORGE_SENSOR in settings.h, or fill in readSample() in sample.cc"
    if not recorded.facts.axes:
        fix = "set EDGEFORGE_MICROPHONE to 1 in settings.h"
    return StageFailed(f"{link.port}: the board gives no samples", fix=fix, stage=STAGE)


def _write(recorded: Recorded, folder: Path) -> Iterator[Path]:
    """Write what came, and yield the files: of a sensor one, whose time shows gaps; of sound one a stretch."""
    if not recorded.parts:
        return
    with storage_errors(folder, ELSEWHERE):
        folder.mkdir(parents=True, exist_ok=True)
        if recorded.facts.axes:
            path = _free(folder, ".csv")
            write_whole(path, "".join(_lines(recorded)))
            yield path
            return
        for stretch in _stretches(recorded.parts):
            path = _free(folder, ".wav")
            write_whole(path, wav_file(stretch, round(recorded.facts.rate_hz)))
            yield path


def _lines(recorded: Recorded) -> Iterator[str]:
    """Yield a csv file's lines; a float32 reads back as it was."""
    yield ",".join((TIME, *recorded.facts.axes)) + "\n"
    first = recorded.parts[0][0]
    for start, values in recorded.parts:
        for number, sample in enumerate(values.tolist()):
            place = (start + number - first) / recorded.facts.rate_hz
            yield ",".join((f"{place:.6f}", *map(repr, sample))) + "\n"


def _stretches(parts: Iterable[tuple[int, NDArray[Any]]]) -> list[NDArray[Any]]:
    """Return samples between which none is missing."""
    import numpy as np

    found: list[list[NDArray[Any]]] = []
    expected = None
    for place, values in parts:
        if place != expected:
            found.append([])
        found[-1].append(values)
        expected = place + len(values)
    return [np.concatenate(stretch)[:, 0] for stretch in found]


def _free(folder: Path, suffix: str) -> Path:
    """Return the first name that no file has."""
    for number in range(1, 100_000):
        path = folder / f"board-{number:03}{suffix}"
        if not path.exists():
            return path
    raise RecipeError(f"{named(folder)} is full of recordings", fix="name another folder")
