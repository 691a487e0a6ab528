"""The content-addressed store: one folder an artifact, whole or absent, checked by hash whenever it is used.

.store/
  train-3f9c…/        meta.json (key, ingredients, files with SHA-256, seconds, peak memory) and the files
  scratch/train-3f9c…/   what a killed stage can resume from
  locks/  new/        one lock a key; folders being written
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from itertools import count
from pathlib import Path
from typing import Any

from edgeforge.builder.key import canonical
from edgeforge.errors import RecipeError
from edgeforge.files import flush, sha256_of, write_whole
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.removal import claim, move, remove_tree
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND

META = "meta.json"
ARTIFACT = re.compile(r"[\w-]+-[0-9a-f]{16}")  # the name of an artifact's folder
PLANNING = "planning"  # the lock of whoever makes a build's plan, which counts on what is stored, or cleans the store


@dataclass(frozen=True)
class Artifact:
    """A stage's stored result."""

    stage: str
    key: str
    folder: Path
    files: dict[str, str]  # relative path → SHA-256
    seconds: float
    peak_memory_bytes: int
    ingredients: dict[str, Any]


class CorruptedArtifact(Exception):
    """A stored artifact is not what was stored; the message says which file and how."""


class Store:
    """Artifacts by stage and key under one folder. Errors of the disk are EdgeForgeErrors."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, stage: str, key: str) -> Path:
        """Return where an artifact is, or will be."""
        return self.root / f"{stage}-{key[:16]}"

    def scratch(self, stage: str, key: str) -> Path:
        """Return the folder that survives a kill; made when missing."""
        path = self.root / "scratch" / f"{stage}-{key[:16]}"
        with storage_errors(self.root):
            path.mkdir(parents=True, exist_ok=True)
        return path

    def get(self, stage: str, key: str) -> Artifact | None:
        """Return the artifact, proven whole; None when there is none. Raises CorruptedArtifact."""
        folder = self.folder(stage, key)
        with storage_errors(self.root):
            if not (folder / META).exists():
                return None
            artifact = _read_meta(folder, stage, key)
            for name, digest in artifact.files.items():
                path = folder / name
                if not path.is_file():
                    raise CorruptedArtifact(f"{folder.name}/{name} is missing")
                if sha256_of(path) != digest:
                    raise CorruptedArtifact(f"{folder.name}/{name} does not match its SHA-256")
        return artifact

    def discard(self, stage: str, key: str) -> None:
        """Remove an artifact: first out of sight in one step, then from the disk."""
        self.remove(self.folder(stage, key))

    def remove(self, folder: Path) -> None:
        """Remove one of the store's folders, if it is there. The caller holds the lock of its name."""
        with storage_errors(self.root):
            if folder.exists() or folder.is_symlink():
                grave = self._new_folder(f"{folder.name}.old")
                move(folder, grave / folder.name, self.root)
                remove_tree(grave, self.root)

    def mark_used(self, artifact: Artifact) -> None:
        """Note that a build takes an artifact now: as meta.json's time of change, which no hash covers."""
        with storage_errors(self.root):
            os.utime(artifact.folder / META)

    @contextmanager
    def lock(self, name: str, waiting: Callable[[int], None]) -> Iterator[None]:
        """Hold the lock `name`, which any death frees.

        While somebody else has it, `waiting` is called with 0, 1, 2, … twice a second; it may raise to give up.
        """
        from filelock import FileLock, Timeout

        folder = self.root / "locks"
        with storage_errors(self.root):
            self._claim()
            folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder / f"{name}.lock")
            for turn in count():
                try:
                    lock.acquire(timeout=0.5 if turn else 0)
                    break
                except Timeout:
                    waiting(turn)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def new_folder(self, stage: str, key: str) -> Iterator[Path]:
        """Yield an empty folder to write an artifact into; whatever is left in it at the end is removed.

        The caller holds the key's lock, so that what an earlier, killed writer left can be cleared away.
        """
        name = f"{stage}-{key[:16]}"
        with storage_errors(self.root):
            for left in (self.root / "new").glob(f"{name}.*"):
                remove_tree(left, self.root)
            path = self._new_folder(name)
        try:
            yield path
        finally:
            remove_tree(path, self.root)

    def put(
        self,
        stage: str,
        key: str,
        written: Path,
        *,
        seconds: float,
        peak_memory_bytes: int,
        ingredients: dict[str, Any],
    ) -> Artifact:
        """Move a finished folder into the store: hash, flush to disk, rename."""
        folder = self.folder(stage, key)
        with storage_errors(self.root):
            paths = sorted(path for path in written.rglob("*") if path.is_file())
            for path in (*written.rglob("*"), written):
                flush(path)
            files = {path.relative_to(written).as_posix(): sha256_of(path) for path in paths}
            artifact = Artifact(stage, key, folder, files, seconds, peak_memory_bytes, ingredients)
            write_whole(written / META, _meta_text(artifact))
            flush(written)
            self.discard(stage, key)
            move(written, folder, self.root)
            flush(self.root)
            remove_tree(self.root / "scratch" / folder.name, self.root)
        return artifact

    def sweep(self) -> None:
        """Remove what killed writers left in new/, where nobody holds the lock of its name."""
        from filelock import FileLock, Timeout

        for left in sorted((self.root / "new").glob("*")):
            lock = self.root / "locks" / f"{left.name.split('.')[0]}.lock"
            with suppress(Timeout, OSError), FileLock(lock, timeout=0):
                remove_tree(left, self.root)

    def _claim(self) -> None:
        claim(self.root, _is_known, fix="build elsewhere with --out FOLDER")

    def _new_folder(self, name: str) -> Path:
        self._claim()
        path = self.root / "new" / f"{name}.{os.getpid()}"
        path.mkdir(parents=True)
        return path


def _is_known(name: str) -> bool:
    return name in ("locks", "new", "scratch") or bool(ARTIFACT.fullmatch(name))


def _meta_text(artifact: Artifact) -> str:
    values = asdict(artifact)
    del values["folder"]
    text = canonical(values)
    # Without white space: any changed byte is a changed value.
    return canonical({"sha256": hashlib.sha256(text.encode()).hexdigest(), **values})


def _read_meta(folder: Path, stage: str, key: str) -> Artifact:
    try:
        values = json.loads(read_regular(folder / META, largest=KIND["text"]))
        digest = values.pop("sha256")
        whole = hashlib.sha256(canonical(values).encode()).hexdigest() == digest and values["key"] == key
    except (RecipeError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whole = False
    if not whole:
        raise CorruptedArtifact(f"{folder.name}/{META} does not match its SHA-256")
    return Artifact(folder=folder, **values)
