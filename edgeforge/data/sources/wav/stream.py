"""A continuous recording composed of clips: one after the other by chance, pauses between them, in noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.data.source import Stream
from edgeforge.data.sources.wav.clips import cut_of, scaled
from edgeforge.features.compiled import Features

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

PAUSE = (0.5, 2.5)  # seconds
LOUD = 0.05  # of a clip's largest amplitude: where a word begins and ends
SNR = (5.0, 25.0)  # decibels of a word above the noise around it
PIECE = 10  # seconds of one noise, at most
WHOLE, HALF = 0.9, 0.5  # shares of a word that a window holds: it is that word; it is none


@dataclass(frozen=True)
class Spoken:
    """A recording: its features (frames,values uint8), and N,3 of all that is said: class, first and last frame."""

    rows: NDArray[np.uint8]
    said: NDArray[np.int64]

    def stream(self, words: frozenset[int]) -> Stream:
        """Return it as it is listened to: of what is said, the classes that are to be detected."""
        import numpy as np

        return Stream(self.rows, self.said[np.isin(self.said[:, 0], sorted(words))])

    def windows(
        self, frames: int, hop: int, unknown: int | None, silence: int | None
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Return windows (N,1,frames,values) `hop` frames apart, and what each of them is.

        It is the last word that is in it whole, `unknown` where it holds half of one at most, `silence` of none.
        Windows between these, and those of a class that is None, are left out.
        """
        import numpy as np

        kept, labels = [], []
        for end in range(frames, len(self.rows) + 1, hop):
            first = np.maximum(self.said[:, 1], end - frames)
            last = np.minimum(self.said[:, 2], end - 1)
            share = (last - first + 1).clip(0) / (self.said[:, 2] - self.said[:, 1] + 1)
            whole = np.flatnonzero(share >= WHOLE)
            label = int(self.said[whole[-1], 0]) if len(whole) else unknown if share.any() else silence
            if label is None or (not len(whole) and share.max(initial=0) > HALF):
                continue
            kept.append(self.rows[None, end - frames : end])
            labels.append(label)
        shape = (0, 1, frames, self.rows.shape[1])
        return np.stack(kept) if kept else np.zeros(shape, np.uint8), np.array(labels, np.int64)


def spoken(
    clips: list[tuple[NDArray[np.int16], int]],
    noise: list[NDArray[np.int16]],
    features: Features,
    seconds: int,
    random: Generator,
    snr_db: tuple[float, float] = SNR,
) -> Spoken:
    """Return a recording of so many seconds. clips: samples and class."""
    import numpy as np

    rate, stride = features.settings.rate_hz, features.settings.stride
    heard = np.zeros(seconds * rate, np.float64)
    said: list[tuple[int, int, int]] = []
    place = rate
    order: list[int] = []
    while True:
        order = order or random.permutation(len(clips)).tolist()
        clip, label = clips[order.pop()]
        if place + len(clip) > len(heard):
            break
        heard[place : place + len(clip)] += clip
        loud = np.flatnonzero(abs(clip.astype(np.int32)) > LOUD * abs(clip.astype(np.int32)).max())
        if len(loud):
            first, last = place + int(loud[0]), place + int(loud[-1])
            said.append((label, first // stride, last // stride))
        place += len(clip) + int(random.uniform(*PAUSE) * rate)
    if noise:
        level = np.sqrt(np.mean(np.square(heard[heard != 0]))) if heard.any() else 1000.0
        length = min(PIECE * rate, *map(len, noise))
        for start in range(0, len(heard), length):
            piece = heard[start : start + length]
            loudness = np.full(len(piece), level)
            piece += scaled(cut_of(noise, len(piece), random), loudness, float(random.uniform(*snr_db)))
    samples = np.clip(heard.round(), -32_768, 32_767).astype(np.int16)
    return Spoken(features.of_clip(samples), np.array(said, np.int64).reshape(-1, 3))
