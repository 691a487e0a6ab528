"""The compiled C code of features and of the detector, called by ctypes.

The one way to call it: training does on the desk, and the Raspberry Pi bundle carries this very file beside the C
sources. So it runs on the device's Python, 3.9 and later, and imports nothing of EdgeForge's.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c11", "-O2")
SHARED = ("-shared", "-fPIC")


class FeatureLibrary:
    """The library at `path`, whose rows have `values` bytes, as a board computes them."""

    def __init__(self, path: Path, values: int) -> None:
        self.values = values
        self._library = ctypes.CDLL(str(path))
        self._library.features_state_bytes.restype = ctypes.c_size_t
        self._library.features_of_clip.restype = ctypes.c_size_t
        self._library.features_take.restype = ctypes.c_size_t

    def of_clip(self, samples: NDArray[np.int16], frames: int) -> NDArray[np.uint8]:
        """Return the rows (frames,values) of samples from silence on. Raises ValueError for samples of another type."""
        import numpy as np

        given = _row_of_samples(samples)
        rows = np.zeros((frames, self.values), np.uint8)
        state = _state_of(self._library)
        found = self._library.features_of_clip(state, _place(given), ctypes.c_size_t(len(given)), _place(rows))
        assert found == frames
        return rows

    def stream(self) -> FeatureStream:
        """Return a stream that begins with silence."""
        return FeatureStream(self._library, self.values)

    def scores(self, outputs: NDArray[np.int8], step: int) -> NDArray[np.uint8]:
        """Return the share of each class in 255 (N,classes) of logits (N,classes int8). step: see `score_step`."""
        import numpy as np

        given = np.ascontiguousarray(outputs, np.int8)
        found = np.zeros(given.shape, np.uint8)
        for place in range(len(given)):
            self._library.detector_scores(
                _place(given[place]), ctypes.c_size_t(given.shape[1]), ctypes.c_int32(step), _place(found[place])
            )
        return found

    def detector(self, smoothed: int, pause: int, thresholds: Sequence[int]) -> Detector:
        """Return a detector that has heard nothing yet: see detector.h."""
        return Detector(self._library, smoothed, pause, thresholds)


class FeatureStream:
    """Rows of sound that arrives in parts of any size."""

    def __init__(self, library: ctypes.CDLL, values: int) -> None:
        self._library, self._values = library, values
        self._state = _state_of(library)
        library.features_reset(self._state)

    def take(self, samples: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Return the rows (frames,values) of the frames that are whole now."""
        import numpy as np

        given = _row_of_samples(samples)
        rows, row, whole = [], np.zeros(self._values, np.uint8), ctypes.c_bool(False)
        place, left = given.ctypes.data, len(given)
        while left:
            taken = self._library.features_take(
                self._state, ctypes.c_void_p(place), ctypes.c_size_t(left), _place(row), ctypes.byref(whole)
            )
            place, left = place + 2 * taken, left - taken
            if whole.value:
                rows.append(row.copy())
        return np.stack(rows) if rows else np.zeros((0, self._values), np.uint8)


class _Settings(ctypes.Structure):
    """detector_settings of detector.h."""

    _fields_ = (
        ("classes", ctypes.c_size_t),
        ("smoothed", ctypes.c_size_t),
        ("pause", ctypes.c_size_t),
        ("thresholds", ctypes.c_void_p),
    )


class _State(ctypes.Structure):
    """detector_state of detector.h."""

    _fields_ = (
        ("scores", ctypes.c_void_p),
        ("heard", ctypes.c_size_t),
        ("next", ctypes.c_size_t),
        ("waiting", ctypes.c_size_t),
    )


class Detector:
    """What was said, and when: scores averaged, against a threshold a class."""

    def __init__(self, library: ctypes.CDLL, smoothed: int, pause: int, thresholds: Sequence[int]) -> None:
        classes = len(thresholds)
        self._library, self._classes = library, classes
        self._limits = (ctypes.c_uint8 * classes)(*thresholds)
        self._memory = ctypes.create_string_buffer(smoothed * classes)
        self._settings = _Settings(classes, smoothed, pause, ctypes.cast(self._limits, ctypes.c_void_p))
        self._state = _State()
        library.detector_reset(ctypes.byref(self._state), self._memory)

    def hear(self, scores: NDArray[np.uint8]) -> int:
        """Take the scores (classes) of an inference; return the class that is detected, -1 where none is."""
        import numpy as np

        given = np.ascontiguousarray(scores, np.uint8)
        assert given.shape == (self._classes,)
        return int(self._library.detector_hear(ctypes.byref(self._state), ctypes.byref(self._settings), _place(given)))

    def hear_all(self, scores: NDArray[np.uint8]) -> NDArray[np.intc]:
        """Return the class that is detected at each inference (N) of a whole recording, from its start on."""
        import numpy as np

        given = np.ascontiguousarray(scores, np.uint8)
        found = np.zeros(len(given), np.intc)
        self._library.detector_hear_all(
            ctypes.byref(self._settings), self._memory, _place(given), ctypes.c_size_t(len(given)), _place(found)
        )
        return found


def score_step(scale: float) -> int:
    """Return the step that detector_scores takes for outputs of that scale: scale * log2(e), 16 bits of fraction."""
    from math import e, log2

    return round(scale * log2(e) * 65_536)


def second_of_sound(rate_hz: int) -> NDArray[np.int16]:
    """Return a second of pseudo-random sound, louder and softer, whose features a device proves at its start."""
    import numpy as np

    random, found = 1, []
    for place in range(rate_hz):
        random = (random * 1664525 + 1013904223) & 0xFFFFFFFF
        product = ((random >> 16) - 32_768) * (place * 8 % rate_hz * 255 // rate_hz)
        found.append(abs(product) // 256 * (1 if product > 0 else -1))  # as C divides
    return np.array(found, np.int16)


def _state_of(library: ctypes.CDLL) -> ctypes.Array[ctypes.c_char]:
    return ctypes.create_string_buffer(int(library.features_state_bytes()))


def _row_of_samples(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    import numpy as np

    if samples.dtype != np.int16 or samples.ndim != 1:
        raise ValueError("samples are a row of 16-bit integers")
    return np.ascontiguousarray(samples)


def _place(array: NDArray[np.generic]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
