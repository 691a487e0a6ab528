"""Temporary folders that go at the end, and those of processes that were killed with the next one.

Whoever makes one holds a lock on a file in it, which any death frees; so nothing that is still in use is removed.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeforge.guards.removal import remove_tree

PREFIX = "edgeforge-"
HELD = ".edgeforge-scratch"  # the file that is locked; no other folder of EdgeForge's has one
NAME = re.compile(rf"{PREFIX}[a-z0-9_]{{8}}")  # as tempfile names them
TEMPORARY = "TMPDIR"


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield an empty folder among the system's temporary ones."""
    from filelock import FileLock

    _sweep()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    try:
        with FileLock(folder / HELD):
            inside = folder / "in"
            inside.mkdir()
            yield inside
    finally:
        remove_tree(folder, folder.parent)


def _sweep() -> None:
    """Remove folders whose makers live no more; other people's stay."""
    from filelock import FileLock, Timeout

    place = Path(tempfile.gettempdir())
    for folder in sorted(place.glob(f"{PREFIX}*")):
        marker = folder / HELD
        try:
            if not NAME.fullmatch(folder.name) or not _is_ours(folder) or marker.is_symlink() or not marker.is_file():
                continue
            with FileLock(marker, timeout=0):
                remove_tree(folder, place)
        except (Timeout, OSError):  # in use, or somebody else's
            continue


def _is_ours(folder: Path) -> bool:
    """Say whether a path is a folder, no link to one, of the user that runs this."""
    return folder.is_dir() and not folder.is_symlink() and folder.lstat().st_uid == getattr(os, "getuid", int)()
