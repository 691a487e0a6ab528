"""The fronts of a search: accuracy against what a network takes, each network a point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edgeforge.report.plots.figures import COLOURS, GREY, INK, _figure, _svg

WIDTH = 5.6  # inches: what half of the page holds
BEST, OTHER = COLOURS["litert"], GREY


@dataclass(frozen=True)
class Network:
    """One network: its number, its place, whether it is on the front."""

    number: int
    x: float
    y: float
    front: bool


def front_plot(networks: Sequence[Network], across: str, up: str) -> str:
    """Return the networks as SVG, those on the front numbered. across, up: the axes' titles."""
    figure, axes = _figure(WIDTH, 3.6)
    for one in networks:
        axes.plot(one.x, one.y, "o", color=BEST if one.front else OTHER, markersize=5.5 if one.front else 3.5,
                  alpha=1.0 if one.front else 0.5, zorder=3 if one.front else 2)  # fmt: skip
        if one.front:
            axes.annotate(str(one.number), (one.x, one.y), (4, 4), textcoords="offset points", fontsize=8, color=INK)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    return _svg(figure, f"{up} against {across} of {len(networks)} networks")
