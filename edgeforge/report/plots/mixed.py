"""Accuracy against bytes of every mix of precisions that was tried, and what each layer costs in int8."""

from __future__ import annotations

from edgeforge.report.plots.figures import COLOURS, GREY, INK, _figure, _svg
from edgeforge.report.plots.fitted import HALF
from edgeforge.report.plots.labels import Point, place_labels
from edgeforge.results.rows.mixed import MixedRow

INT8, FLOAT, CHOSEN = COLOURS["litert"], GREY, COLOURS["torch"]
SHOWN = 12  # layers: the costliest


def mix_plot(row: MixedRow, width: float = HALF) -> str:
    """Return the curve as SVG: drop in points against KB; the mix chosen is ringed, the limit dashed."""
    figure, axes = _figure(width, 2.9)
    points = sorted(row.tried, key=lambda mix: (len(mix.wide), mix.bytes))
    sizes, changes = [mix.bytes / 1024 for mix in points], [-mix.drop for mix in points]
    axes.plot(sizes, changes, color=INT8, linewidth=1.0, alpha=0.5)
    axes.scatter(sizes, changes, color=INT8, s=26, zorder=3)
    labelled = {0: points[0], len(points[-1].wide): points[-1]} if points else {}
    if row.chosen:
        place = ([row.chosen.bytes / 1024], [-row.chosen.drop])
        axes.scatter(*place, s=130, facecolors="none", edgecolors=CHOSEN, zorder=4)
        labelled[len(row.chosen.wide)] = row.chosen
    names = [
        (f"{count} in {mix.precision}" if count else "all int8", mix.bytes, mix.drop) for count, mix in labelled.items()
    ]
    names.append(("float32", row.float_bytes, 0.0))
    axes.scatter([row.float_bytes / 1024], [0.0], color=FLOAT, s=26, zorder=3)
    axes.axhline(-row.max_drop, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    axes.margins(0.12, 0.25)
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -0.5), max(high, 0.25))
    axes.set_xlabel("KB (dashed: max_drop)")
    axes.set_ylabel("accuracy, points against float32")
    place_labels(axes, [Point(name, size / 1024, -drop, -drop, -drop, INK) for name, size, drop in names])
    return _svg(figure, "Accuracy against bytes of the mixes of precisions tried")


def sensitivity_plot(row: MixedRow, width: float = HALF) -> str:
    """Return bars as SVG: the error of the logits that each layer causes when it alone is int8."""
    shown = row.layers[:SHOWN]
    figure, axes = _figure(width, 0.6 + 0.26 * len(shown))
    axes.barh(range(len(shown)), [entry.error for entry in shown], color=INT8, height=0.62)
    for place, entry in enumerate(shown):
        text = f" {entry.drop:+.2f} points" if entry.drop else " no image lost"
        axes.text(entry.error, place, text, va="center", fontsize=8, color=INK)
    axes.set_yticks(range(len(shown)), [entry.module or entry.layer for entry in shown])
    axes.invert_yaxis()
    axes.set_xlim(0, (1.35 if width >= HALF else 2.2) * max((entry.error for entry in shown), default=1.0))
    axes.set_xlabel("mean squared error of the logits, this layer alone in int8")
    return _svg(figure, "What each layer costs in int8")
