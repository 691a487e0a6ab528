"""AVERAGE_POOL_2D: the mean of each window, of what of it lies in the image."""

from __future__ import annotations

from edgeforge.targets.engine.operators.windows.pool import Pool, PortablePool, lower_pool
from edgeforge.targets.engine.read import Found


class AveragePool2D(Pool):
    """The mean of each window."""


def lower(found: Found) -> AveragePool2D:
    """Return the operator."""
    return lower_pool(found, AveragePool2D)


class PortableAveragePool2D(PortablePool[AveragePool2D]):
    """Any window."""

    operator = AveragePool2D
    function = "engine_average_pool_2d"
    source = "average_pool_2d"
    band_top = "window.top"


class PortableAveragePool2D16(PortableAveragePool2D):
    """The same for int16."""

    function = "engine_average_pool_2d_s16"
    source = "average_pool_2d_s16"

    def refusal(self, operator: AveragePool2D) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"


LOWERINGS = {"AVERAGE_POOL_2D": lower}
KERNELS = (PortableAveragePool2D(), PortableAveragePool2D16())
