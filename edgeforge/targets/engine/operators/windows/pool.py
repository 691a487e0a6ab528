"""What pools have in common: a window that moves over each channel alone, on one grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import Bounds, Operator, Window
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.memory.leads import of_pixels
from edgeforge.targets.engine.operators.weighted.sizes import images, require_output, window
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class Pool(Operator):
    """input and output N,H,W,C of int8 or int16, on one grid: nothing is rescaled."""

    window: Window
    bounds: Bounds


def lower_pool[P: Pool](found: Found, kind: type[P]) -> P:
    """Return the operator as TFLM's pooling.cc prepares it."""
    source, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    found.rank(source, 4)
    moved = found.window(source, (int(found.option("filterHeight")), int(found.option("filterWidth"))))
    require_output(found, source, target, moved, source.shape[3])
    return kind(found.label, (source,), (target,), moved, found.bounds(target))


class PortablePool[P: Pool](Kernel[P]):
    """Any window; int8."""

    def refusal(self, operator: P) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def lead(self, operator: P) -> int | None:
        return of_pixels(operator, operator.window, read="alone")

    def parameters(self, operator: P, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }
