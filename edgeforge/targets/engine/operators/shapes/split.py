"""SPLIT and SPLIT_V: one tensor in parts along a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from edgeforge.targets.engine.ir import BYTES, Operator
from edgeforge.targets.engine.operators.shapes.rows import CopyRows, Rows
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class Split(Operator):
    """One input, an output a part."""

    axis: int


def split(found: Found) -> Split:
    """Return SPLIT: the axis is its first input."""
    return _lower(found, axis_slot=0, input_slot=1)


def split_v(found: Found) -> Split:
    """Return SPLIT_V: parts of unequal sizes, which are those of the outputs."""
    return _lower(found, axis_slot=2, input_slot=0)


def _lower(found: Found, axis_slot: int, input_slot: int) -> Split:
    source = found.input(input_slot, "int8", "int16", "int32", "float32")
    axis = int(found.constant(axis_slot, "int32").reshape(-1)[0]) % len(source.shape)
    if sum(tensor.shape[axis] for tensor in found.outputs) != source.shape[axis]:
        found.refuse(f"has {source.shape[axis]} along axis {axis}; its parts together do not", source)
    return Split(found.label, (source,), found.outputs, axis)


class PortableSplit(CopyRows[Split]):
    """Copies rows of each output."""

    operator = Split

    def parts(self, operator: Split) -> list[tuple[int, int, Rows]]:
        width = BYTES[operator.input.kind]
        count = prod(operator.input.shape[: operator.axis])
        step = prod(operator.input.shape[operator.axis :]) * width
        found, offset = [], 0
        for place, tensor in enumerate(operator.outputs):
            size = prod(tensor.shape[operator.axis :]) * width
            found.append((0, place, Rows(count, size, offset, step, 0, size)))
            offset += size
        return found


LOWERINGS = {"SPLIT": split, "SPLIT_V": split_v}
KERNELS = (PortableSplit(),)
