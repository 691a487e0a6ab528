"""The terminal, as everything that EdgeForge prints reaches it: what a stranger's file calls something steers nothing.

A layer, class or build may be called `\\x1b[2J`, which clears a screen, or hold letters that turn the line around.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment
from rich.text import Text


class Terminal(Console):
    """A console that writes control characters out, wherever they stand; its own styles are not of the text."""

    def render_str(self, text: str, *arguments: Any, **options: Any) -> Text:
        """Return a text as it will be printed, so that columns have room for it."""
        return super().render_str(printable(text), *arguments, **options)

    def render(self, *arguments: Any, **options: Any) -> Iterable[Segment]:
        """Yield what is printed of something that can be."""
        for segment in super().render(*arguments, **options):
            if segment.control:
                yield segment
            else:
                yield Segment(printable(segment.text), segment.style)


def printable(text: str) -> str:
    """Return a text whose control characters are written out, those that end lines left."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else _written(one) for one in text)


def _written(one: str) -> str:
    return one.encode("unicode_escape").decode()
