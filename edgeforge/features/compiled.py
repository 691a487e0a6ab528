"""The C code compiled for this machine at first use, and called: the same sources that a board compiles."""

from __future__ import annotations

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
from edgeforge.features.feature_library import COMPILERS, FLAGS, SHARED, FeatureLibrary, score_step
from edgeforge.features.settings import FeatureSettings
from edgeforge.features.tables import tables
from edgeforge.foreign.tools import run_tool

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
        return self.library.of_clip(samples, self.settings.frames(len(samples)))

    def scores(self, outputs: NDArray[np.int8], scale: float) -> NDArray[np.uint8]:
        """Return the share of each class in 255 (N,classes) of logits (N,classes int8) of that scale."""
        return self.library.scores(outputs, score_step(scale))

    def heard(
        self, scores: NDArray[np.uint8], smoothed: int, pause: int, thresholds: Sequence[int]
    ) -> NDArray[np.intc]:
        """Return the class that is detected at each inference (N), -1 where none is: see detector.h."""
        return self.library.detector(smoothed, pause, thresholds).hear_all(scores)


@cache
def _load(settings: FeatureSettings) -> FeatureLibrary:
    return FeatureLibrary(_compiled(settings), settings.values)


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
