"""Whether a board keeps up with its sensor: an inference's time against that of a sample and of a stride."""

from __future__ import annotations

from dataclasses import dataclass

from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.results.rows.time import figure

EVERY_MS = 200.0  # from an inference of sound to the next, where no build has chosen it


@dataclass(frozen=True)
class Pace:
    """Milliseconds from a sample to the next (None of sound: an interrupt keeps them), and from input to input."""

    sample_ms: float | None
    input_ms: float

    def told(self, milliseconds: float | None) -> str:
        """Return what is wrong where an inference takes so long; nothing where nothing is."""
        if milliseconds is None:
            return ""
        takes = f"an inference takes about {figure(milliseconds)} ms, and"
        if milliseconds > self.input_ms:
            return f"{takes} an input is due every {figure(self.input_ms)}: samples are lost, what is seen has gaps"
        if self.sample_ms is None or milliseconds <= self.sample_ms:
            return ""
        lost, of = int(milliseconds / self.sample_ms), round(self.input_ms / self.sample_ms)
        return (
            f"{takes} a sample is due every {figure(self.sample_ms)}: where no thread takes them "
            f"(EDGEFORGE_SAMPLING_THREAD in settings.h) about {lost} of each {of} are lost, and the next one stands in"
        )


def pace_of(preprocessing: Preprocessing | None, listening: ListeningRow | None = None) -> Pace | None:
    """Return the pace of a model of samples; None of another one."""
    if preprocessing is not None and preprocessing.sampling:
        sample = 1000 / preprocessing.sampling.rate_hz
        return Pace(sample, preprocessing.sampling.stride * sample)
    if preprocessing is not None and preprocessing.sound:
        return Pace(None, listening.every_ms if listening else EVERY_MS)
    return None
