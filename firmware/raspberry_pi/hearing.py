"""What the model hears: features by the C code that boards run, a clip judged, a long recording listened to."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bundle import Bundle, BundleError
from classifier import Classifier
from feature_library import COMPILERS, FLAGS, SHARED, FeatureLibrary, score_step
from sound_file import in_silence

FOLDER = "features"  # of the C sources, and of the library made of them


@dataclass(frozen=True)
class Heard:
    """A detection: how many seconds into the recording, which class, and its mean score in [0, 1].

    seconds: None of a recording no longer than a clip, which is judged as a whole.
    """

    seconds: float | None
    label: str
    score: float


class Ear:
    """The features of a bundle, compiled for this device, and how its model's answers become detections."""

    def __init__(self, bundle: Bundle) -> None:
        assert bundle.sound is not None
        self.bundle, self.sound, self.settings = bundle, bundle.sound, bundle.hearing
        values = self.sound["coefficients"] if self.sound["kind"] == "mfcc" else self.sound["bands"]
        self.library = FeatureLibrary(_compiled(bundle.folder / FOLDER), values)

    @property
    def rate_hz(self) -> int:
        """Samples a second."""
        return int(self.sound["rate_hz"])

    def rows(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return the features (frames,values uint8) of samples from silence on."""
        window, stride = self.sound["window"], self.sound["stride"]
        frames = 0 if len(samples) < window else 1 + (len(samples) - window) // stride
        return self.library.of_clip(samples, frames)

    def clip(self, samples: NDArray[Any], name: str) -> NDArray[Any]:
        """Return the model's raw input (1,1,frames,values) of a recording that is no longer than a clip.

        A shorter one stands in the middle of silence, as in training. Raises BundleError for less than a window.
        """
        if len(samples) < self.sound["window"]:
            raise BundleError(f"{name}: {1000 * len(samples) / self.rate_hz:.0f} ms of sound, less than a window")
        whole = in_silence(samples, self.settings["clip"]) if len(samples) < self.settings["clip"] else samples
        return self.rows(whole)[None, None]

    def judged(self, classifier: Classifier, parts: Iterable[NDArray[Any]], name: str) -> Iterator[Heard]:
        """Yield what a recording is: one answer of one that is no longer than a clip, of a longer one what is heard."""
        rest, begun, count = iter(parts), [], 0
        for part in rest:
            begun.append(part)
            count += len(part)
            if count > self.settings["clip"]:
                yield from self.detections(classifier, chain(begun, rest))
                return
        whole = np.concatenate(begun) if begun else np.zeros(0, np.int16)
        said = classifier.classify(self.clip(whole, name))
        yield Heard(None, said["label"], said["score"])

    def detections(self, classifier: Classifier, parts: Iterable[NDArray[Any]]) -> Iterator[Heard]:
        """Yield what is heard in samples that arrive in parts, as soon as it is: as the sketch of a board hears."""
        frames, hop, smoothed = self.bundle.shape[1], self.settings["hop"], self.settings["smoothed"]
        stream = self.library.stream()
        detector = self.library.detector(smoothed, self.settings["pause"], self.settings["thresholds"])
        newest: deque[NDArray[Any]] = deque(maxlen=frames)
        scores: deque[NDArray[Any]] = deque(maxlen=smoothed)
        count = 0
        for part in parts:
            for row in stream.take(part):
                newest.append(row)
                count += 1
                if count < frames or (count - frames) % hop:
                    continue
                scores.append(self.scores(classifier.raw_logits(np.stack(newest)[None, None]))[0])
                found = detector.hear(scores[-1])
                if found >= 0:
                    seconds = ((count - 1) * self.sound["stride"] + self.sound["window"]) / self.rate_hz
                    yield Heard(
                        seconds, self.bundle.labels[found], float(np.mean([one[found] for one in scores])) / 255
                    )

    def scores(self, logits: NDArray[Any]) -> NDArray[Any]:
        """Return the share of each class in 255 (N,classes uint8), by steps of the int8 model that ships.

        Thresholds were chosen in them: of that model the result is the board's, of the others its nearest.
        """
        step = self.settings["step"]
        below = np.rint((logits - logits.max(1, keepdims=True)) / step)
        return self.library.scores((127 + np.maximum(below, -255)).astype(np.int8), score_step(step))


def _compiled(folder: Path) -> Path:
    """Return the library of a folder's C sources, compiled for this device unless it is there. Raises BundleError."""
    sources = sorted(folder.glob("*.c"))
    if not sources:
        raise BundleError(f"{folder} has no C sources: copy the whole bundle again")
    digest = hashlib.sha256(b"\0".join(path.read_bytes() for path in sorted(folder.glob("*.[ch]")))).hexdigest()[:16]
    library = folder / f"{platform.machine()}-{digest}.so"
    if library.is_file():
        return library
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise BundleError("features of sound are computed by C code, and there is no C compiler: sudo apt install gcc")
    made = library.with_name(f"{library.name}.{os.getpid()}")
    done = subprocess.run(
        [compiler, *FLAGS, *SHARED, *map(str, sources), "-o", str(made)], capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise BundleError(f"{compiler} cannot compile {folder}: {said}")
    made.replace(library)
    return library
