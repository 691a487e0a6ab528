"""Reads and writes a .wav file: its header checked, its samples mono, of the rate asked for, in 16 bits.

The one definition of it: training recordings are read by it, and the Raspberry Pi bundle carries this very file. So it
runs on the device's Python, 3.9 and later, and imports nothing of EdgeForge's.
"""

from __future__ import annotations

import io
import struct
import warnings
import wave
from collections.abc import Iterator
from math import gcd
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE = "it is no .wav file, or a damaged one"
AS_PCM = "save it as a .wav file of PCM samples"
HEADER_BYTES = 4096  # in which `fmt ` is looked for
LOWEST, HIGHEST = 1000, 768_000  # samples a second that a recording may have
FULL = {"int16": 2.0**15, "int32": 2.0**31, "int64": 2.0**63}  # of whole samples; those of 24 bits are widened
BLOCK_SECONDS = 10  # of a recording that is resampled part by part


class SoundRefused(ValueError):
    """What is wrong with a recording, and what to do about it."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix


def check_header(data: bytes) -> None:
    """Raise SoundRefused where rate, bytes a sample and bytes a second contradict each other. data: the beginning."""
    place = data.find(b"fmt ", 12, HEADER_BYTES)
    if data[:4] not in (b"RIFF", b"RIFX", b"RF64") or place < 0 or len(data) < place + 24:
        raise SoundRefused(NONE, AS_PCM)
    order = ">" if data[:4] == b"RIFX" else "<"
    _, channels, rate, a_second, a_sample, _ = struct.unpack_from(f"{order}HHIIHH", data, place + 8)
    if not channels or not a_sample:
        raise SoundRefused(NONE, AS_PCM)
    if a_second != rate * a_sample:
        raise SoundRefused(
            f"its header says {rate:,} samples a second and {a_second:,} bytes of {a_sample} a sample: one is wrong",
            "mend its header, or save it again",
        )
    if not LOWEST <= rate <= HIGHEST:
        raise SoundRefused(f"its header says {rate:,} samples a second", "mend its header: the rate is wrong")


def decoded(source: Any, *, mapped: bool = False) -> tuple[int, NDArray[Any]]:
    """Return rate and samples (N, or N,channels) of a file's bytes, or of its path, by SciPy.

    mapped: leave them on the disk. Raises SoundRefused for none, whatever SciPy does for a damaged file.
    """
    from scipy.io import wavfile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # chunks that are no sound
        rate, samples = wavfile.read(io.BytesIO(source) if isinstance(source, bytes) else source, mmap=mapped)
    if not len(samples):
        raise SoundRefused("it has no samples", "record it again, or remove it")
    return int(rate), samples


def as_recorded(samples: NDArray[Any], rate: int, wanted: int) -> NDArray[np.int16]:
    """Return samples (N, or N,channels) as the model's features are made of: mono, of that rate, 16 bits."""
    import numpy as np

    if samples.ndim == 1 and samples.dtype == np.int16 and rate == wanted:
        return samples.copy()
    return to_int16(resampled(mono(samples), rate, wanted))


def in_blocks(samples: NDArray[Any], rate: int, wanted: int) -> Iterator[NDArray[np.int16]]:
    """Yield what `as_recorded` returns, to the bit, in parts: the memory does not grow with the recording."""
    if rate == wanted:
        for start in range(0, len(samples), BLOCK_SECONDS * rate):
            yield as_recorded(samples[start : start + BLOCK_SECONDS * rate], rate, wanted)
        return
    common = gcd(rate, wanted)
    up, down = wanted // common, rate // common
    length = down * max(1, BLOCK_SECONDS * rate // down)  # each begins with a sample that both rates have
    beside = down * (-(-10 * max(up, down) // (up * down)) + 1)  # samples that SciPy's filter reaches to, and more
    for start in range(0, len(samples), length):
        first, end = max(0, start - beside), start + length
        found = resampled(mono(samples[first : end + beside]), rate, wanted)
        kept = found[(start - first) // down * up :]
        yield to_int16(kept[: length // down * up] if end < len(samples) else kept)


def mono(samples: NDArray[Any]) -> NDArray[np.float64]:
    """Return the mean of the channels, of -1 to 1. Raises SoundRefused for samples that are no numbers."""
    import numpy as np

    if samples.dtype == np.uint8:
        values = (samples.astype(np.float64) - 128) / 128
    elif samples.dtype.kind == "f":
        values = samples.astype(np.float64)
        if not np.isfinite(values).all():
            raise SoundRefused("it has samples that are no numbers (NaN or infinite)", "save it again")
    elif samples.dtype.name in FULL:
        values = samples.astype(np.float64) / FULL[samples.dtype.name]
    else:
        raise SoundRefused(f"its samples are of type {samples.dtype}", "save it as PCM of 16 bits")
    return values if values.ndim == 1 else values.mean(1)


def resampled(values: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Return values at another rate, by SciPy's polyphase filter."""
    from scipy.signal import resample_poly

    if rate == wanted:
        return values
    common = gcd(rate, wanted)
    found: NDArray[np.float64] = resample_poly(values, wanted // common, rate // common)
    return found


def to_int16(values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return samples of -1 to 1 as 16-bit integers, what is louder clipped."""
    import numpy as np

    return np.clip((values * 32_768).round(), -32_768, 32_767).astype(np.int16)


def wav_file(samples: NDArray[np.int16], rate_hz: int) -> bytes:
    """Return a .wav file of mono samples."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.astype("<i2").tobytes())
    return buffer.getvalue()


def in_silence(samples: NDArray[np.int16], length: int) -> NDArray[np.int16]:
    """Return a recording that is shorter than a clip in the middle of silence."""
    import numpy as np

    before = (length - len(samples)) // 2
    return np.pad(samples, (before, length - len(samples) - before))
