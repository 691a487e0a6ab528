"""RESHAPE and SQUEEZE: the same values under another shape; a copy only where it cannot be dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import C_TYPES, Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class Reshape(Operator):
    """Values of any kind, in the same order."""


def lower(found: Found) -> Reshape:
    """Return the operator; the new shape is the output's."""
    source, target = found.input(0, *C_TYPES), found.output()
    if source.size != target.size or source.kind != target.kind:
        found.refuse(f"has {target.size} values; the input has {source.size}", target)
    return Reshape(found.label, (source,), (target,))


class Copy(Kernel[Reshape]):
    """Copies bytes."""

    operator = Reshape
    function = "engine_copy"
    source = "copy"

    def parameters(self, operator: Reshape, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {"bytes": operator.input.bytes}


LOWERINGS = {"RESHAPE": lower, "SQUEEZE": lower, "EXPAND_DIMS": lower}
KERNELS = (Copy(),)
