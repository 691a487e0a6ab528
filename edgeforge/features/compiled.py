"""The C code compiled for this machine at first use, and called: the same sources that a board compiles."""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.bundled import bundled
from edgeforge.errors import MissingDependency
from edgeforge.features.settings import FeatureSettings
from edgeforge.features.tables import tables
from edgeforge.foreign.tools import run_tool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPILERS = ("cc", "gcc", "clang")
FLAGS = ("-std=c11", "-O2")
SHARED = ("-shared", "-fPIC")


def sources(settings: FeatureSettings) -> dict[str, str]:
    """Return the C files of features: those of firmware/features, and their tables, by name."""
    found = {path.name: path.read_text() for path in sorted(bundled("firmware/features").iterdir())}
    return found | tables(settings)


def write_sources(settings: FeatureSettings, folder: Path) -> list[Path]:
    """Write the C files into a folder; return those that are compiled."""
    for name, text in sources(settings).items():
        (folder / name).write_text(text)
    return sorted(folder.glob("*.c"))


class Features:
    """Rows of features, and what was detected, as a board computes them."""

    def __init__(self, settings: FeatureSettings) -> None:
        self.settings = settings
        self.library = _load(settings)

    def of_clip(self, samples: NDArray[np.int16]) -> NDArray[np.uint8]:
        """Return the rows (frames,values) of samples from silence on. Raises ValueError for samples of another type."""
        import numpy as np

        if samples.dtype != np.int16 or samples.ndim != 1:
            raise ValueError("samples are a row of 16-bit integers")
        given = np.ascontiguousarray(samples)
        rows = np.zeros((self.settings.frames(len(given)), self.settings.values), np.uint8)
        state = ctypes.create_string_buffer(self.library.features_state_bytes())
        found = self.library.features_of_clip(
            state, given.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(given)),
            rows.ctypes.data_as(ctypes.c_void_p),
        )  # fmt: skip
        assert found == len(rows)
        return rows

    @property
    def state_bytes(self) -> int:
        """The bytes that a stream's state takes here; a board's has smaller counts."""
        return int(self.library.features_state_bytes())

    def scores(self, outputs: NDArray[np.int8], scale: float) -> NDArray[np.uint8]:
        """Return the share of each class in 255 (N,classes) of logits (N,classes int8) of that scale."""
        import numpy as np

        given = np.ascontiguousarray(outputs, np.int8)
        found = np.zeros(given.shape, np.uint8)
        for row, scored in zip(given, found, strict=True):
            self.library.detector_scores(
                row.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(len(row)), ctypes.c_int32(score_step(scale)),
                scored.ctypes.data_as(ctypes.c_void_p),
            )  # fmt: skip
        return found

    def heard(
        self, scores: NDArray[np.uint8], smoothed: int, pause: int, thresholds: Sequence[int]
    ) -> NDArray[np.intc]:
        """Return the class that is detected at each inference (N), -1 where none is: see detector.h."""
        import numpy as np

        given = np.ascontiguousarray(scores, np.uint8)
        count, classes = given.shape
        limits = (ctypes.c_uint8 * classes)(*thresholds)
        settings = _Detector(classes, smoothed, pause, ctypes.cast(limits, ctypes.c_void_p))
        memory = ctypes.create_string_buffer(smoothed * classes)
        found = np.zeros(count, np.intc)
        self.library.detector_hear_all(
            ctypes.byref(settings), memory, given.ctypes.data_as(ctypes.c_void_p), ctypes.c_size_t(count),
            found.ctypes.data_as(ctypes.c_void_p),
        )  # fmt: skip
        return found


class _Detector(ctypes.Structure):
    """detector_settings of detector.h."""

    _fields_ = (
        ("classes", ctypes.c_size_t),
        ("smoothed", ctypes.c_size_t),
        ("pause", ctypes.c_size_t),
        ("thresholds", ctypes.c_void_p),
    )


def score_step(scale: float) -> int:
    """Return the step that detector_scores takes for outputs of that scale: scale * log2(e), 16 bits of fraction."""
    from math import e, log2

    return round(scale * log2(e) * 65_536)


@cache
def _load(settings: FeatureSettings) -> ctypes.CDLL:
    library = ctypes.CDLL(str(_compiled(settings)))
    library.features_state_bytes.restype = ctypes.c_size_t
    library.features_of_clip.restype = ctypes.c_size_t
    return library


def _compiled(settings: FeatureSettings) -> Path:
    """Return the shared library, compiled unless one of the same sources is there.

    Raises MissingDependency without a C compiler, StageFailed where it fails.
    """
    texts = sources(settings)
    named = [platform.machine(), *FLAGS, *(f"{name}\0{text}" for name, text in sorted(texts.items()))]
    digest = hashlib.sha256("\0".join(named).encode()).hexdigest()[:24]
    library = _folder() / f"features-{digest}.so"
    if library.is_file():
        return library
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise MissingDependency(
            "features of sound are computed by C code, and there is no C compiler here (cc, gcc or clang)",
            fix="apt-get install gcc",
        )
    with tempfile.TemporaryDirectory(dir=library.parent) as name:
        made = Path(name) / library.name
        compiled = write_sources(settings, Path(name))
        command = [compiler, *FLAGS, *SHARED, *map(str, compiled), "-o", str(made)]
        run_tool(command)
        made.replace(library)
    return library


def _folder() -> Path:
    """Return this user's own folder of compiled features."""
    cached = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(cached) / "edgeforge" / "features"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError:  # a home that cannot be written to
        folder = Path(tempfile.mkdtemp(prefix="edgeforge-features-"))
    return folder
