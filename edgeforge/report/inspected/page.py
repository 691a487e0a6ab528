"""A model file, or what differs between two, as one page that opens anywhere: no network, no files beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.foreign.wording import cause
from edgeforge.inspection.difference import label, shape_text, tensor_text
from edgeforge.report.fit.plot import arena_plot
from edgeforge.report.inspected.graph import graph_svg
from edgeforge.report.inspected.table import difference_lines, summary
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


def write_page(text: str, path: Path) -> None:
    """Write a page. Raises RecipeError where that cannot be."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {cause(error)}", fix="name another file") from error


def _page(view: dict[str, Any], **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), undefined=StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"shape": shape_text, "tensor": tensor_text, "milliseconds": figure}
    return environment.get_template("inspected.html.j2").render(**view, **values)


def _view(row: ModelRow) -> dict[str, Any]:
    from markupsafe import Markup

    plot = ""
    if row.arena and row.arena.used_bytes:
        where = f"Tensor arena on {row.board}" if row.board else "Activations over time"
        plot = Markup(arena_plot(row.arena, where))
    return {
        "row": row,
        "summary": summary(row),
        "graph": Markup(graph_svg(row)),
        "plot": plot,
        "labels": [label(layer, place) for place, layer in enumerate(row.layers)],
        "timed": any(layer.milliseconds is not None for layer in row.layers),
        "named": any(layer.module for layer in row.layers),
    }
