"""CONCATENATION along any dimension."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from edgeforge.targets.engine.ir import BYTES, Operator
from edgeforge.targets.engine.operators.shapes.rows import CopyRows, Rows
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class Concatenation(Operator):
    """Inputs of one kind and on one grid."""

    axis: int


def lower(found: Found) -> Concatenation:
    """Return the operator; TFLM does not rescale, so the grids must be one."""
    target = found.output("int8", "int16", "int32", "float32")
    axis = int(found.option("axis")) % len(target.shape)
    for place, tensor in enumerate(found.inputs):
        found.input(place, target.kind)
        if (tensor.scale, tensor.zero_point) != (target.scale, target.zero_point):
            found.refuse("is on another grid than the output", tensor)
        if tensor.shape[:axis] + tensor.shape[axis + 1 :] != target.shape[:axis] + target.shape[axis + 1 :]:
            found.refuse(f"has the shape {tensor.shape}, the output {target.shape}", tensor)
    found.bounds(target) if target.kind in ("int8", "int16") else None
    return Concatenation(found.label, found.inputs, (target,), axis)


class PortableConcatenation(CopyRows[Concatenation]):
    """Copies rows of each input."""

    operator = Concatenation

    def parts(self, operator: Concatenation) -> list[tuple[int, int, Rows]]:
        width = BYTES[operator.output.kind]
        count = prod(operator.output.shape[: operator.axis])
        step = prod(operator.output.shape[operator.axis :]) * width
        found, offset = [], 0
        for place, tensor in enumerate(operator.inputs):
            size = prod(tensor.shape[operator.axis :]) * width
            found.append((place, 0, Rows(count, size, 0, size, offset, step)))
            offset += size
        return found


LOWERINGS = {"CONCATENATION": lower}
KERNELS = (PortableConcatenation(),)
