"""What labels are, as texts: numbers that may be classes as well as a value are told from others."""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite

MANY = 20  # whole numbers, from which on they may be a value as well as classes


def unclear(labels: Collection[str]) -> str:
    """Return what labels are that may be classes as well as a value, `21 different whole numbers`; "" for any other."""
    different = set(labels)
    if not different or any(number_in(label) is None for label in different):
        return ""
    whole = all(label.strip().lstrip("-").isdecimal() for label in different)
    if whole and len(different) <= MANY:
        return ""
    return f"{len(different)} different {'whole numbers' if whole else 'numbers with decimals'}"


def number_in(text: str) -> float | None:
    """Return the finite number that a text is; None for any other."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
