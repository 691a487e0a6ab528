"""MAX_POOL_2D for the DSP extension: four channels at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.kernels.dsp.packing import INT8
from edgeforge.targets.engine.memory.leads import of_pixels
from edgeforge.targets.engine.operators.weighted.sizes import images, window
from edgeforge.targets.engine.operators.windows.max_pool_2d import MaxPool2D


class DspMaxPool2D(Kernel[MaxPool2D]):
    """Any window; int8."""

    operator = MaxPool2D
    function = "engine_dsp_max_pool_2d"
    source = "dsp/max_pool_2d"
    band_top = "window.top"
    pace = (0, 8)
    features = frozenset({"dsp"})

    def refusal(self, operator: MaxPool2D) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        if operator.bounds != INT8:
            return f"it clamps to int8 alone, not to {operator.bounds.low} … {operator.bounds.high}"
        return ""

    def lead(self, operator: MaxPool2D) -> int | None:
        return of_pixels(operator, operator.window, read="alone")

    def parameters(self, operator: MaxPool2D, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            **images(operator),
            "window": window(operator.window),
        }
