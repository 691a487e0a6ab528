"""Flash of a sketch with TFLM: the model, the kernels of its operators, the runtime, and the board's core."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgeforge.hardware.boards import Board
from edgeforge.results.fit import FlashRow

SKETCH_BYTES = 8192  # of our own code and test vectors in the sketch, and of its buffers: an estimate
SKETCH_RAM = 2048


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


def runtime_ram(library: str, kernels: str) -> int:
    """Return the variables of TFLM and of the sketch, without the tensor arena."""
    return code_sizes(library, kernels).ram + SKETCH_RAM


def flash_of(model_bytes: int, operators: list[str], board: Board, library: str) -> FlashRow:
    """Return the flash that a model with these operators takes on a board; an operator not measured counts as the
    largest.
    """
    sizes, factor = code_sizes(library, board.kernels), _table()["core_factor"].get(board.core, 1.0)
    largest = max(sizes.operators.values())
    kernels = sizes.shared + sum(sizes.operators.get(name, largest) for name in set(operators))
    return FlashRow(
        model_bytes=model_bytes,
        kernels_bytes=int(kernels * factor),
        runtime_bytes=int(sizes.runtime * factor) + SKETCH_BYTES,
        core_bytes=board.core_flash_bytes,
        estimated=sorted(set(operators) - set(sizes.operators)),
    )


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("code_size.toml").read_text())
