"""AVERAGE_POOL_2D: the mean of each window, of what of it lies in the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import Bounds, Operator, Window
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.weighted.sizes import image, require_output, window
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class AveragePool2D(Operator):
    """input and output N,H,W,C of int8 or int16, on one grid: nothing is rescaled."""

    window: Window
    bounds: Bounds


def lower(found: Found) -> AveragePool2D:
    """Return the operator as TFLM's pooling.cc prepares it."""
    source, target = found.input(0, "int8", "int16"), found.output(found.input(0).kind)
    found.rank(source, 4)
    moved = found.window(source, (int(found.option("filterHeight")), int(found.option("filterWidth"))))
    require_output(found, source, target, moved, source.shape[3])
    return AveragePool2D(found.label, (source,), (target,), moved, found.bounds(target))


class PortableAveragePool2D(Kernel[AveragePool2D]):
    """Any window."""

    operator = AveragePool2D
    function = "engine_average_pool_2d"
    source = "average_pool_2d"

    def refusal(self, operator: AveragePool2D) -> str:
        return "" if operator.input.kind == "int8" else "it computes int8"

    def parameters(self, operator: AveragePool2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "batches": operator.input.shape[0],
            "input": image(operator.input),
            "output": image(operator.output),
            "window": window(operator.window),
            "low": operator.bounds.low,
            "high": operator.bounds.high,
        }


LOWERINGS = {"AVERAGE_POOL_2D": lower}
KERNELS = (PortableAveragePool2D(),)
