"""Sounds for tests, and features of them computed in floating point, as the books have them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edgeforge.features.settings import FeatureSettings, Kind


def settings_of(kind: Kind = "log-mel", stride: int = 320, bands: int = 40) -> FeatureSettings:
    """Return settings as keyword spotting has them: 30 ms of 16 kHz."""
    return FeatureSettings(kind, 16_000, 480, stride, bands, 125.0, 7500.0, 13)


def noise(amplitude: float, samples: int = 16_000, seed: int = 0) -> NDArray[np.int16]:
    """Return white noise of that standard deviation."""
    values = np.random.default_rng(seed).normal(0, amplitude, samples).round()
    return np.clip(values, -32_768, 32_767).astype(np.int16)


def chirp(samples: int = 16_000, amplitude: float = 9000.0) -> NDArray[np.int16]:
    """Return a tone that rises from 300 Hz on, louder and softer, in faint noise."""
    time = np.arange(samples) / 16_000
    tone = amplitude * np.sin(2 * np.pi * (300 + 1500 * time) * time) * (1 + 0.5 * np.sin(9 * time))
    return (tone + np.random.default_rng(1).normal(0, 30, samples)).astype(np.int16)


def octaves(settings: FeatureSettings, samples: NDArray[np.int16]) -> NDArray[np.float64]:
    """Return log2 of the bands' power (frames,bands), 0 of the loudest sine."""
    size = settings.window
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)
    starts = [frame * settings.stride for frame in range(settings.frames(len(samples)))]
    frames = np.stack([samples[start : start + size].astype(float) for start in starts])
    power = abs(np.fft.rfft(frames * window, settings.fft)) ** 2
    edges, places = np.array(settings.edges())[:, None], np.arange(settings.fft // 2 + 1)
    rising = (places - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - places) / (edges[2:] - edges[1:-1])
    bands = power @ np.maximum(0, np.minimum(rising, falling)).T
    found: NDArray[np.float64] = np.log2(np.maximum(bands, 1e-30) / (32_768 * window.sum() / 2) ** 2)
    return found
