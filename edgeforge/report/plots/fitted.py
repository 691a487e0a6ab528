"""A plot drawn for each width at which a page shows it, so that its text is read on a phone as on a desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markupsafe import Markup

# Inches of a drawing: where text keeps its size in the whole of a page, in half of it, and on a phone.
PAGE, HALF, PHONE = 11.4, 5.6, 3.6


def for_half(draw: Callable[[float], str]) -> Markup:
    """Return the drawings of a plot that takes half of the page; the style sheet shows the one that fits."""
    return _fitted(draw, HALF, PHONE)


def for_page(draw: Callable[[float], str]) -> Markup:
    """Return the drawings of a plot that takes the whole page; the style sheet shows the one that fits."""
    return _fitted(draw, PAGE, HALF, PHONE)


def _fitted(draw: Callable[[float], str], *widths: float) -> Markup:
    from markupsafe import Markup

    drawings = "".join(f"<div>{draw(width)}</div>" for width in widths)
    return Markup(f'<div class="drawn{" whole" if widths[0] == PAGE else ""}">{drawings}</div>')  # our own SVG
