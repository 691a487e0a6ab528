"""Code sizes of TFLM, its kernels and its operators, as measured: `code_size.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError


@dataclass(frozen=True)
class CodeSizes:
    """What code_size.toml says of one library and its kernels, in bytes."""

    runtime: int
    ram: int
    shared: int
    operators: dict[str, int]
    measured: frozenset[str]  # operators; the others' sizes are guessed from other kernels


@cache
def code_sizes(library: str, kernels: str) -> CodeSizes:
    """Return the sizes of a library (a name of tflm_memory.toml) with these kernels.

    Kernels that were not measured (`like` in the file) count as others; those of the operators that they have code of
    their own for are then not among the measured. Raises RecipeError for kernels that the library does not have.
    """
    table = _table()[library]
    like = _table()["like"].get(kernels)
    found = table.get(like["kernels"] if like else kernels)
    if found is None:
        has = " or ".join(table)
        raise RecipeError(f"{library} has no {kernels} kernels", fix=f"set the board's `kernels` to {has}")
    unmeasured = like["operators"] if like else ()
    return CodeSizes(**found, measured=frozenset(found["operators"]) - frozenset(unmeasured))


def core_factor(core: str) -> float:
    """Return how much larger code is for a core than for the Cortex-M4 that was measured."""
    return float(_table()["core_factor"].get(core, 1.0))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("code_size.toml").read_text())
