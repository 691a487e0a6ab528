"""Are a .tflite file's offsets, tables, vectors and texts within the file? Told with the byte at which they are not.

The rules are those of FlatBuffers' own Verifier (flatbuffers/verifier.h), which no engine's Python package calls: a
table begins with the distance to its vtable; that holds its own size, the table's size, and where in the table each
field stands (0: left out); a vector begins with its length.
"""

from __future__ import annotations

import struct
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

from edgeforge.errors import RecipeError

IDENTIFIER = b"TFL3"
ROOT = "Model"
SMALLEST = 8  # bytes: the root's offset and the identifier
MOST_TABLES = 1_000_000  # as FlatBuffers' own Verifier has it
SHARED = 4  # times a file's size that all of its texts may take: some writers store equal texts once
DAMAGED = "copy or convert it again"
_U8, _U16, _U32, _I32 = (struct.Struct(f"<{kind}") for kind in "BHIi")


class Schema(NamedTuple):
    """The fields of each table, and the tables of each union."""

    tables: dict[str, tuple[str, ...]]
    unions: dict[str, tuple[str, ...]]


@cache
def schema() -> Schema:
    """Return TFLite's schema."""
    read = tomllib.loads(Path(__file__).with_name("schema.toml").read_text())
    return Schema(
        {name: tuple(fields.split()) for name, fields in read["tables"].items()},
        {name: tuple(tables) for name, tables in read["unions"].items()},
    )


def require_structure(data: bytes) -> None:
    """Raise RecipeError, with the byte, where something in a flatbuffer of TFLite points outside of it."""
    if len(data) < SMALLEST or data[4:8] != IDENTIFIER:
        raise RecipeError("this is no TFLite flatbuffer (its identifier is not TFL3)", fix="name a .tflite file")
    _Walk(data).table(ROOT, _U32.unpack_from(data)[0], 0)


class _Walk:
    """Visits every table that the root reaches. A file that reuses tables to be larger than it is ends at a limit."""

    def __init__(self, data: bytes) -> None:
        self.data, self.end = data, len(data)
        self.schema = schema()
        # A table takes four bytes, and what points to it another four.
        self.tables_left = min(MOST_TABLES, self.end // 8)
        self.text_left = SHARED * self.end

    def table(self, name: str, place: int, pointer: int) -> None:
        """Check the table at a place, and all below it; pointer: what points there."""
        self.tables_left -= 1
        if self.tables_left < 0:
            raise self._damaged(pointer, f"a {name} more than a file of this size can hold")
        if not 0 <= place <= self.end - 4:
            raise self._damaged(pointer, f"a {name} lies outside of the file")
        vtable = place - self._i32(place)
        if not 0 <= vtable <= self.end - 4:
            raise self._damaged(place, f"the vtable of a {name} lies outside of the file")
        size, length = self._u16(vtable), self._u16(vtable + 2)
        if size < 4 or size % 2 or vtable + size > self.end:
            raise self._damaged(vtable, f"the vtable of a {name} has {size} bytes")
        if length < 4 or place + length > self.end:
            raise self._damaged(vtable + 2, f"a {name} has {length} bytes")
        kind = 0
        for number, field in enumerate(self.schema.tables.get(name, ())):
            if 4 + 2 * number >= size:
                return
            offset = self._u16(vtable + 4 + 2 * number)
            if not offset or field == "-":
                kind = 0
                continue
            width = int(field) if field.isdigit() else 4
            if offset < 4 or offset + width > length:
                raise self._damaged(vtable + 4 + 2 * number, f"field {number} of a {name} lies outside of it")
            where = place + offset
            if field == "1":
                kind = self.data[where]
            elif not field.isdigit():
                self._reference(name, field, where, kind)

    def _reference(self, owner: str, field: str, where: int, kind: int) -> None:
        target = where + _U32.unpack_from(self.data, where)[0]
        if field == "text":
            self.text_left -= self._vector(owner, "text", target, where, 1)
            if self.text_left < 0:
                raise self._damaged(where, "texts more than a file of this size can hold")
        elif field.startswith("["):
            inside = field[1:-1]
            width = int(inside) if inside.isdigit() else 4
            length = self._vector(owner, "vector", target, where, width)
            if not inside.isdigit():
                for entry in range(target + 4, target + 4 + 4 * length, 4):
                    self.table(inside, entry + _U32.unpack_from(self.data, entry)[0], entry)
        elif field.startswith("|"):
            tables = self.schema.unions[field[1:]]
            if 0 < kind <= len(tables):  # a kind of a later schema is read by nobody here
                self.table(tables[kind - 1], target, where)
        else:
            self.table(field, target, where)

    def _vector(self, owner: str, what: str, place: int, pointer: int, width: int) -> int:
        """Return the length of a vector of numbers so wide."""
        if place > self.end - 4:
            raise self._damaged(pointer, f"a {what} of a {owner} lies outside of the file")
        length: int = _U32.unpack_from(self.data, place)[0]
        if length * width > self.end - 4 - place:
            raise self._damaged(place, f"a {what} of a {owner} has {length:,} entries, beyond the file's end")
        return length

    def _u16(self, place: int) -> int:
        number: int = _U16.unpack_from(self.data, place)[0]
        return number

    def _i32(self, place: int) -> int:
        number: int = _I32.unpack_from(self.data, place)[0]
        return number

    def _damaged(self, place: int, what: str) -> RecipeError:
        return RecipeError(f"this .tflite file is cut short or damaged: at byte {place:,}, {what}", fix=DAMAGED)
