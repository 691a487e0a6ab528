"""How large a file may be, by what is in it, and how a person allows more."""

from __future__ import annotations

import os
import re

from edgeforge.errors import RecipeError

MAX_SIZE = "EDGEFORGE_MAX_SIZE"  # in the environment, so that worker processes follow it too
LARGEST = 2**31  # bytes of a model: flatbuffers and protobuf count no further
KIND = {
    "text": 64 * 2**20,
    "recipe": 2**20,
    "code": 2**20,
    "image": 256 * 2**20,
    "arrays": 2**40,
    "table": 256 * 2**20,
    "sound": 2**28,
}
ANY_SIZE = 2**60
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def limit(largest: int) -> int:
    """Return the bytes that a file may have: `largest`, or more where a person has said so."""
    return max(largest, size_of(os.environ.get(MAX_SIZE) or "0", MAX_SIZE))


def size_of(text: str, where: str) -> int:
    """Return the bytes of `300`, `64M`, `8G` or `8GB`. Raises RecipeError naming `where` for anything else."""
    found = re.fullmatch(r"(\d{1,18})\s*([KMGT]?)(i?B)?", text.strip(), re.IGNORECASE)
    if not found:
        raise RecipeError(f"{where}: '{text[:40]}' is no size", fix="write bytes, or for instance 512M or 8G")
    return int(found[1]) * UNITS[found[2].upper()]


def in_words(size: int) -> str:
    """Return a number of bytes for people: 1.5 GB."""
    for unit, name in ((2**40, "TB"), (2**30, "GB"), (2**20, "MB"), (2**10, "kB")):
        if size >= unit:
            return f"{size / unit:,.4g} {name}"
    return f"{size:,} bytes"
