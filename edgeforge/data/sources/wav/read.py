"""Reads a .wav file: mono samples of the rate that is asked for, in 16 bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.inputs.sound_file import AS_PCM, NONE, SoundRefused, as_recorded, check_header, check_whole, decoded

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_wav(path: Path, rate_hz: int) -> tuple[NDArray[np.int16], int]:
    """Return mono samples at rate_hz, and the rate of the file. Raises RecipeError that says what is wrong with it."""
    data = read_regular(path, "name a .wav file", KIND["sound"])
    if not data:
        raise RecipeError("it is empty", fix="record it again, or remove it")
    try:
        check_header(data)
        check_whole(data)
        rate, samples = decoded(data)
        require_memory(8 * samples.size * max(1, -(-rate_hz // rate)), "it")
        return as_recorded(samples, rate, rate_hz), rate
    except SoundRefused as refused:
        raise RecipeError(refused.reason, fix=refused.fix) from refused
    except RecipeError:
        raise
    except Exception as error:  # a stranger's file: scipy raises whatever its bytes lead to
        raise RecipeError(cause_in(error, NONE), fix=AS_PCM) from error
