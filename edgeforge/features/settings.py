"""What features are asked for: from samples to frames, from frames to rows of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgeforge.errors import RecipeError

Kind = Literal["log-mel", "mfcc", "microfrontend"]
SMALLEST_FFT, LARGEST_FFT = 64, 2048


@dataclass(frozen=True)
class FeatureSettings:
    """Frames of `window` samples, `stride` apart, in `bands` from lower_hz to upper_hz, of mono sound of rate_hz.

    kind: log-mel, a band's power, 8 steps an octave; mfcc, the first `coefficients` of its cosine transform;
    microfrontend, as TensorFlow Lite Micro's.
    """

    kind: Kind
    rate_hz: int
    window: int
    stride: int
    bands: int
    lower_hz: float
    upper_hz: float
    coefficients: int = 0  # of mfcc

    @property
    def fft(self) -> int:
        """The points of the Fourier transform: the next power of two."""
        return max(SMALLEST_FFT, 1 << (self.window - 1).bit_length())

    @property
    def values(self) -> int:
        """The bytes of a row."""
        return self.coefficients if self.kind == "mfcc" else self.bands

    def frames(self, samples: int) -> int:
        """Return how many rows so many samples make."""
        return 0 if samples < self.window else 1 + (samples - self.window) // self.stride

    def samples(self, frames: int) -> int:
        """Return how many samples so many rows are made of."""
        return self.window + (frames - 1) * self.stride

    def edges(self) -> tuple[float, ...]:
        """Return the corners of the bands in bins of the spectrum: each band rises from one to the next, and falls.

        Evenly spaced in mel, 1127 ln(1 + f / 700) (O'Shaughnessy 1987).
        """
        from math import expm1, log1p

        low, high = (1127 * log1p(hz / 700) for hz in (self.lower_hz, self.upper_hz))
        mels = [low + (high - low) * place / (self.bands + 1) for place in range(self.bands + 2)]
        return tuple(700 * expm1(mel / 1127) * self.fft / self.rate_hz for mel in mels)

    def check(self, where: str) -> None:
        """Raise RecipeError, which begins with `where`, for settings that the C code cannot follow."""
        if not 4000 <= self.rate_hz <= 48_000 or not 8 <= self.bands <= 128 or not 0 <= self.coefficients <= self.bands:
            raise RecipeError(
                f"{where}: {self.bands} bands of {self.rate_hz} Hz, {self.coefficients} coefficients: out of range",
                fix="rate_hz is 4000 to 48000, bands 8 to 128, coefficients at most as many",
            )
        if not 2 <= self.stride <= self.window:
            raise RecipeError(
                f"{where}: a stride of {self.stride} samples and a window of {self.window}: no sample may be left out",
                fix="set stride_ms to at most window_ms",
            )
        if self.fft > LARGEST_FFT:
            raise RecipeError(
                f"{where}: a window of {self.window} samples is longer than {LARGEST_FFT}",
                fix=f"lower window_ms to {1000 * LARGEST_FFT // self.rate_hz} or less, or rate_hz",
            )
        if not 0 < self.lower_hz < self.upper_hz <= self.rate_hz / 2:
            raise RecipeError(
                f"{where}: bands from {self.lower_hz:g} to {self.upper_hz:g} Hz; sound of {self.rate_hz} Hz has those "
                f"up to {self.rate_hz / 2:g}",
                fix="set lower_hz above 0 and below upper_hz, and upper_hz to at most half of rate_hz",
            )
        edges = self.edges()
        for band, (rise, fall) in enumerate(zip(edges, edges[2:], strict=False)):
            if not [place for place in range(1, self.fft // 2) if rise < place < fall]:
                raise RecipeError(
                    f"{where}: {self.bands} bands are more than a window of {self.window} samples tells apart: band "
                    f"{band} has none of its {self.fft // 2} frequencies",
                    fix="lower bands, raise lower_hz, or lengthen window_ms",
                )
