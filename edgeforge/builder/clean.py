"""What may leave the store, and why; and its removal: `edgeforge clean`.

What the newest build in each folder beside the store needs stays, whatever is asked for (see `publish.needs`). Of the
rest, folders go by age and by size, the longest unused first. A build that takes an artifact marks it as used. What
killed writers have left in `new/` always goes.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeforge.builder.record import RECORD, needs
from edgeforge.builder.store import ARTIFACT, META, PLANNING, Store
from edgeforge.errors import RecipeError
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import remove_tree

HOURS = {"h": 1, "d": 24, "w": 7 * 24}
BYTES = {"KB": 1024, "MB": 1024**2, "GB": 1024**3}
LEFTOVER = re.compile(r"([\w-]+-[0-9a-f]{16})(\.old)?\.\d+")  # the process that wrote it, at the end


@dataclass(frozen=True)
class Stored:
    """An artifact, or what a stopped stage can resume from (a folder in `scratch/`). `why` says why it goes."""

    folder: Path
    bytes: int
    used: float  # seconds since 1970
    needed_by: tuple[str, ...]
    why: str = ""

    @property
    def stage(self) -> str:
        """The stage that made it."""
        return self.folder.name.rpartition("-")[0]

    @property
    def key(self) -> str:
        """The first digits of its key."""
        return self.folder.name.rpartition("-")[2]


@dataclass(frozen=True)
class Limits:
    """How much may stay of what no newest build needs: `older_than` in seconds, `keep_size` of the store in bytes."""

    older_than: float | None = None
    keep_size: int | None = None


@dataclass
class Cleaning:
    """What a store holds (`going`, `staying`), and what its cleaning came to."""

    root: Path
    staying: list[Stored]
    going: list[Stored]
    leftovers: list[Path]
    busy: list[Path] = field(default_factory=list)  # left in place: a stage is at work on it
    freed: int = 0  # bytes


def seconds_of(text: str) -> float:
    """Return the seconds in `12h`, `30d` or `8w`. Raises RecipeError."""
    return 3600 * _quantity(text, HOURS, "--older-than", "12h, 30d or 8w")


def bytes_of(text: str) -> int:
    """Return the bytes in `500MB` or `5GB`, of 1024 bytes a KB. Raises RecipeError."""
    return int(_quantity(text, BYTES, "--keep-size", "500MB or 5GB; 0GB keeps only what is needed"))


def _quantity(text: str, units: dict[str, int], option: str, examples: str) -> float:
    parts = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) *([a-zA-Z]+)", text.strip())
    unit = next((unit for unit in units if parts and unit.lower() == parts[2].lower()), None)
    if not parts or not unit:
        raise RecipeError(
            f"{option} {text[:40]}: not a number with {', '.join(units)}",
            fix=f"for instance {examples}",
        )
    return float(parts[1]) * units[unit]


def plan_cleaning(out: Path, limits: Limits, now: float) -> Cleaning:
    """Return what would go and what would stay; changes nothing. Raises EdgeForgeError.

    out: the folder of all builds, which holds the store.
    """
    root = _root(out)
    with storage_errors(root):
        judged = _judge(_stored(root, _needed(out)), limits, now)
        leftovers = [path for path in _folders(root / "new") if LEFTOVER.fullmatch(path.name)]
    return Cleaning(root, [one for one in judged if not one.why], [one for one in judged if one.why], leftovers)


def clean(out: Path, limits: Limits, now: float, waiting: Callable[[int], None]) -> Cleaning:
    """Remove what `plan_cleaning` finds, and return it with what it came to.

    Builds that begin meanwhile wait. `waiting` is called while one is making its plan (see Store.lock).
    """
    store = Store(_root(out))
    with store.lock(PLANNING, waiting):
        cleaning = plan_cleaning(out, limits, now)
        for folder in cleaning.leftovers:
            _remove(cleaning, store, folder, _size(folder))
        for one in cleaning.going:
            _remove(cleaning, store, one.folder, one.bytes)
    return cleaning


def _root(out: Path) -> Path:
    root = out / ".store"
    if not root.is_dir():
        raise RecipeError(f"{out} holds no builds", fix="name the folder of your builds with --out")
    return root


class _Busy(Exception):
    """Somebody has the lock."""


def _remove(cleaning: Cleaning, store: Store, folder: Path, size: int) -> None:
    def busy(turn: int) -> None:
        raise _Busy

    leftover = LEFTOVER.fullmatch(folder.name)
    try:
        with store.lock(leftover[1] if leftover else folder.name, busy):
            if leftover:
                remove_tree(folder, store.root)  # its writer may have just done so
            else:
                store.remove(folder)
            cleaning.freed += size
    except _Busy:
        if not leftover:  # it is none: its writer lives
            cleaning.busy.append(folder)


def _needed(out: Path) -> dict[str, list[str]]:
    """Return the name of a folder in the store → the build folders whose newest build needs it."""
    needed: dict[str, list[str]] = {}
    for folder in sorted(path.parent for path in out.glob(f"*/{RECORD}")):
        for stage, key in needs(folder):
            needed.setdefault(Store(out).folder(stage, key).name, []).append(folder.name)
    return needed


def _stored(root: Path, needed: dict[str, list[str]]) -> list[Stored]:
    found = []
    for folder in (*_folders(root), *_folders(root / "scratch")):
        meta = folder / META
        whole = folder.parent != root or (meta.is_file() and not meta.is_symlink())
        if whole and ARTIFACT.fullmatch(folder.name):
            used = meta.stat().st_mtime if folder.parent == root else _last_change(folder)
            found.append(Stored(folder, _size(folder), used, tuple(needed.get(folder.name, ()))))
    return found


def _judge(stored: list[Stored], limits: Limits, now: float) -> list[Stored]:
    """Say of each why it goes, if it does; the longest unused first."""
    judged = []
    size = sum(one.bytes for one in stored)
    in_order = sorted(stored, key=lambda one: (one.used, one.folder))
    for one in in_order:
        why = ""
        # Those that are too old are the first in order, so that their bytes are gone before size is looked at.
        if limits.older_than is not None and now - one.used > limits.older_than:
            why = "unused for too long"
        elif limits.keep_size is not None and size > limits.keep_size:
            why = "longest unused"
        if one.needed_by:
            why = ""
        if why:
            size -= one.bytes
        judged.append(replace(one, why=why))
    return judged


def _folders(parent: Path) -> list[Path]:
    """Return the folders in a folder; no links, and none where the folder itself is a link or missing."""
    if not parent.is_dir() or (parent.name != ".store" and parent.is_symlink()):
        return []
    return sorted(path for path in parent.iterdir() if stat.S_ISDIR(path.lstat().st_mode))


def _files(folder: Path) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):  # follows no links
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a stage at work removes files too
                yield (Path(parent) / name).lstat()


def _size(folder: Path) -> int:
    return sum(status.st_size for status in _files(folder))


def _last_change(folder: Path) -> float:
    return max((status.st_mtime for status in _files(folder)), default=folder.lstat().st_mtime)
