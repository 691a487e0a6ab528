"""What the operating system says of files that EdgeForge reads and writes, told with what to do about it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edgeforge.errors import EdgeForgeError
from edgeforge.foreign.wording import cause

FULL = (errno.ENOSPC, errno.EDQUOT)
ELSEWHERE = "choose another place with --out FOLDER"


@contextmanager
def storage_errors(root: Path, elsewhere: str = ELSEWHERE) -> Iterator[None]:
    """Turn the operating system's errors on a folder that EdgeForge writes into EdgeForgeErrors.

    elsewhere: how another folder is chosen.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:  # not the system's
            raise
        if error.errno in FULL:
            raise full_disk(root, f"free some space, or {elsewhere}") from error
        name = Path(error.filename) if isinstance(error.filename, str) else root
        if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOTEMPTY):
            place = _in_the_way(name, root)
            raise EdgeForgeError(
                f"{root} cannot be used: {place} is {_kind(place)}", fix=f"move it away, or {elsewhere}"
            ) from error
        fix = f"give yourself access to it, or {elsewhere}"
        raise EdgeForgeError(f"{root} cannot be used: {cause(error)} ({name})", fix=fix) from error


def full_disk(place: Path | str, fix: str) -> EdgeForgeError:
    """Return the error for a disk that takes no more; see FULL."""
    return EdgeForgeError(f"the disk under {place} is full; nothing half-written was kept", fix=fix)


def _in_the_way(name: Path, root: Path) -> Path:
    """Return the nearest of a path's parts that is something else than a folder; `name` itself where none is."""
    parts = [*reversed(name.parents), name] if name.is_absolute() else [*reversed((root / name).parents), root / name]
    return next((part for part in parts if (part.exists() or part.is_symlink()) and not part.is_dir()), name)


def _kind(path: Path) -> str:
    if path.is_symlink():
        return "a link that leads nowhere" if not path.exists() else "a link to a file"
    return "a folder" if path.is_dir() else "a file"
