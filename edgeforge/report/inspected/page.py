"""A model file, or what differs between two, as one page that opens anywhere: no network, no files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeforge.inspection.difference import label, shape_text, tensor_text
from edgeforge.report.fit.plot import arena_plot
from edgeforge.report.inspected.graph import graph_svg
from edgeforge.report.inspected.table import difference_lines, summary
from edgeforge.report.page import render_page
from edgeforge.report.plots.fitted import for_page
from edgeforge.results.rows.inspected import ModelDifference, ModelRow
from edgeforge.results.rows.time import figure


def render_model(row: ModelRow) -> str:
    """Return the page of a model. All text of the file is escaped; only our own SVG is not."""
    return _page(_view(row), difference=None, title=Path(row.file).name)


def render_difference(found: ModelDifference) -> str:
    """Return the page of what differs between two models, both of which follow."""
    title = f"{Path(found.a.file).name} → {Path(found.b.file).name}"
    said = {"totals": found.totals, "same": found.same_bytes, "lines": difference_lines(found)}
    return _page(_view(found.b), difference=said, title=title)


def _page(view: dict[str, Any], **values: Any) -> str:
    filters = {"shape": shape_text, "tensor": tensor_text, "milliseconds": figure}
    return render_page("inspected.html.j2", filters, view | values)


def _view(row: ModelRow) -> dict[str, Any]:
    from markupsafe import Markup

    plot: str = ""
    if (arena := row.arena) and arena.used_bytes:
        where = f"Tensor arena on {row.board}" if row.board else "Activations over time"
        plot = for_page(lambda width: arena_plot(arena, where, width))
    return {
        "row": row,
        "summary": summary(row),
        "graph": Markup(graph_svg(row)),
        "plot": plot,
        "labels": [label(layer, place) for place, layer in enumerate(row.layers)],
        "timed": any(layer.milliseconds is not None for layer in row.layers),
        "named": any(layer.module for layer in row.layers),
    }
