"""Reads a .wav file: mono samples of the rate that is asked for, in 16 bits."""

from __future__ import annotations

import io
import struct
import warnings
from math import gcd
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE = "it is no .wav file, or a damaged one"
LOWEST, HIGHEST = 1000, 768_000  # samples a second that a recording may have
FULL = {"int16": 2.0**15, "int32": 2.0**31, "int64": 2.0**63}  # of whole samples; those of 24 bits are widened


def read_wav(path: Path, rate_hz: int) -> tuple[NDArray[np.int16], int]:
    """Return mono samples at rate_hz, and the rate of the file. Raises RecipeError that says what is wrong with it."""
    import numpy as np
    from scipy.io import wavfile

    data = read_regular(path, "name a .wav file", KIND["sound"])
    if not data:
        raise RecipeError("it is empty", fix="record it again, or remove it")
    _check_header(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # chunks that are no sound
            rate, samples = wavfile.read(io.BytesIO(data))
    except Exception as error:  # a stranger's file: scipy raises whatever its bytes lead to
        raise RecipeError(cause_in(error, NONE), fix="save it as a .wav file of PCM samples") from error
    if not len(samples):
        raise RecipeError("it has no samples", fix="record it again, or remove it")
    if not LOWEST <= rate <= HIGHEST:
        raise RecipeError(f"its header says {rate:,} samples a second", fix="mend its header: the rate is wrong")
    require_memory(8 * samples.size * max(1, -(-rate_hz // rate)), "it")
    if samples.ndim == 1 and samples.dtype == np.int16 and rate == rate_hz:
        return samples.copy(), rate
    values = _real(samples)
    mono = values if values.ndim == 1 else values.mean(1)
    return to_int16(_resampled(mono, rate, rate_hz)), rate


def to_int16(values: NDArray[np.float64]) -> NDArray[np.int16]:
    """Return samples of -1 to 1 as 16-bit integers, what is louder clipped."""
    import numpy as np

    return np.clip((values * 32_768).round(), -32_768, 32_767).astype(np.int16)


def _check_header(data: bytes) -> None:
    """Raise RecipeError where rate, bytes a sample and bytes a second contradict each other."""
    place = data.find(b"fmt ", 12, 4096)
    if data[:4] not in (b"RIFF", b"RIFX", b"RF64") or place < 0 or len(data) < place + 24:
        raise RecipeError(NONE, fix="save it as a .wav file of PCM samples")
    order = ">" if data[:4] == b"RIFX" else "<"
    _, channels, rate, a_second, a_sample, _ = struct.unpack_from(f"{order}HHIIHH", data, place + 8)
    if not channels or not a_sample:
        raise RecipeError(NONE, fix="save it as a .wav file of PCM samples")
    if a_second != rate * a_sample:
        raise RecipeError(
            f"its header says {rate:,} samples a second and {a_second:,} bytes of {a_sample} a sample: one is wrong",
            fix="mend its header, or save it again",
        )


def _real(samples: NDArray[Any]) -> NDArray[np.float64]:
    import numpy as np

    if samples.dtype == np.uint8:
        return (samples.astype(np.float64) - 128) / 128
    if samples.dtype.kind == "f":
        values: NDArray[np.float64] = samples.astype(np.float64)
        if not np.isfinite(values).all():
            raise RecipeError("it has samples that are no numbers (NaN or infinite)", fix="save it again")
        return values
    if samples.dtype.name not in FULL:
        raise RecipeError(f"its samples are of type {samples.dtype}", fix="save it as PCM of 16 bits")
    return samples.astype(np.float64) / FULL[samples.dtype.name]


def _resampled(values: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Return values at another rate, by SciPy's polyphase filter."""
    from scipy.signal import resample_poly

    if rate == wanted:
        return values
    common = gcd(rate, wanted)
    resampled: NDArray[np.float64] = resample_poly(values, wanted // common, rate // common)
    return resampled
