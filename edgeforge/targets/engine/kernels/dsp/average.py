"""MEAN over pixels for the DSP extension: four channels at a time."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.windows.mean import Mean


class DspAverage(Kernel[Mean]):
    """Over all pixels of each image, a mean a channel; int8."""

    operator = Mean
    function = "engine_dsp_average"
    source = "dsp/average"
    pace = (0, 60)
    features = frozenset({"dsp"})

    def refusal(self, operator: Mean) -> str:
        if operator.input.kind != "int8":
            return "it computes int8"
        depth = operator.kept[-1][0] if operator.kept else 0
        one_run = len(operator.reduced) == 1 and operator.reduced[0][1] == depth
        if not one_run or operator.kept[-1][1] != 1 or len(operator.kept) > 2:
            return "it reduces the pixels, not the channels"
        return ""

    def lead(self, operator: Mean) -> int | None:
        return 0  # a channel's mean is written when its values, and those of the channels before, have been read

    def parameters(self, operator: Mean, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "batches": operator.kept[0][0] if len(operator.kept) == 2 else 1,
            "pixels": operator.count,
            "depth": operator.kept[-1][0],
            "zeros": operator.count * operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "multiplier": operator.multiplier,
            "shift": operator.shift,
        }
