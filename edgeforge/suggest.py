"""The nearest valid word, for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)`, or the valid words when none is near."""
    words = sorted(known)
    close = get_close_matches(word, words, n=1, cutoff=0.5)
    return f" (did you mean '{close[0]}'?)" if close else f" (known: {', '.join(words)})"
