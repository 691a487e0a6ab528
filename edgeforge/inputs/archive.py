"""Zip archives: .npz, .pt, the files inside a .tflite. Their directory is judged before a byte is unpacked."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import open_regular
from edgeforge.inputs.sizes import in_words

NONE = "it is cut short, damaged, or of another kind"
MOST_MEMBERS = 65_536
MUCH, MOST_TIMES = 2**26, 200  # bytes of a member that is looked at, and how many times its size it may have unpacked
TEXT = 2**22  # bytes of a text inside a model
UNREADABLE = (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError, RuntimeError, KeyError, OSError)


@contextmanager
def opened(file: BinaryIO, *, whole: bool = True) -> Iterator[zipfile.ZipFile]:
    """Open an archive that holds what its directory says; `whole`: and that fits into memory, unpacked.

    Raises RecipeError for any other, and what zipfile raises (UNREADABLE) for what is no archive.
    """
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        packed, unpacked = sum(one.compress_size for one in entries), sum(one.file_size for one in entries)
        end = file.seek(0, 2)
        if len(entries) > MOST_MEMBERS:
            raise RecipeError(f"it holds {len(entries):,} files", fix="save it again, with fewer")
        if packed > end:
            raise RecipeError(f"its files lie one over the other ({in_words(end)})", fix="save it again")
        if any(one.flag_bits & 1 for one in entries):
            raise RecipeError("it is encrypted", fix="save it without a password")
        for one in entries:
            if one.file_size > MUCH and one.file_size > MOST_TIMES * one.compress_size:
                much = in_words(one.file_size)
                reason = f"'{one.filename}' in it unpacks to {much}, more than {MOST_TIMES} times its size"
                raise RecipeError(reason, fix="save it again, uncompressed")
        if whole:
            require_memory(unpacked, "what it unpacks to")
        yield archive


def text_of(archive: zipfile.ZipFile, name: str) -> str:
    """Return a text of the archive. Raises RecipeError for one that is larger than texts are, or no UTF-8."""
    if archive.getinfo(name).file_size > TEXT:
        raise RecipeError(f"'{name}' in it is larger than {in_words(TEXT)}", fix="save it again")
    try:
        return archive.read(name).decode()
    except UnicodeDecodeError as error:
        raise RecipeError(f"'{name}' in it is no UTF-8 text", fix="save it again") from error


def require_archive(path: Path, where: str, fix: str, *, archived: bool = True) -> None:
    """Raise RecipeError, named by `where`, for a file of PyTorch that would unpack to more than fits into memory.

    archived: it must be an archive; older checkpoints are none.
    """
    with open_regular(path, fix) as file:
        try:
            with opened(file):
                return
        except RecipeError as error:
            raise RecipeError(f"{where}: {error.reason}", fix=error.fix or fix) from error
        except UNREADABLE as error:
            if archived:
                raise RecipeError(f"{where}: {cause_in(error, NONE)}", fix=fix) from error
    require_memory(path.stat().st_size, where)
