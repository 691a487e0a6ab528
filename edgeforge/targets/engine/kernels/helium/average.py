"""MEAN over pixels for Helium: eight channels at a time."""

from __future__ import annotations

from edgeforge.targets.engine.kernels.dsp.average import DspAverage


class HeliumAverage(DspAverage):
    """Over all pixels of each image, a mean a channel; int8."""

    function = "engine_helium_average"
    source = "helium/average"
    pace = (0, 30)
    features = frozenset({"helium"})
    roundings = ("double",)
