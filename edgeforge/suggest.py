"""The nearest valid word, or file, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

MOST_FILES = 10_000  # of a folder that are looked at


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, or the valid words when none is near."""
    words = sorted(known)
    close = get_close_matches(word, words, n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else f" (known: {', '.join(words)})"


def nearest_file(path: Path) -> str:
    """Return ` (did you mean 'x'?)` of what is named most like a missing file in its folder; "" where nothing is."""
    try:
        there = sorted(one.name for one in islice(path.parent.iterdir(), MOST_FILES) if one.name != path.name)
    except (OSError, ValueError):
        return ""
    close = get_close_matches(path.name, there, n=1, cutoff=0.75)
    shown = str(path.with_name(close[0])) if close else ""
    return f" (did you mean '{shown.encode(errors='backslashreplace').decode()}'?)" if close else ""
