"""SQNR along the depth of the network: what each layer does alone, and what has added up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.report.plots.figures import COLOURS, GREY, INK, _figure, _svg
from edgeforge.report.plots.fitted import HALF, PAGE
from edgeforge.report.plots.labels import Point, place_labels
from edgeforge.results.rows.parity import LayerRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OWN, ACCUMULATED = COLOURS["torch"], COLOURS["onnxruntime"]
FINE_DB = 60.0  # more is as good as exact, and would only flatten the rest
LABELLED = 6
LETTER = 0.08  # inches that a letter of a layer's name is wide
FEW = 14  # layers that an axis has room to name


def depth_plot(rows: list[LayerRow], named: list[LayerRow], width: float = PAGE) -> str:
    """Return SQNR in dB against depth as SVG; dots grow with the layer's cost, and `named` layers are labelled.

    Layers that pass values on unchanged have no dot of their own; more than 60 dB is drawn at 60.
    """
    measured = [row for row in rows if row.accumulated is not None]
    figure, axes = _figure(width, 3.9)
    depth = {id(row): place for place, row in enumerate(measured)}
    _line(axes, measured)
    own = [(depth[id(row)], min(row.own.sqnr_db, FINE_DB), row) for row in measured if row.own and row.own.sqnr_db]
    for x, y, _ in own:
        axes.plot([x, x], [0, y], color=OWN, linewidth=0.8, alpha=0.25, zorder=1)
    areas = [_area(row) for _, _, row in own]
    axes.scatter([x for x, _, _ in own], [y for _, y, _ in own], s=areas, color=OWN, alpha=0.85, linewidths=0, zorder=3)
    _axes(axes, measured, own, width)
    _labels(axes, [one for one in own if one[2] in named[:LABELLED]], few=len(measured) <= FEW)
    return _svg(figure, f"SQNR of {len(measured)} layers along the depth: alone and accumulated")


def _line(axes: Axes, measured: list[LayerRow]) -> None:
    """Draw the accumulated SQNR; layers before the first rounding are equal and have none."""
    line = [(x, row.accumulated.sqnr_db) for x, row in enumerate(measured) if row.accumulated]
    known = [(x, min(y, FINE_DB)) for x, y in line if y is not None]
    axes.plot([x for x, _ in known], [y for _, y in known], color=ACCUMULATED, linewidth=1.8, zorder=2)
    if known:
        x, y = known[-1]
        axes.annotate(f"{y:.1f} dB", (x, y), (7, 0), textcoords="offset points", va="center", fontsize=8.5,
                      color=ACCUMULATED, annotation_clip=False)  # fmt: skip


def _labels(axes: Axes, worst: list[tuple[int, float, LayerRow]], *, few: bool) -> None:
    """Name the costliest layers; where there are few layers, the axis names them all and a share is enough."""
    if few:
        for x, y, row in worst:
            above = (0.0, 3 + _area(row) ** 0.5 / 2)  # points: clear of the dot
            share = f"{100 * (row.cost or 0):.0f} %"
            axes.annotate(share, (x, y), above, textcoords="offset points", ha="center", fontsize=8.5, color=INK)
        return
    names = [f"{row.module or row.name} {100 * (row.cost or 0):.0f} %" for _, _, row in worst]
    points = [Point(name, x, y, y, y, INK) for name, (x, y, _) in zip(names, worst, strict=True)]
    if points:
        place_labels(axes, points)


def _axes(axes: Axes, measured: list[LayerRow], own: list[tuple[int, float, LayerRow]], width: float) -> None:
    from matplotlib.ticker import MaxNLocator

    tops = [y for _, y, _ in own] + [row.accumulated.sqnr_db or 0.0 for row in measured if row.accumulated]
    axes.set_ylim(0, min(max([*tops, 20.0]) * 1.22, FINE_DB * 1.15))
    axes.set_xlim(-0.8, max(len(measured) - 0.2, 1.0) + 0.03 * len(measured))
    axes.set_ylabel("SQNR, dB (higher is better)")
    axes.grid(visible=False, axis="x")
    if len(measured) <= FEW:
        names = [_short(row) for row in measured]
        longest = max((len(line) for name in names for line in name.split("\n")), default=0)
        if longest * LETTER < 0.9 * width / len(measured):
            axes.set_xticks(range(len(measured)), names, fontsize=7.5)
        else:
            slope = {"rotation": 25, "ha": "right"} if width == PAGE else {"rotation": 90}
            slanted = [_end(name.replace("\n", " "), 60 if width == PAGE else 26) for name in names]
            axes.set_xticks(range(len(measured)), slanted, fontsize=7.5, **slope)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("layer, in the order in which they run")
    beside = width >= HALF
    _legend(axes, width, (0.004, 0.018), 1.02, "●", OWN, "the layer alone (area: its cost)")
    second = (0.225, 0.245) if beside else (0.004, 0.018)
    _legend(axes, width, second, 1.02 if beside else 1.09, "━", ACCUMULATED, "accumulated up to it")


def _legend(axes: Axes, width: float, at: tuple[float, float], y: float, mark: str, colour: str, text: str) -> None:
    """Write a mark and what it means above the plot, at shares of the widest drawing's axes."""
    x, beside = (share * PAGE / width for share in at)
    axes.text(x, y, mark, color=colour, fontsize=9, transform=axes.transAxes, va="bottom")
    axes.text(beside, y, text, color=GREY, fontsize=8.5, transform=axes.transAxes, va="bottom")


def _end(name: str, letters: int) -> str:
    return name if len(name) <= letters else f"…{name[-letters + 1 :]}"


def _area(row: LayerRow) -> float:
    """Return a dot's area in square points."""
    return 14 + 420 * (row.cost or 0.0)


def _short(row: LayerRow) -> str:
    """Return a layer's module and operator on two lines."""
    kind = row.operator.replace("_2D", "").replace("DEPTHWISE_CONV", "DEPTHWISE").replace("FULLY_CONNECTED", "DENSE")
    kind = kind.replace("_", " ").lower()
    return f"{row.module}\n{kind}" if row.module else kind
