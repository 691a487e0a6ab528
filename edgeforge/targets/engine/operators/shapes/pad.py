"""PAD and PADV2: a frame of one value. A frame of zero points around a window's input is folded into the window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import BYTES, Operator, Padding
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.read import Found

DIMENSIONS = 4


@dataclass(frozen=True, eq=False)
class Pad(Operator):
    """before, after: how many values are added in each dimension. value: of all of them."""

    before: tuple[int, ...]
    after: tuple[int, ...]
    value: int

    @property
    def frame(self) -> Padding | None:
        """The rows and columns around an image N,H,W,C; None where other dimensions grow too."""
        if len(self.before) != DIMENSIONS or any((self.before[0], self.after[0], self.before[3], self.after[3])):
            return None
        return Padding(self.before[1], self.before[2], self.after[1], self.after[2])


def lower(found: Found) -> Pad:
    """Return the operator as TFLM's pad_common.cc prepares it: without a value of its own, the zero point."""
    source, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    found.rank(source, *range(1, DIMENSIONS + 1))
    amounts = found.constant(1, "int32", "int64").reshape(-1, 2)
    before, after = (tuple(int(amount) for amount in amounts[:, side]) for side in (0, 1))
    grown = tuple(size + a + b for size, a, b in zip(source.shape, before, after, strict=True))
    if target.shape != grown:
        found.refuse(f"has the shape {target.shape}; input and padding give {grown}", target)
    if min(before + after) < 0:
        found.refuse("its padding is negative")
    if found.optional(2) is None:
        return Pad(found.label, (source,), (target,), before, after, target.zero_point)
    given = found.input(2, source.kind)
    if (given.scale, given.zero_point) != (target.scale, target.zero_point):
        found.refuse("is on another grid than the output", given)
    return Pad(found.label, (source,), (target,), before, after, int(found.constant(2).reshape(-1)[0]))


class PortablePad(Kernel[Pad]):
    """Up to four dimensions."""

    operator = Pad
    function = "engine_pad"
    source = "pad"

    def parameters(self, operator: Pad, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        missing = DIMENSIONS - len(operator.before)
        return {
            "wide": BYTES[operator.input.kind] == 2,
            "value": operator.value,
            "sizes": (1,) * missing + operator.input.shape,
            "before": (0,) * missing + operator.before,
            "after": (0,) * missing + operator.after,
        }


LOWERINGS = {"PAD": lower, "PADV2": lower}
KERNELS = (PortablePad(),)
