"""Does a command write where it has no business: the working directory, the home folder, temporary files that stay?"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Snapshot = dict[str, tuple[int, int, int]]


class Elsewhere:
    """A working directory, home folder and folder of temporary files of one run."""

    def __init__(self, root: Path) -> None:
        self.root, self.cwd = root, root / "work"
        for name in ("work", "home/.ssh", "home/.cache", "tmp"):
            (root / name).mkdir(parents=True, exist_ok=True)
        for name in ("keep.txt", "home/.ssh/authorized_keys", "work/keep.txt"):
            (root / name).write_text("kept\n")
        self.before = self._now()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that make it theirs."""
        return {"HOME": str(self.root / "home"), "TMPDIR": str(self.root / "tmp"),
                "XDG_CACHE_HOME": str(self.root / "home" / ".cache"), "COLUMNS": "160"}  # fmt: skip

    @property
    def ways(self) -> dict[str, Any]:
        """Options of the fixture `edgeforge` that run a command there."""
        return {"cwd": self.cwd, "variables": self.environment}

    def changed(self) -> list[str]:
        """Return what was made, changed or removed there, the cache left out."""
        return differences(self.before, self._now())

    def _now(self) -> Snapshot:
        return snapshot(self.root, (self.root / "home" / ".cache",))


def differences(before: Snapshot, after: Snapshot) -> list[str]:
    """Return the paths that differ."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def snapshot(root: Path, left_out: tuple[Path, ...]) -> Snapshot:
    """Return kind, size and time of change of all that must stay as it is."""
    found: Snapshot = {}
    for path in _walk(root, left_out):
        state = path.lstat()
        folder = stat.S_ISDIR(state.st_mode)
        size, changed = (0, 0) if folder else (state.st_size, state.st_mtime_ns)
        found[str(path.relative_to(root))] = (stat.S_IFMT(state.st_mode), size, changed)
    return found


def _walk(folder: Path, left_out: tuple[Path, ...]) -> Iterator[Path]:
    for entry in os.scandir(folder):
        path = Path(entry.path)
        if path in left_out:
            continue
        yield path
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(path, left_out)
