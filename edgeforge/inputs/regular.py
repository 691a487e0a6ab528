"""Opens a path as a regular file of a bounded size, once: what a FIFO, a device or a folder is called instead.

A FIFO waits for ever and /dev/zero never ends; asked without O_NONBLOCK, opening alone may not return.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from io import BufferedReader
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, remedy
from edgeforge.inputs.sizes import KIND, LARGEST, in_words, limit
from edgeforge.suggest import nearest_file

KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def open_regular(path: Path, fix: str = "name a file", largest: int = LARGEST) -> BufferedReader:
    """Return a regular file of at most `largest` bytes (--max-size may allow more), open for reading.

    Raises RecipeError that says what the path is instead.
    """
    # Where there is no O_NONBLOCK (Windows) there are no FIFOs that wait.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        near = nearest_file(path) if isinstance(error, FileNotFoundError) else ""
        raise RecipeError(f"{named(path)}: {cause(error)}{near}", fix=remedy(error, fix)) from error
    try:
        found = os.fstat(descriptor)
        _require_regular(path, found, fix)
        _require_size(path, found.st_size, largest)
        if not found.st_size and _holds_any(descriptor):  # /proc, /sys: made as it is read, without an end
            raise RecipeError(f"{named(path)} is no file on a disk, but one that the system makes", fix=fix)
    except BaseException:
        os.close(descriptor)
        raise
    return os.fdopen(descriptor, "rb")


def require_regular(path: Path, fix: str = "name a file", largest: int = LARGEST) -> None:
    """Raise RecipeError unless a path is a regular file of at most `largest` bytes: for libraries that open it."""
    open_regular(path, fix, largest).close()


def read_regular(path: Path, fix: str = "name a file", largest: int = LARGEST) -> bytes:
    """Return a regular file's bytes. Raises RecipeError that says what the path is instead."""
    with open_regular(path, fix, largest) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1)
        if len(data) > size:
            raise RecipeError(f"{named(path)} grows while it is read", fix="wait until it is written")
        return data


def read_text(path: Path, fix: str = "name a text file", largest: int = KIND["text"]) -> str:
    """Return a text file's text. Raises RecipeError that names it, where it is no UTF-8 text too."""
    try:
        return read_regular(path, fix, largest).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{named(path)}: {cause(error)}", fix=remedy(error, fix)) from error


def named(path: Path | str) -> str:
    """Return a path as it can be printed: bytes that are no UTF-8 as \\xNN."""
    return str(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _holds_any(descriptor: int) -> bool:
    try:
        return bool(os.read(descriptor, 1))
    except OSError:  # a process's memory
        return True


def require_replaceable(path: Path) -> None:
    """Raise RecipeError where a file would take the place of a device, a pipe or a socket, or has no own name."""
    if path.name in ("", ".."):  # / and .
        raise RecipeError(f"{named(path)} is a folder, not a file", fix="name a file to write")
    if path.exists() and not path.is_dir():
        _require_regular(path, path.stat(), "name a file to write")


def _require_regular(path: Path, found: os.stat_result, fix: str) -> None:
    for check, what in KINDS:
        if check(found.st_mode):
            raise RecipeError(f"{named(path)} is {what}, not a file", fix=fix)


def _require_size(path: Path, size: int, largest: int) -> None:
    most = limit(largest)
    if size > most:
        raise RecipeError(
            f"{named(path)} has {in_words(size)}; at most {in_words(most)} are read",
            fix=f"name another file; if it is meant: edgeforge --max-size {size} …",
        )
