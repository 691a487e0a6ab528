"""Writes down every path that a Python process opens for writing, removes, renames or makes."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CHANGING = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "shutil.rmtree", "os.symlink", "os.link", "os.chmod",
            "os.truncate"}  # fmt: skip


def note_writes(path: str) -> None:
    """Note them in a file from now on."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(path: object) -> None:
        with contextlib.suppress(TypeError, ValueError, OSError):
            told = os.fsencode(Path(os.fsdecode(path)).absolute())  # type: ignore[arg-type]
            os.write(descriptor, told.replace(b"\n", b"\\n") + b"\n")

    def hook(event: str, arguments: tuple) -> None:  # type: ignore[type-arg]
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | os.PathLike) and (flags or 0) & WRITES:
                note(path)
        elif event in CHANGING:
            note(arguments[1] if event in ("os.symlink", "os.link") else arguments[0])
            if event == "os.rename":
                note(arguments[1])

    sys.addaudithook(hook)
