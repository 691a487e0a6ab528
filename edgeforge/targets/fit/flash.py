"""Flash of a sketch with TFLM: the model, the kernels of its operators, the runtime, and the board's core."""

from __future__ import annotations

from edgeforge.hardware.board import Board
from edgeforge.hardware.code_size import code_sizes, core_factor
from edgeforge.results.rows.fit import FlashRow

SKETCH_BYTES = 8192  # of our own code and test vectors in the sketch, and of its buffers: an estimate
SKETCH_RAM = 2048


def runtime_ram(library: str, kernels: str) -> int:
    """Return the variables of TFLM and of the sketch, without the tensor arena."""
    return code_sizes(library, kernels).ram + SKETCH_RAM


def flash_of(model_bytes: int, operators: list[str], board: Board, library: str) -> FlashRow:
    """Return the flash that a model with these operators takes on a board; an operator not measured counts as the
    largest.
    """
    sizes, factor = code_sizes(library, board.kernels), core_factor(board.core)
    largest = max(sizes.operators.values())
    kernels = sizes.shared + sum(sizes.operators.get(name, largest) for name in set(operators))
    return FlashRow(
        model_bytes=model_bytes,
        kernels_bytes=int(kernels * factor),
        runtime_bytes=int(sizes.runtime * factor) + SKETCH_BYTES,
        core_bytes=board.core_flash_bytes,
        estimated=sorted(set(operators) - set(sizes.operators)),
    )
