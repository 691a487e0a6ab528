"""The engine's C library as a folder of a sketch: src/engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FOLDER = "src/engine"
LEFT_OUT = ("arduino", "zephyr")  # its other forms
INCLUDE = re.compile(r'#include "([^"]+)"')
# What its kernels call things; headers are called engine.h and so on, which this does not match.
OWN_NAMES = re.compile(r"\bengine_(?=\w)")


@dataclass(frozen=True)
class EngineSources:
    """The files of a library by their path in it, and the C name that its functions begin with."""

    name: str
    files: dict[str, str]


def read_sources(library: Path, name: str) -> EngineSources:
    """Read a library's C files from its folder."""
    paths = [path for path in sorted(library.rglob("*.[ch]")) if path.relative_to(library).parts[0] not in LEFT_OUT]
    return EngineSources(name, {path.relative_to(library).as_posix(): path.read_text() for path in paths})


def in_sketch(sources: EngineSources) -> dict[str, str]:
    """Return the files of FOLDER as an Arduino build can compile them.

    It gives no search path to a sketch's own folders: includes become relative to their file. And two models in one
    sketch each bring kernels: those of one are called after it.
    """
    return {path: OWN_NAMES.sub(f"{sources.name}_engine_", _relative(path, sources)) for path in sources.files}


def _relative(path: str, sources: EngineSources) -> str:
    here = PurePosixPath(path).parent

    def found(match: re.Match[str]) -> str:
        for place in (here / match[1], PurePosixPath(match[1])):
            if str(place) in sources.files:
                return f'#include "{place.relative_to(here, walk_up=True)}"'
        return match[0]

    return INCLUDE.sub(found, sources.files[path])
