"""MAX_POOL_2D: the largest value of each window."""

from __future__ import annotations

from edgeforge.targets.engine.operators.windows.pool import Pool, PortablePool, lower_pool
from edgeforge.targets.engine.read import Found


class MaxPool2D(Pool):
    """The largest value of each window."""


def lower(found: Found) -> MaxPool2D:
    """Return the operator."""
    return lower_pool(found, MaxPool2D)


class PortableMaxPool2D(PortablePool[MaxPool2D]):
    """Any window."""

    operator = MaxPool2D
    function = "engine_max_pool_2d"
    source = "max_pool_2d"
    band_top = "window.top"


class PortableMaxPool2D16(PortableMaxPool2D):
    """The same for int16."""

    function = "engine_max_pool_2d_s16"
    source = "max_pool_2d_s16"

    def refusal(self, operator: MaxPool2D) -> str:
        return "" if operator.input.kind == "int16" else "it computes int16"


LOWERINGS = {"MAX_POOL_2D": lower}
KERNELS = (PortableMaxPool2D(), PortableMaxPool2D16())
