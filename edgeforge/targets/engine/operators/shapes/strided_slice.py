"""STRIDED_SLICE: every n-th value from a first to a last, in each dimension."""

from __future__ import annotations

from edgeforge.targets.engine.operators.shapes.gather import Gather, gather, strides
from edgeforge.targets.engine.read import Found


def lower(found: Found) -> Gather:
    """Return the operator as StartForAxis and StopForAxis of strided_slice_logic.h have it."""
    source, target = found.input(0, "int8", "int16", "int32", "float32"), found.output(found.input(0).kind)
    begins, ends, by = (found.constant(slot, "int32").tolist() for slot in (1, 2, 3))
    if found.option("ellipsisMask") or found.option("newAxisMask"):
        found.refuse("it has an ellipsis or a new axis, which TFLM ignores")
    if found.option("offset"):
        found.refuse("its ends count from its begins, which TFLM ignores")
    if len(begins) != len(source.shape):
        found.refuse(f"has {len(source.shape)} dimensions; it is sliced along {len(begins)}", source)
    steps, start, sizes, walked = strides(source.shape), 0, [], []
    for axis, size in enumerate(source.shape):
        begin, count = _range(found, axis, size, begins[axis], ends[axis], by[axis])
        start += begin * steps[axis]
        sizes.append(count)
        walked.append(by[axis] * steps[axis])
    kept = tuple(size for axis, size in enumerate(sizes) if not found.option("shrinkAxisMask") >> axis & 1)
    if target.shape != kept:
        found.refuse(f"has the shape {target.shape}; the slice gives {kept}", target)
    return gather(found, start, tuple(sizes), tuple(walked))


def _range(found: Found, axis: int, size: int, begin: int, end: int, step: int) -> tuple[int, int]:
    """Return where one dimension begins and how many values it has; masks: one bit a dimension."""
    if step == 0:
        found.refuse(f"its stride along axis {axis} is 0")
    first, last = (0, size) if step > 0 else (-1, size - 1)
    begin = begin + size if begin < 0 else begin
    end = end + size if end < 0 else end
    begin, end = (min(max(place, first), last) for place in (begin, end))
    if found.option("beginMask") >> axis & 1:
        begin = 0 if step > 0 else size - 1
    if found.option("endMask") >> axis & 1:
        end = size if step > 0 else -1
    if found.option("shrinkAxisMask") >> axis & 1:
        end, step = begin + 1, 1
    count = max(-(-(end - begin) // step), 0)
    if count == 0 or not 0 <= begin < size:
        found.refuse(f"its slice along axis {axis} is empty")
    return begin, count


LOWERINGS = {"STRIDED_SLICE": lower}
KERNELS = ()
