"""A continuous recording composed of clips: one after the other by chance, pauses between them, in noise."""

from __future__ import annotations

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


def composed(
    clips: list[tuple[NDArray[np.int16], int]],
    words: frozenset[int],
    noise: list[NDArray[np.int16]],
    features: Features,
    seconds: int,
    random: Generator,
) -> Stream:
    """Return a recording of so many seconds. clips: samples and class; `words`: the classes that are to be detected."""
    import numpy as np

    rate, stride = features.settings.rate_hz, features.settings.stride
    heard = np.zeros(seconds * rate, np.float64)
    events: list[tuple[int, int, int]] = []
    place = rate
    order: list[int] = []
    while True:
        order = order or random.permutation(len(clips)).tolist()
        clip, label = clips[order.pop()]
        if place + len(clip) > len(heard):
            break
        heard[place : place + len(clip)] += clip
        if label in words:
            loud = np.flatnonzero(abs(clip.astype(np.int32)) > LOUD * abs(clip.astype(np.int32)).max())
            if len(loud):
                first, last = place + int(loud[0]), place + int(loud[-1])
                events.append((label, first // stride, last // stride))
        place += len(clip) + int(random.uniform(*PAUSE) * rate)
    if noise:
        level = np.sqrt(np.mean(np.square(heard[heard != 0]))) if heard.any() else 1000.0
        length = min(map(len, noise))
        for start in range(0, len(heard), length):
            piece = heard[start : start + length]
            loudness = np.full(len(piece), level)
            piece += scaled(cut_of(noise, len(piece), random), loudness, float(random.uniform(*SNR)))
    samples = np.clip(heard.round(), -32_768, 32_767).astype(np.int16)
    return Stream(features.of_clip(samples), np.array(events, np.int64).reshape(-1, 3))
