"""Reads a table of text, csv and its like: its rows, once it is known that they fit into memory."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import named, read_text
from edgeforge.inputs.sizes import KIND

if TYPE_CHECKING:
    from _csv import Reader

LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
ROW, CELL = 100, 80  # bytes that Python takes for a list, and for a text and its place in it


@contextmanager
def open_table(path: Path) -> Iterator[Reader]:
    """Yield a reader of a table's rows; what parts its columns is told by its first line.

    Raises RecipeError naming the line of a mistake, also of one that is met while it is read, and for more rows than
    fit into memory.
    """
    text = read_text(path, "name a csv file", KIND["table"])
    head = next((found[0] for found in LINE.finditer(text)), "")
    delimiter = max(",;\t", key=head.count)
    rows = text.count("\n") + text.count("\r") + 1
    require_memory(rows * (ROW + CELL) + text.count(delimiter) * CELL, f"{named(path)}, a table of {rows:,} lines,")
    reader = csv.reader((found[0] for found in LINE.finditer(text)), delimiter=delimiter, strict=True)
    try:
        yield reader
    except csv.Error as error:
        raise RecipeError(f"{named(path)}:{reader.line_num}: {cause(error)}", fix="mend the line") from error
