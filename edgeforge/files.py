"""Files that are whole or absent: hashing, and writing beside and renaming into place."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeforge.inputs.regular import open_regular, require_replaceable
from edgeforge.inputs.sizes import ANY_SIZE


def sha256_of(path: Path, largest: int = ANY_SIZE) -> str:
    """Return the SHA-256 (hex) of a file's bytes. Raises RecipeError for what is no file, or of more than `largest`."""
    with open_regular(path, "name a file", largest) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_whole(path: Path, data: bytes | str, *, durable: bool = True) -> None:
    """Write a file so that a reader sees the old content or the new one, never a part.

    durable: forced to the disk, so that a crash of the machine cannot leave it empty.
    """
    with _beside(path, durable=durable) as beside, beside.open("wb") as file:
        file.write(data.encode() if isinstance(data, str) else data)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file so that `target` is never half-written."""
    with _beside(target) as beside:
        shutil.copyfile(source, beside)


@contextmanager
def _beside(path: Path, *, durable: bool = True) -> Iterator[Path]:
    """Yield a new name beside `path`; what is written there is forced to the disk and renamed, or removed.

    Raises RecipeError where `path` is a device, as /dev/null is, which root would replace for the whole machine.
    """
    require_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(leftover_of(path.name))
    try:
        yield beside
        if durable:
            flush(beside)
        beside.replace(path)
        if durable:
            flush(path.parent)
    except OSError as error:
        if error.filename in (None, str(beside)):  # a full disk names none
            error.filename, error.filename2 = str(path), None
        raise
    finally:
        beside.unlink(missing_ok=True)


def leftover_of(name: str) -> str:
    """Return the name under which this process writes a file or folder; a kill leaves it (guards/removal.py)."""
    return f".{name}.{os.getpid()}.edgeforge-new"


def flush(path: Path) -> None:
    """Force a file's or folder's content to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def gzip_bytes(data: bytes) -> int:
    """Return how many bytes gzip makes of some: level 9, no time stamp."""
    return len(gzip.compress(data, 9, mtime=0))
