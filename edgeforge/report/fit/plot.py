"""The tensor arena over time, tensor by tensor: which layers set its size."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.foreign.wording import cause
from edgeforge.report.plots.figures import COLOURS, GREY, INK, _figure, _svg
from edgeforge.report.plots.fitted import PAGE
from edgeforge.results.rows.fit import ArenaBuffer, ArenaRow, FitRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT = 4.4  # inches
TENSOR, PEAK, SCRATCH = COLOURS["onnxruntime"], COLOURS["torch"], COLOURS["tflm"]
FEW = 16  # layers that the axis has room to name
LETTER, LINE = 0.075, 0.15  # inches that a letter of a label is wide, and a line of it high


def write_plot(row: FitRow, path: Path) -> None:
    """Write the arena of a model on a board as an SVG file of its own. Raises RecipeError when that cannot be."""
    svg = arena_plot(row.arena, f"Tensor arena on {row.title}").replace("currentColor", "#333333")
    try:
        write_whole(path, svg)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {cause(error)}", fix="name another file") from error


def arena_plot(arena: ArenaRow, title: str, width: float = PAGE) -> str:
    """Return the plan of the arena's head as SVG: a rectangle a buffer, from the step that writes it to the last
    that reads it, at its offset in KB. What is live in the peak's step is coloured; the tail stands on top.
    """
    figure, axes = _figure(width, HEIGHT)
    steps, top = len(arena.steps), arena.used_bytes / 1024
    inch_x, inch_y = (width - 1.0) / (steps + 1), HEIGHT * 0.72 / top
    peak = {id(one) for one in arena.buffers if one.first <= arena.peak_step <= one.last}
    for one in arena.buffers:
        if one.last >= 0:
            _draw(axes, one, id(one) in peak, inch_x, inch_y)
    axes.axvspan(arena.peak_step - 0.5, arena.peak_step + 0.5, color=PEAK, alpha=0.10, linewidth=0, zorder=0)
    axes.axhline(arena.head_bytes / 1024, color=GREY, linewidth=0.8, linestyle="--")
    axes.axhspan(arena.head_bytes / 1024, top, color=GREY, alpha=0.18, linewidth=0)
    axes.text(steps + 0.45, top, f"tail: structures, {arena.tail_bytes:,} bytes", ha="right", va="bottom", fontsize=7.5,
              color=GREY, in_layout=False)  # fmt: skip
    _name_peak(axes, arena, width)
    axes.set_xlim(-0.5, steps + 0.5)
    axes.set_ylim(0, top * 1.03)
    axes.set_ylabel("offset in the arena, KB")
    axes.grid(visible=False, axis="x")
    _name_steps(axes, arena, width)
    return _svg(figure, title)


def _name_peak(axes: Axes, arena: ArenaRow, width: float) -> None:
    """Write above the plot, clear of the tensors, which layer is the peak and what is live there, the largest first."""
    step = arena.peak_step
    live = sorted((one for one in arena.buffers if one.first <= step <= one.last), key=lambda one: -one.bytes)
    layer = arena.steps[step - 1].split(" (")[0] if step else "input"
    parts = [f"{one.bytes:,} {'scratch' if one.kind == 'scratch' else _short(one.name, 24)}" for one in live[:4]]
    more = " + …" if len(live) > len(parts) else ""
    text = f"peak: {_short(layer, 34)}, {arena.live_bytes[step]:,} bytes = {' + '.join(parts)}{more}"
    axes.set_title(fill(text, int((width - 0.7) / LETTER)), fontsize=7.5, color=PEAK, loc="left", pad=14)


def _short(name: str, letters: int) -> str:
    name = name.split(";")[0]
    return name if len(name) <= letters else f"…{name[-letters + 1 :]}"


def _draw(axes: Axes, one: ArenaBuffer, live_at_peak: bool, inch_x: float, inch_y: float) -> None:
    from matplotlib.colors import to_rgba
    from matplotlib.patches import Rectangle

    colour = SCRATCH if one.kind == "scratch" else PEAK if live_at_peak else TENSOR
    low, high, steps = one.offset / 1024, one.bytes / 1024, one.last - one.first + 1
    box = Rectangle((one.first - 0.45, low), steps - 0.1, high)
    box.set(facecolor=to_rgba(colour, 0.3), edgecolor=to_rgba(colour, 0.9), linewidth=0.6)
    axes.add_patch(box)
    lines = _label(one, steps * inch_x, high * inch_y)
    if lines:
        middle = (one.first + one.last) / 2, low + high / 2
        axes.text(*middle, lines, ha="center", va="center", fontsize=6.5, color=INK, in_layout=False)


def _label(one: ArenaBuffer, width: float, height: float) -> str:
    """Return what fits into a rectangle of so many inches: its name and bytes, its bytes, or nothing."""
    size = f"{one.bytes:,}"
    name = "scratch" if one.kind == "scratch" else one.name.split(";")[0]
    letters = int(width / LETTER)
    if len(size) > letters or height < LINE:
        return ""
    if height < 2 * LINE:
        return size if len(name) + len(size) + 1 > letters else f"{name} {size}"
    return f"{_short(name, letters)}\n{size}"


def _name_steps(axes: Axes, arena: ArenaRow, width: float) -> None:
    """Name the layers where there is room, else number them and name the peak's."""
    operators = [step.split(" (")[0] for step in arena.steps]
    if len(operators) <= FEW:
        slope = {"rotation": 30, "ha": "right"} if width == PAGE else {"rotation": 90}
        names = [_short(name, 24) for name in ("input", *operators)]
        axes.set_xticks(range(len(names)), names, fontsize=7, **slope)
        return
    every = -(-len(operators) // max(int(width * 2), 8))
    numbered = range(0, len(operators) + 1, every)
    first = "input" if width == PAGE else "in"
    axes.set_xticks(numbered, [str(place - 1) if place else first for place in numbered])
    axes.set_xlabel(f"operator (the peak: {operators[arena.peak_step - 1] if arena.peak_step else 'input'})")
