"""From recordings to clips of one length, and what is made of background noise: silence, and noisier clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.inputs.sound_file import in_silence
from edgeforge.recipe.schema import SoundAugment

if TYPE_CHECKING:
    import numpy as np
    from numpy.random import Generator
    from numpy.typing import NDArray

SIDES = {"train": (0.0, 0.7), "val": (0.7, 0.85), "test": (0.85, 1.0)}  # of a recording of noise


def clips_of(samples: NDArray[np.int16], length: int) -> list[NDArray[np.int16]]:
    """Return clips of a recording, one after the other; a shorter one stands in the middle of silence."""
    if len(samples) < length:
        return [in_silence(samples, length)]
    return [samples[start : start + length] for start in range(0, len(samples) - length + 1, length)]


def side_of(noise: list[NDArray[np.int16]], split: str, length: int) -> list[NDArray[np.int16]]:
    """Return the part of each recording of noise that a split hears, if it is as long as a clip."""
    parts = [one[int(len(one) * SIDES[split][0]) : int(len(one) * SIDES[split][1])] for one in noise]
    return [part for part in parts if len(part) >= length]


def cut_of(noise: list[NDArray[np.int16]], length: int, random: Generator) -> NDArray[np.int16]:
    """Return a piece of one of the recordings of noise."""
    chosen = noise[int(random.integers(len(noise)))]
    start = int(random.integers(len(chosen) - length + 1))
    return chosen[start : start + length]


def silent_clip(noise: list[NDArray[np.int16]], length: int, random: Generator) -> NDArray[np.int16]:
    """Return a piece of noise, as loud as it is or fainter."""
    import numpy as np

    return (cut_of(noise, length, random) * random.random()).round().astype(np.int16)


def changed(
    clip: NDArray[np.int16], wanted: SoundAugment, shift: int, noise: list[NDArray[np.int16]], random: Generator
) -> NDArray[np.int16]:
    """Return a clip earlier or later by up to `shift` samples, with noise in it."""
    import numpy as np

    by = int(random.integers(-shift, shift + 1))
    moved = np.zeros(len(clip), np.float64)
    moved[max(by, 0) : len(clip) + min(by, 0)] = clip[max(-by, 0) : len(clip) - max(by, 0)]
    if noise and random.random() < wanted.noise:
        moved += scaled(cut_of(noise, len(clip), random), moved, random.uniform(*wanted.snr_db))
    return np.clip(moved.round(), -32_768, 32_767).astype(np.int16)


def scaled(noise: NDArray[np.int16], clip: NDArray[np.float64], snr_db: float) -> NDArray[np.float64]:
    """Return noise so loud that the clip's power is snr_db decibels above its own."""
    import numpy as np

    powers = [float(np.mean(np.square(values.astype(np.float64)))) for values in (clip, noise)]
    if not all(powers):
        return noise.astype(np.float64)
    louder = float(np.sqrt(powers[0] / powers[1] / 10 ** (snr_db / 10)))
    return noise.astype(np.float64) * louder
