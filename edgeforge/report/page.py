"""How every page is made of its template: one file that opens anywhere."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.foreign.wording import cause


def render_page(template: str, filters: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return a page. All text is escaped but what is Markup; a name that is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined, autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= filters
    return environment.get_template(template).render(values)


def write_page(text: str, path: Path) -> None:
    """Write a page. Raises RecipeError where that cannot be."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {cause(error)}", fix="name another file") from error
