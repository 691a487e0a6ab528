"""Parquet files that strangers made: opened as what they are, and unpacked within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.extras import missing
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.archive import MOST_TIMES, MUCH
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import named, require_regular
from edgeforge.inputs.sizes import KIND, in_words

ROWS, PORTION = 65_536, 2**26  # unpacked at once; bytes that one value may have, times rows
TEXT_CELL = 100  # bytes that Python takes for a text in an array


@contextmanager
def open_parquet(path: Path) -> Iterator[Any]:
    """Open a file as pyarrow's ParquetFile.

    Raises MissingDependency without pyarrow, RecipeError for a damaged file.
    """
    require_regular(path, "name a Parquet file", KIND["arrays"])
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise missing(["pyarrow"]) from error
    try:
        with parquet.ParquetFile(path) as file:
            yield file
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        reason = f"{named(path)} is no Parquet file of plain columns: {cause_in(error, 'it is damaged')}"
        raise RecipeError(reason, fix="save it again") from error


def batches(file: Any, path: Path) -> Iterator[Any]:
    """Yield an open file's rows in pyarrow's batches. Raises RecipeError where all of them do not fit into memory."""
    size = 0
    for part in file.iter_batches(_rows_at_once(file, path)):
        size += part.nbytes
        _require_likely(size, path)
        require_memory(2 * size, f"{named(path)}, unpacked,")
        yield part


def _rows_at_once(file: Any, path: Path) -> int:
    """Return how many rows of a Parquet file to unpack at a time: a value that stands in many rows is packed once.

    Raises RecipeError where all of them do not fit into memory.
    """
    held, wide = file.metadata, [not 0 < _width(field.type) <= 8 for field in file.schema_arrow]
    _require_likely(8 * held.num_rows * len(wide), path)
    require_memory(held.num_rows * sum(TEXT_CELL if one else 16 for one in wide), f"{named(path)}, unpacked,")
    packed = [held.row_group(group).column(place).total_uncompressed_size
              for group in range(held.num_row_groups) for place in range(held.num_columns)]  # fmt: skip
    return max(1, min(ROWS, PORTION // max(packed, default=1))) if any(wide) else ROWS


def _require_likely(unpacked: int, path: Path) -> None:
    """Raise RecipeError for a file that unpacks to many times its size, as one that was made to fill the memory."""
    if unpacked > max(MUCH, MOST_TIMES * path.stat().st_size):
        much = f"it unpacks to {in_words(unpacked)} or more, over {MOST_TIMES} times its size"
        raise RecipeError(f"{named(path)}: {much}", fix="save it again, uncompressed")


def _width(kind: Any) -> int:
    """Return the bytes of each value of a type; 0 where they differ."""
    try:
        return int(kind.byte_width)
    except ValueError:  # of texts, lists and truth
        return 0
