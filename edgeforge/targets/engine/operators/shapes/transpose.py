"""TRANSPOSE."""

from __future__ import annotations

from edgeforge.targets.engine.operators.shapes.gather import Gather, gather, strides
from edgeforge.targets.engine.read import Found


def lower(found: Found) -> Gather:
    """Return the operator: dimension k of the output is dimension order[k] of the input."""
    source, target = found.input(0, "int8", "int16", "int32", "float32"), found.output(found.input(0).kind)
    order = [int(axis) % len(source.shape) for axis in found.constant(1, "int32")]
    if target.shape != tuple(source.shape[axis] for axis in order):
        found.refuse(f"has the shape {target.shape}; transposing {source.shape} does not give it", target)
    steps = strides(source.shape)
    return gather(found, 0, target.shape, tuple(steps[axis] for axis in order))


LOWERINGS = {"TRANSPOSE": lower}
KERNELS = ()
