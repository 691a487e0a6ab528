"""TFLite's metadata: what a file says of its input and outputs, in a flatbuffer of its own inside the model.

The tables are those of metadata_schema.fbs (tensorflow/tflite-support), of which the few that matter here are read:
normalisation, what an input is, names, label files. The fields' numbers are their places in that file, a union
counting twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

NAME = b"TFLITE_METADATA"
IDENTIFIER = b"M001"
CONTENTS = {1: "features", 2: "image", 3: "boxes", 4: "audio"}  # ContentProperties
NORMALIZATION, THRESHOLD = 1, 3  # ProcessUnitOptions
LABELS = (2, 3)  # AssociatedFileType: TENSOR_AXIS_LABELS, TENSOR_VALUE_LABELS


@dataclass(frozen=True)
class TensorFacts:
    """What metadata says of one input or output; empty where it says nothing.

    mean, std: of (value - mean) / std, which turns what a sensor gives, such as pixels of 0 to 255, into the model's
    real values.
    """

    name: str = ""
    content: str = ""  # features, image, boxes, audio
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold: float | None = None
    label_files: tuple[str, ...] = ()


def read_metadata(model: Any) -> tuple[list[TensorFacts], list[TensorFacts]]:
    """Return what the metadata of a ModelT says of its inputs and of its outputs; none where there is none."""
    entry = next((one for one in model.metadata or [] if one.name == NAME), None)
    data = None if entry is None else model.buffers[entry.buffer].data
    if data is None or bytes(data[4:8]) != IDENTIFIER:
        return [], []
    try:
        main = _root(bytes(data)).tables(3)[0]
        return [_tensor(one) for one in main.tables(2)], [_tensor(one) for one in main.tables(3)]
    except Exception:  # cut short or damaged: a file without metadata
        return [], []


def _tensor(table: _Table) -> TensorFacts:
    content = table.table(3)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    threshold = None
    for unit in table.tables(4):
        options = unit.table(1)
        if options and unit.byte(0) == NORMALIZATION:
            mean, std = options.numbers(0), options.numbers(1)
        elif options and unit.byte(0) == THRESHOLD:
            threshold = options.number(0)
    files = [file.text(0) for file in table.tables(6) if file.byte(2) in LABELS]
    kind = CONTENTS.get(content.byte(0), "") if content else ""
    return TensorFacts(table.text(0), kind, mean, std, threshold, tuple(files))


class _Table:
    """A table of a flatbuffer, its fields by number."""

    def __init__(self, data: bytes, place: int) -> None:
        from flatbuffers.table import Table

        self.data, self.own = data, Table(data, place)

    def _at(self, field: int) -> int:
        """Return where a field is; 0: left out."""
        offset = self.own.Offset(4 + 2 * field)
        return int(self.own.Pos + offset) if offset else 0

    def table(self, field: int) -> _Table | None:
        at = self._at(field)
        return _Table(self.data, self.own.Indirect(at)) if at else None

    def tables(self, field: int) -> list[_Table]:
        at = self._at(field)
        if not at:
            return []
        first, count = self.own.Vector(at - self.own.Pos), self.own.VectorLen(at - self.own.Pos)
        return [_Table(self.data, self.own.Indirect(first + 4 * n)) for n in range(count)]

    def text(self, field: int) -> str:
        at = self._at(field)
        return str(self.own.String(at).decode(errors="replace")) if at else ""

    def byte(self, field: int) -> int:
        at = self._at(field)
        return self.data[at] if at else 0

    def number(self, field: int) -> float:
        from struct import unpack_from

        at = self._at(field)
        return float(unpack_from("<f", self.data, at)[0]) if at else 0.0

    def numbers(self, field: int) -> tuple[float, ...]:
        from struct import unpack_from

        at = self._at(field)
        if not at:
            return ()
        count = self.own.VectorLen(at - self.own.Pos)
        return tuple(unpack_from(f"<{count}f", self.data, self.own.Vector(at - self.own.Pos)))


def _root(data: bytes) -> _Table:
    return _Table(data, int.from_bytes(data[:4], "little"))
