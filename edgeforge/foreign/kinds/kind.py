"""One known message of another library, and what EdgeForge says instead."""

from __future__ import annotations

from typing import NamedTuple


class Kind(NamedTuple):
    """`says` is searched in the library's whole message; {0}, {1}, … in the others are what its groups found."""

    says: str
    cause: str
    remedy: str = ""  # empty where only the caller knows one


IMAGES = "or larger images (data.size)"
WHOLE = "copy or save it again"
