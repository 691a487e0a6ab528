"""Operators that turn one int8 into another: a table of 256 values, computed here with the operator's arithmetic.

RELU, LOGISTIC and their kin are all this, whatever their formula; it is exact, and faster than any formula.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.targets.engine.ir import Bounds, Operator
from edgeforge.targets.engine.kernel import Array, Field, Kernel
from edgeforge.targets.engine.read import Found

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Lookup(Operator):
    """table: what -128 becomes, then -127, …"""

    table: NDArray[np.int8]

    @property
    def clamp(self) -> Bounds | None:
        """The bounds, where all that the table does is clamp; it can then be fused."""
        import numpy as np

        bounds = Bounds(int(self.table.min()), int(self.table.max()))
        clamped = np.clip(np.arange(-128, 128), bounds.low, bounds.high)
        return bounds if np.array_equal(self.table, clamped) else None


def lookup(found: Found, value: Callable[[int], int]) -> Lookup:
    """Return the operator; value: what becomes of one integer, clamped here."""
    import numpy as np

    source, target = found.input(0, "int8"), found.output("int8")
    table = np.clip([value(number) for number in range(-128, 128)], -128, 127).astype(np.int8)
    return Lookup(found.label, (source,), (target,), table)


class LookupKernel(Kernel[Lookup]):
    """Reads a table."""

    operator = Lookup
    function = "engine_lookup"
    source = "lookup"

    def arrays(self, operator: Lookup) -> dict[str, Array]:
        return {"table": Array("int8_t", operator.table)}

    def in_place(self, operator: Lookup) -> tuple[int, ...]:
        return (0,)

    def parameters(self, operator: Lookup, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {"size": operator.input.size, "table": arrays["table"]}


LOWERINGS: dict[str, Callable[[Found], Operator]] = {}  # those of the operators, in their own files
KERNELS = (LookupKernel(),)
