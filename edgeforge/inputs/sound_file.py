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
AS_PCM = "save it as a .wav file of PCM samples: ffmpeg -i FILE -c:a pcm_s16le NEW.wav"
AGAIN = "save it again, or mend its header: ffmpeg -ignore_length 1 -i FILE -c:a pcm_s16le NEW.wav"
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE  # of a header's formats
COMPRESSED = {2: " (ADPCM)", 6: " (A-law)", 7: " (mu-law)", 17: " (ADPCM)", 49: " (GSM)", 80: " (MP2)", 85: " (MP3)"}
BEGINNINGS = {
    b"ID3": "an MP3", b"\xff\xfb": "an MP3", b"\xff\xf3": "an MP3", b"\xff\xf2": "an MP3", b"OggS": "an Ogg",
    b"fLaC": "a FLAC", b"\xff\xf1": "an AAC", b"FORM": "an AIFF", b"caff": "a CAF",
}  # fmt: skip
UNKNOWN = (0xFFFFFFFF, 0x7FFFFFFF, 0xFFFFFFFF - 36)  # sizes that a recorder leaves which does not know the end
LOUDEST = 16.0  # of samples as floats, whose full scale is 1: what is louder is of whole numbers
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
        raise SoundRefused(_other_format(data) or NONE, AS_PCM)
    kind, channels, rate, a_second, a_sample, _ = struct.unpack_from(f"{_order(data)}HHIIHH", data, place + 8)
    if kind not in (PCM, FLOAT, EXTENSIBLE):
        raise SoundRefused(f"its samples are packed{COMPRESSED.get(kind, '')}, no PCM", AS_PCM)
    if not channels or not a_sample:
        raise SoundRefused(NONE, AS_PCM)
    if a_second != rate * a_sample:
        raise SoundRefused(
            f"its header says {rate:,} samples a second and {a_second:,} bytes of {a_sample} a sample: one is wrong",
            "mend its header, or save it again",
        )
    if not LOWEST <= rate <= HIGHEST:
        raise SoundRefused(f"its header says {rate:,} samples a second", "mend its header: the rate is wrong")


def check_whole(data: bytes) -> None:
    """Raise SoundRefused where the sizes in a file's header are not those of the file. data: all of it."""
    place = 12
    while place + 8 <= len(data) and data[place : place + 4] != b"data":
        place += 8 + _size(data, place) + _size(data, place) % 2
    if data[:4] == b"RF64" or place + 8 > len(data):
        return  # SciPy judges it
    promised, there = _size(data, place), len(data) - place - 8
    if promised > there and promised not in UNKNOWN:
        raise SoundRefused(
            f"it is cut short: its header promises {promised:,} bytes of samples, and has {there:,}", AGAIN
        )
    behind = data[place + 8 + promised + promised % 2 :][:4]
    if (
        promised <= there
        and behind.strip(b"\0")
        and not (len(behind) == 4 and behind.isascii() and behind.decode().isprintable())
    ):
        raise SoundRefused(f"its header promises {promised:,} bytes of samples, and {there:,} are there", AGAIN)
    if _size(data, 0) + 8 < place + 8 + min(promised, there) and _size(data, 0) not in (0, *UNKNOWN):
        raise SoundRefused(f"its header says that it has {_size(data, 0) + 8:,} bytes, and it has {len(data):,}", AGAIN)


def _order(data: bytes) -> str:
    return ">" if data[:4] == b"RIFX" else "<"


def _size(data: bytes, place: int) -> int:
    """Return the size that the chunk at a place says."""
    return int(struct.unpack_from(f"{_order(data)}I", data, place + 4)[0])


def _other_format(data: bytes) -> str:
    """Return which format it is by its first bytes, whatever its name says; empty for none that is known."""
    for begins, name in BEGINNINGS.items():
        if data.startswith(begins):
            return f"it is {name} file, whatever its name says"
    return "it is an MP4 or M4A file, whatever its name says" if data[4:8] == b"ftyp" else ""


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
        if (loudest := float(abs(values).max(initial=0))) > LOUDEST:
            what = f"its samples are floats of up to {loudest:,.0f}: of a .wav file they are from -1 to 1"
            raise SoundRefused(what, "divide them by 32768, or save them as int16")
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
