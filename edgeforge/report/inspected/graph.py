"""A model's graph as SVG: layers from top to bottom, an arrow a tensor, each box a link to its row in the table."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from edgeforge.inspection.difference import shape_text
from edgeforge.results.rows.inspected import ModelRow

WIDTH, HEIGHT = 236, 44  # of a box
GAP_X, GAP_Y = 28, 34
LETTERS = 32  # that a box is wide
BESIDE = 18  # how far apart long arrows run beside the boxes
MOST = 1200  # layers that are drawn
TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path d="M0,0 L8,4 L0,8 z"/></marker></defs>'
)


def graph_svg(row: ModelRow) -> str:
    """Return the graph as an <svg> element; empty where there is nothing to draw, or too much."""
    if not row.layers or len(row.layers) > MOST or not any(layer.writes for layer in row.layers):
        return ""
    ranks = _ranks(row)
    columns: dict[int, int] = {}
    widths: dict[int, int] = {}
    for place, rank in enumerate(ranks):
        columns[place] = widths.get(rank, 0)
        widths[rank] = columns[place] + 1
    broad = max(widths.values())
    span = broad * (WIDTH + GAP_X) - GAP_X

    def corner(place: int) -> tuple[float, float]:
        own = widths[ranks[place]] * (WIDTH + GAP_X) - GAP_X
        return (span - own) / 2 + columns[place] * (WIDTH + GAP_X), 8 + (ranks[place] + 1) * (HEIGHT + GAP_Y)

    arrows, lanes = _arrows(row, ranks, corner, span)
    parts = [*arrows, *_ends(row, ranks, corner, span)]
    for place, layer in enumerate(row.layers):
        x, y = corner(place)
        output = row.tensors[layer.writes[0]] if layer.writes else None
        below = shape_text(output.shape) if output else ""
        peak = " peak" if place == row.peak_layer else ""
        title = escape(f"{layer.operator} {place} {layer.module or layer.name}")
        parts.append(
            f'<a href="#layer-{place}" id="box-{place}"><title>{title}</title>'
            f'<rect class="box{peak}{" heavy" if layer.macs else ""}" x="{x:g}" y="{y:g}" width="{WIDTH}" '
            f'height="{HEIGHT}" rx="5"/>'
            f'<text x="{x + 10:g}" y="{y + 18:g}">{place} {escape(_cut(layer.operator, LETTERS - 5))}</text>'
            f'<text class="small" x="{x + 10:g}" y="{y + 34:g}">{escape(_cut(below, LETTERS))}</text></a>'
        )
    wide, high = span + 16 + lanes * BESIDE, 8 + (max(ranks) + 3) * (HEIGHT + GAP_Y)
    size = f'viewBox="-8 0 {wide:g} {high:g}" width="{wide:g}" height="{high:g}"'
    name = escape(f"The graph of {row.file}")
    return f'<svg class="graph" role="img" aria-label="{name}" {size}>{TIP}{"".join(parts)}</svg>'


def _ranks(row: ModelRow) -> list[int]:
    """Return each layer's row: below all that it reads; layers stand in an order in which they can run."""
    ranks: list[int] = []
    for layer in row.layers:
        above = [row.tensors[tensor].written_by for tensor in layer.reads]
        before = [ranks[one] for one in above if one is not None and one < len(ranks)]
        ranks.append(max(before, default=-1) + 1)
    return ranks


def _arrows(
    row: ModelRow, ranks: list[int], corner: Callable[[int], tuple[float, float]], span: float
) -> tuple[list[str], int]:
    """Return the arrows, and how many run beside the boxes: those that pass rows by."""
    parts, free = [], [-1]  # the row down to which each lane beside is taken
    for place, layer in enumerate(row.layers):
        for tensor in dict.fromkeys(layer.reads):
            source = row.tensors[tensor].written_by
            if source is None or source >= place:
                continue
            (x, y), (to_x, to_y) = corner(source), corner(place)
            start, end = (x + WIDTH / 2, y + HEIGHT), (to_x + WIDTH / 2, to_y - 2)
            name = escape(row.tensors[tensor].name)
            if ranks[place] == ranks[source] + 1:
                middle = (start[1] + end[1]) / 2
                path = (
                    f"M{start[0]:g},{start[1]:g} C{start[0]:g},{middle:g} {end[0]:g},{middle:g} {end[0]:g},{end[1]:g}"
                )
            else:
                lane = next((n for n, last in enumerate(free) if last <= ranks[source]), len(free))
                free[lane:] = [ranks[place], *free[lane + 1 :]]
                side = span + BESIDE * (lane + 0.6)
                path = (f"M{x + WIDTH:g},{y + HEIGHT / 2:g} C{side:g},{y + HEIGHT / 2:g} {side:g},{y + HEIGHT / 2:g} "
                        f"{side:g},{y + HEIGHT + 12:g} L{side:g},{to_y - 12:g} C{side:g},{to_y + HEIGHT / 2:g} "
                        f"{side:g},{to_y + HEIGHT / 2:g} {to_x + WIDTH + 2:g},{to_y + HEIGHT / 2:g}")  # fmt: skip
            parts.append(f'<path class="arrow" d="{path}" marker-end="url(#tip)"><title>{name}</title></path>')
    return parts, len(free)


def _ends(row: ModelRow, ranks: list[int], corner: Callable[[int], tuple[float, float]], span: float) -> list[str]:
    """Return inputs above all and outputs below, with their arrows."""
    parts = []
    bottom = 8 + (max(ranks) + 2) * (HEIGHT + GAP_Y)
    for kind, places in (("input", row.inputs), ("output", row.outputs)):
        for number, tensor in enumerate(places):
            x = span / 2 - WIDTH / 2 + (number - (len(places) - 1) / 2) * (WIDTH + GAP_X)
            y = 8 if kind == "input" else bottom
            found = row.tensors[tensor]
            parts.append(
                f'<rect class="end" x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="{HEIGHT / 2:g}"/>'
                f'<text x="{x + 22:g}" y="{y + 18:g}">{escape(_cut(found.name, LETTERS - 6))}</text>'
                f'<text class="small" x="{x + 22:g}" y="{y + 34:g}">{found.dtype} {shape_text(found.shape)}</text>'
            )
            others = found.read_by[:1] if kind == "input" else [] if found.written_by is None else [found.written_by]
            for one in others:
                to_x, to_y = corner(one)
                a, b = ((x, y + HEIGHT), (to_x, to_y - 2)) if kind == "input" else ((to_x, to_y + HEIGHT), (x, y - 2))
                middle = (a[1] + b[1]) / 2
                parts.append(f'<path class="arrow" d="M{a[0] + WIDTH / 2:g},{a[1]:g} C{a[0] + WIDTH / 2:g},{middle:g} '
                             f'{b[0] + WIDTH / 2:g},{middle:g} {b[0] + WIDTH / 2:g},{b[1]:g}" marker-end="url(#tip)"/>'
                             )  # fmt: skip
    return parts


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
