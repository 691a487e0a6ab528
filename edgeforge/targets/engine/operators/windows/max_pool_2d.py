"""MAX_POOL_2D: the largest value of each window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import Bounds, Operator, Window
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.weighted.sizes import image, require_output, window
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class MaxPool2D(Operator):
    """input and output N,H,W,C of int8 or int16, on one grid."""

    window: Window
    bounds: Bounds


def lower(found: Found) -> MaxPool2D:
    """Return the operator as TFLM's pooling.cc prepares it."""
    source, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    found.rank(source, 4)
    moved = found.window(source, (int(found.option("filterHeight")), int(found.option("filterWidth"))))
    require_output(found, source, target, moved, source.shape[3])
    return MaxPool2D(found.label, (source,), (target,), moved, found.bounds(target))


class PortableMaxPool2D(Kernel[MaxPool2D]):
    """Any window."""

    operator = MaxPool2D
    function = "engine_max_pool_2d"
    source = "max_pool_2d"

    def refusal(self, operator: MaxPool2D) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def parameters(self, operator: MaxPool2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "batches": operator.input.shape[0],
            "input": image(operator.input),
            "output": image(operator.output),
            "window": window(operator.window),
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }


LOWERINGS = {"MAX_POOL_2D": lower}
KERNELS = (PortableMaxPool2D(),)
