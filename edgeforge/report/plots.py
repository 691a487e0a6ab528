"""The report's plots, as SVG text that stands inside the page; the same data give the same bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from edgeforge.report.schema import RUNTIMES, Report, VariantRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"torch": "#d9480f", "onnxruntime": "#1971c2", "litert": "#2f9e44", "tflm": "#7048e8"}
MARKERS = {"fp32": "o", "fp16": "s", "dynamic-int8": "^", "int8": "D"}
GREY = "#868e96"  # readable on white and on black


def accuracy_plot(report: Report, what: str) -> str:
    """Return top-1 accuracy with 95 % intervals against `size` (KB) or `latency` (p50 in ms), both logarithmic."""
    points = [(row, value) for row in report.variants if (value := _value(row, what)) and row.metrics]
    figure, axes = _figure(6.4, 3.9)
    for row, value in points:
        metrics = row.metrics
        assert metrics
        top = 100 * metrics.top1
        spread = [[top - 100 * metrics.top1_low], [100 * metrics.top1_high - top]]
        axes.errorbar(
            value, top, yerr=spread, fmt=MARKERS.get(row.precision, "o"), color=COLOURS[row.runtime], markersize=6,
            elinewidth=0.8, alpha=0.9, capsize=2,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.12)
    axes.set_xlabel("file size, KB" if what == "size" else "latency p50, ms (one image)")
    axes.set_ylabel("top-1, %")
    _plain_log_ticks(axes)
    _legend(axes, points)
    return _svg(figure)


def bars_plot(report: Report) -> str:
    """Return each variant's size as a bar, with its ratio to the float reference."""
    rows = [row for row in report.variants if row.size_bytes and row.runtime != "tflm"]
    reference = next(row.size_bytes for row in rows if row.name == report.reference)
    assert reference
    figure, axes = _figure(6.4, 0.4 + 0.3 * len(rows))
    for place, row in enumerate(rows):
        assert row.size_bytes
        axes.barh(place, row.size_bytes / 1024, color=COLOURS[row.runtime], height=0.62)
        text = f"  {row.size_bytes / 1024:,.1f} KB, {reference / row.size_bytes:.2f}× smaller"
        if row.name == report.reference:
            text = f"  {row.size_bytes / 1024:,.1f} KB"
        axes.text(row.size_bytes / 1024, place, text, va="center", fontsize=8, color=GREY)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(right=max(row.size_bytes or 0 for row in rows) / 1024 * 1.55)
    axes.set_xlabel("file size, KB")
    axes.grid(axis="y", visible=False)
    return _svg(figure)


def training_plot(report: Report) -> str:
    """Return the loss and accuracy of each epoch; the epoch kept is marked."""
    epochs = report.training.epochs
    numbers = [row.epoch + 1 for row in epochs]
    figure, (losses, accuracies) = _figures(6.4, 2.9, 2)
    losses.plot(
        numbers,
        [row.train_loss for row in epochs],
        color=COLOURS["onnxruntime"],
        marker=".",
        label="training",
    )
    losses.plot(numbers, [row.val_loss for row in epochs], color=COLOURS["torch"], marker=".", label="validation")
    losses.set_ylabel("loss")
    losses.legend(frameon=False, labelcolor=GREY, fontsize=8)
    values = [None if row.val_accuracy is None else 100 * row.val_accuracy for row in epochs]
    accuracies.plot(numbers, values, color=COLOURS["torch"], marker=".")
    accuracies.set_ylabel("validation accuracy, %")
    for axes in (losses, accuracies):
        axes.axvline(report.training.best_epoch + 1, color=GREY, linewidth=0.8, linestyle="--")
        axes.set_xlabel("epoch (dashed: kept)")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return _svg(figure)


def confusion_plot(row: VariantRow, classes: list[str]) -> str:
    """Return a confusion matrix: rows are true classes; what is right is left pale, so that errors show."""
    import numpy as np

    assert row.metrics
    counts = np.array(row.metrics.confusion)
    errors = counts - np.diag(np.diag(counts))
    figure, axes = _figure(3.5, 3.3)
    axes.imshow(errors, cmap="Oranges", vmin=0, vmax=max(int(errors.max()), 1), alpha=0.85)
    if len(classes) <= 12:
        size = 7 if counts.max() < 1000 else 6
        for true, predicted in np.ndindex(*counts.shape):
            if counts[true, predicted]:
                colour = GREY if true == predicted else "#212529"
                axes.text(predicted, true, str(counts[true, predicted]), ha="center", va="center", fontsize=size,
                          color=colour)  # fmt: skip
        axes.set_xticks(range(len(classes)), classes, fontsize=7)
        axes.set_yticks(range(len(classes)), classes, fontsize=7)
    axes.grid(visible=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _svg(figure)


def _value(row: VariantRow, what: str) -> float | None:
    if what == "size":
        return row.size_bytes / 1024 if row.size_bytes else None
    return row.latency_ms.p50 if row.latency_ms else None


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = _figures(width, height, 1)
    return figure, axes[0]


def _figures(width: float, height: float, columns: int) -> tuple[Figure, Any]:
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams.update(
        {"svg.hashsalt": "edgeforge", "svg.fonttype": "none", "font.size": 9, "font.family": "sans-serif",
         "axes.unicode_minus": False}
    )  # fmt: skip
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    figure.patch.set_alpha(0)
    for one in axes:
        one.patch.set_alpha(0)
        one.grid(visible=True, linewidth=0.4, color=GREY, alpha=0.35)
        one.set_axisbelow(True)
        one.tick_params(colors=GREY, length=0)
        one.xaxis.label.set_color(GREY)
        one.yaxis.label.set_color(GREY)
        for spine in one.spines.values():
            spine.set_visible(False)
    return figure, axes


def _plain_log_ticks(axes: Axes) -> None:
    """Label a logarithmic axis with plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(axes: Axes, points: list[tuple[VariantRow, float]]) -> None:
    """Name colours (runtimes) and markers (precisions): labels at the points would lie on each other."""
    from matplotlib.lines import Line2D

    runtimes = dict.fromkeys(row.runtime for row, _ in points)
    precisions = dict.fromkeys(row.precision for row, _ in points)
    handles = [Line2D([], [], linestyle="", marker="o", color=COLOURS[name], label=RUNTIMES[name]) for name in runtimes]
    handles += [
        Line2D([], [], linestyle="", marker=MARKERS.get(name, "o"), color=GREY, label=name) for name in precisions
    ]
    axes.figure.legend(
        handles=handles, frameon=False, fontsize=8, labelcolor=GREY, ncols=4, loc="outside lower center",
        columnspacing=1.0, handletextpad=0.2,
    )  # fmt: skip


def _svg(figure: Figure) -> str:
    """Return the figure as an <svg> element without a date."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
