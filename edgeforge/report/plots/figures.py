"""The report's plots, as SVG text that stands inside the page; the same data give the same bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.report.plots.fitted import HALF
from edgeforge.report.plots.labels import Point, place_labels
from edgeforge.report.score import heading, score
from edgeforge.results.rows.report import HeadMetrics, PiDevice, Report, VariantRow
from edgeforge.results.rows.training import TrainingRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = {"torch": "#d9480f", "onnxruntime": "#1c7ed6", "litert": "#2f9e44", "tflm": "#7950f2", "engine": "#c2255c"}
MARKERS = {"fp32": "o", "fp16": "s", "dynamic-int8": "^", "int8": "D"}
PI_STYLES = {"fp32": ("o", "-"), "int8": ("D", "--"), "tflite": ("^", ":")}  # marker and line
PI_COLOURS = ("#1c7ed6", "#d9480f", "#2f9e44", "#7950f2", "#c2255c", "#0c8599")  # a device each
GREY = "#868e96"  # readable on white and on black
INK = "#010203"  # becomes the page's own text colour, light or dark
WIDE = 30.0  # a range whose ends are so many times apart is drawn logarithmically
READABLE_CLASSES = 20  # more would not leave room for numbers and names in a confusion matrix


def accuracy_plot(report: Report, what: str, width: float = HALF) -> str:
    """Return the primary head's score with 95 % intervals against `size` (KB) or `latency` (p50 in ms), logarithmic."""
    points = [_point(row, value) for row in report.variants if (value := _value(row, what)) and row.metrics]
    markers = {row.name: MARKERS.get(row.precision, "o") for row in report.variants}
    figure, axes = _figure(width, 4.2)
    for point in points:
        axes.plot([point.x, point.x], [point.low, point.high], color=point.colour, linewidth=1.1, alpha=0.3)
        axes.plot(point.x, point.y, markers[point.name], color=point.colour, markersize=5.5, zorder=3)
    axes.set_xlabel("file size, KB" if what == "size" else "latency p50, ms (one input)")
    axes.set_ylabel(f"{heading(report).replace(' ', ', ', 1)} (bars: 95 % interval)")
    if points:
        log_scale(axes, "x", [point.x for point in points])
        place_labels(axes, points)
    return _svg(figure, f"Accuracy of {len(points)} variants against {what}")


def bars_plot(report: Report, width: float = HALF) -> str:
    """Return each file's size as a bar, with its ratio to the float reference."""
    rows = [
        row for row in report.variants if row.size_bytes and row.runtime not in ("tflm", "engine")
    ]  # both run TFLite's file
    reference = next((row.size_bytes for row in rows if row.name == report.reference), None)
    figure, axes = _figure(width, 0.6 + 0.3 * max(len(rows), 1))
    for place, row in enumerate(rows):
        assert row.size_bytes
        axes.barh(place, row.size_bytes / 1024, color=COLOURS.get(row.runtime, GREY), height=0.6, alpha=0.85)
        text = f"{row.size_bytes / 1024:,.1f} KB"
        if reference and row.name != report.reference:
            text += f"  ({reference / row.size_bytes:.2f}× smaller)" if row.size_bytes < 0.995 * reference else ""
        axes.annotate(text, (row.size_bytes / 1024, place), (5, 0), textcoords="offset points", va="center",
                      fontsize=8, color=INK)  # fmt: skip
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.invert_yaxis()
    room = 1.5 if width >= HALF else 3.0  # for the text beside the longest bar
    axes.set_xlim(0, room * max((row.size_bytes or 0 for row in rows), default=1) / 1024)
    axes.set_xticks([])
    axes.grid(visible=False)
    return _svg(figure, "Size of each variant's file")


def training_plot(training_row: TrainingRow, width: float = HALF) -> str:
    """Return the loss and accuracy of each epoch; the epoch kept is marked."""
    epochs = training_row.epochs
    numbers = [row.epoch + 1 for row in epochs]
    figure, (losses, accuracies) = _figures(width, 2.9, 2)
    training, validation = COLOURS["onnxruntime"], COLOURS["torch"]
    losses.plot(numbers, _gaps(row.train_loss for row in epochs), color=training, marker=".", label="training")
    losses.plot(numbers, _gaps(row.val_loss for row in epochs), color=validation, marker=".", label="validation")
    values = [value for row in epochs for value in (row.train_loss, row.val_loss) if value and value > 0]
    logarithmic = bool(values) and max(values) > WIDE * min(values)
    if logarithmic:
        log_scale(losses, "y", values)
    losses.set_title("loss, logarithmic" if logarithmic else "loss", fontsize=9, color=GREY, loc="left")
    losses.legend(frameon=False, labelcolor=GREY, fontsize=8)
    name, curve = "validation accuracy, %", [100 * share for share in _gaps(row.val_accuracy for row in epochs)]
    if any(row.val_rmse is not None for row in epochs):
        name, curve = "validation RMSE", _gaps(row.val_rmse for row in epochs)
    if any(row.val_iou is not None for row in epochs):
        name, curve = "validation mean IoU, %", [100 * share for share in _gaps(row.val_iou for row in epochs)]
    accuracies.plot(numbers, curve, color=validation, marker=".")
    accuracies.set_title(name, fontsize=9, color=GREY, loc="left")
    for axes in (losses, accuracies):
        axes.axvline(training_row.best_epoch + 1, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
        axes.set_xlabel("epoch (dashed: kept)")
        axes.xaxis.get_major_locator().set_params(integer=True)
    return _svg(figure, "Training curves")


def scatter_plot(name: str, metrics: HeadMetrics) -> str:
    """Return predicted against true values of a head, beside the line on which both are the same."""
    figure, axes = _figure(3.6, 3.5)
    ends = [min(metrics.truth + metrics.predicted), max(metrics.truth + metrics.predicted)]
    axes.plot(ends, ends, color=GREY, linewidth=0.8, linestyle="--", zorder=0)
    axes.plot(metrics.truth, metrics.predicted, "o", color=COLOURS["onnxruntime"], markersize=4, alpha=0.6)
    axes.set_xlabel(f"true {metrics.head}, {metrics.unit}".rstrip(", "))
    axes.set_ylabel(f"predicted {metrics.head}, {metrics.unit}".rstrip(", "))
    return _svg(figure, f"Predicted against true {metrics.head} of {name}")


def confusion_plot(name: str, counted: list[list[int]], classes: list[str]) -> str:
    """Return a confusion matrix: rows are true classes; only errors are coloured, on the page's own ground."""
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap

    counts = np.array(counted)
    errors = counts - np.diag(np.diag(counts))
    figure, axes = _figure(3.6, 3.5)
    fading = LinearSegmentedColormap.from_list("errors", [(0.91, 0.35, 0.05, 0.0), (0.91, 0.35, 0.05, 0.85)])
    # The square root lets single errors show beside frequent ones.
    axes.imshow(np.sqrt(errors), cmap=fading, vmin=0, vmax=max(float(errors.max()) ** 0.5, 1.0))
    if len(classes) <= READABLE_CLASSES:
        size = 7.5 if len(classes) <= 10 else 5
        for true, predicted in zip(*np.nonzero(counts), strict=True):
            axes.text(predicted, true, f"{counts[true, predicted]}", ha="center", va="center",
                      fontsize=size if counts[true, predicted] < 1000 else size - 1,
                      color=GREY if true == predicted else INK, in_layout=False)  # fmt: skip
        slanted = max(map(len, classes)) > 3
        names = [name if len(name) <= 14 else f"{name[:13]}…" for name in classes]
        axes.set_xticks(range(len(classes)), names, fontsize=7, rotation=90 if slanted else 0)
        axes.set_yticks(range(len(classes)), names, fontsize=7)
    axes.grid(visible=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _svg(figure, f"Confusion matrix of {name}")


def threads_plot(devices: list[PiDevice], width: float = HALF) -> str:
    """Return p50 latency (ms, logarithmic) against threads, a line for every device and variant."""
    figure, axes = _figure(width, 3.4)
    times: list[float] = []
    counts: set[int] = set()
    for place, device in enumerate(devices):
        for variant in dict.fromkeys(row.variant for row in device.latency):
            rows = sorted((row for row in device.latency if row.variant == variant), key=lambda row: row.threads)
            marker, line = PI_STYLES["tflite" if variant.startswith("tflite") else variant.rpartition("-")[2]]
            axes.plot([row.threads for row in rows], [row.p50_ms for row in rows], marker=marker, linestyle=line,
                      markersize=4.5, color=PI_COLOURS[place % len(PI_COLOURS)],
                      label=f"{device.name} {variant}")  # fmt: skip
            counts |= {row.threads for row in rows}
            times += [row.p50_ms for row in rows]
    axes.set_xlabel("threads")
    axes.set_ylabel("latency p50, ms (one input)")
    axes.set_xticks(sorted(counts), [str(count) for count in sorted(counts)])
    if counts:
        log_scale(axes, "y", times)
        axes.legend(fontsize=7.5, frameon=False, labelcolor=GREY)
    return _svg(figure, f"Latency against threads on {len(devices)} device(s)")


def _value(row: VariantRow, what: str) -> float | None:
    if what == "size":
        return row.size_bytes / 1024 if row.size_bytes else None
    return row.latency_ms.p50 if row.latency_ms else None


def _point(row: VariantRow, value: float) -> Point:
    assert row.metrics
    shown = score(row.metrics)
    return Point(row.name, value, shown.value, shown.low, shown.high, COLOURS.get(row.runtime, GREY))


def _gaps(values: Any) -> list[float]:
    """Return the values with NaN, which draws nothing, where one is missing."""
    return [float("nan") if value is None else value for value in values]


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure, axes = _figures(width, height, 1)
    return figure, axes[0]


def _figures(width: float, height: float, count: int) -> tuple[Figure, Any]:
    """Return a figure and its axes: side by side, below each other where half a page's width is not there."""
    from matplotlib.figure import Figure

    rows, columns = (1, count) if width >= HALF else (count, 1)
    figure = Figure(figsize=(width, height * (1 + 0.7 * (rows - 1))), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    figure.patch.set_visible(False)
    for one in axes:
        one.patch.set_visible(False)
        one.grid(visible=True, linewidth=0.4, color=GREY, alpha=0.35)
        one.set_axisbelow(True)
        one.tick_params(colors=GREY, length=0, labelsize=8)
        one.xaxis.label.set(color=GREY, size=8)
        one.yaxis.label.set(color=GREY, size=8)
        for spine in one.spines.values():
            spine.set_visible(False)
    return figure, axes


def log_scale(axes: Axes, which: Literal["x", "y"], values: list[float]) -> None:
    """Make an axis logarithmic, with room at both ends for labels, and plain numbers at two ticks at least."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = min(values), max(values)
    room = max((high / low) ** 0.2, 1.25)
    axis = getattr(axes, f"{which}axis")
    getattr(axes, f"set_{which}scale")("log")
    getattr(axes, f"set_{which}lim")(low / room, high * room)
    steps = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0) if high / low <= 6 else (1.0, 2.0, 5.0) if high / low < 1e4 else (1.0,)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.4g}" if value < 1000 else f"{value:,.0f}"))


def _svg(figure: Figure, title: str) -> str:
    """Return the figure as an <svg> element without a date, named for those who cannot see it."""
    from html import escape

    import matplotlib
    from matplotlib.text import Text

    logarithmic = [axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis) if axis.get_scale() == "log"]
    powers = {id(text) for axis in logarithmic for text in axis.findobj(Text)}
    for text in figure.findobj(Text):
        if id(text) not in powers:
            text.set_parse_math(False)  # a class may be called $x
    # Drawings of one plot for other widths share no id: one that is not shown clips nothing.
    style = {"svg.hashsalt": f"edgeforge {figure.get_figwidth()}", "svg.fonttype": "none", "font.family": "sans-serif"}
    buffer = io.StringIO()
    with matplotlib.rc_context(style):  # type: ignore[arg-type]
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    drawn = buffer.getvalue().replace(INK, "currentColor")
    return drawn[drawn.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{escape(title)}"', 1)
