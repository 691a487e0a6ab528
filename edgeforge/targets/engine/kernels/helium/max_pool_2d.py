"""MAX_POOL_2D for Helium: sixteen channels at a time."""

from __future__ import annotations

from edgeforge.targets.engine.operators.windows.max_pool_2d import PortableMaxPool2D


class HeliumMaxPool2D(PortableMaxPool2D):
    """Any window; int8."""

    function = "engine_helium_max_pool_2d"
    source = "helium/max_pool_2d"
    band_top = "window.top"
    pace = (0, 8)
    features = frozenset({"helium"})
