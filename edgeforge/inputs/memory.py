"""Is there memory for what a file asks for? Asked before anything is allocated."""

from __future__ import annotations

from edgeforge.errors import RecipeError
from edgeforge.inputs.sizes import in_words

SHARE = 0.5  # of the free memory: what is read is copied once, as a rule


def require_memory(size: int, what: str) -> None:
    """Raise RecipeError when something of so many bytes does not fit into the memory that is free."""
    if size < 2**20:
        return
    free = free_memory()
    if size > free * SHARE:
        raise RecipeError(
            f"{what} would take {in_words(size)} of memory; {in_words(free)} are free, and half of it may be taken",
            fix="take a smaller one, or a machine with more memory",
        )


def free_memory() -> int:
    """Return the bytes of memory that are free, within the limit of a container where there is one."""
    import psutil

    return int(psutil.virtual_memory().available)
