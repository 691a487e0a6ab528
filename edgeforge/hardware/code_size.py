"""Code sizes of TFLM, its kernels and its operators, as measured: `code_size.toml`."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class CodeSizes:
    """What code_size.toml says of one library and its kernels, in bytes."""

    runtime: int
    ram: int
    shared: int
    operators: dict[str, int]


@cache
def code_sizes(library: str, kernels: str) -> CodeSizes:
    """Return the measured sizes of a library (a name of tflm_memory.toml) with these kernels."""
    return CodeSizes(**_table()[library][kernels])


def core_factor(core: str) -> float:
    """Return how much larger code is for a core than for the Cortex-M4 that was measured."""
    return float(_table()["core_factor"].get(core, 1.0))


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("code_size.toml").read_text())
