"""The tables of this folder: instructions an operator, cycles an instruction, and what others have published."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ARDUINO = "-Os"  # how Arduino's cores compile libraries


@dataclass(frozen=True)
class Cycles:
    """What an instruction takes on a core. low, high: by what an estimate may be too large or too small, as factors.

    counted_on: the emulated core whose instructions stand for its own.
    """

    cycles: float
    low: float
    high: float
    counted_on: str
    basis: str


@dataclass(frozen=True)
class Published:
    """Milliseconds an inference of MLPerf Tiny's networks on a board, by others' measurement."""

    title: str
    core: str
    clock_mhz: int
    runtime: str
    source: str
    throughput: Mapping[str, float]

    def milliseconds(self, network: str) -> float:
        """Return what a network took."""
        return 1000 / self.throughput[network]


@cache
def instructions(kernels: str, counted_on: str, optimization: str = ARDUINO) -> dict[str, list[float]]:
    """Return what each kind of operator takes: of a call, an output, a unit of work, a gathered value; empty where
    nothing was counted.
    """
    table = _read("instructions.toml").get(kernels, {}).get(counted_on, {}).get(optimization, {})
    return {kind: list(figures) for kind, figures in table.items()}


@cache
def cycles_of(core: str) -> Cycles | None:
    """Return the cycles an instruction of a core (`Board.core`); None for one of which nothing is known."""
    table = _read("cycles.toml").get(core.removesuffix("f") if core.startswith("cortex") else core)
    return None if table is None else Cycles(**table)


@cache
def published() -> tuple[Published, ...]:
    """Return the boards of published.toml."""
    return tuple(Published(**row) for row in _read("published.toml")["boards"])


@cache
def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text())
