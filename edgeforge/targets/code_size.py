"""Flash of a sketch with TFLM: the model, the kernels of its operators, the runtime, and the board's core."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from edgeforge.report.fit_schema import FlashRow
from edgeforge.targets.boards import Board


@cache
def code_sizes() -> dict[str, Any]:
    """Return code_size.toml: by kernels, the runtime's code and variables, and what each operator adds, in bytes."""
    return tomllib.loads(Path(__file__).with_name("code_size.toml").read_text())


def flash_of(model_bytes: int, operators: list[str], board: Board) -> FlashRow:
    """Return the flash that a model with these operators takes on a board.

    What two operators share is counted with each of them: the sum is rather too high than too low.
    """
    table = code_sizes()[board.kernels]
    sizes: dict[str, int] = table["operators"]
    unknown = sorted({name for name in operators if name not in sizes})
    kernels = sum(sizes.get(name, max(sizes.values())) for name in set(operators))
    return FlashRow(
        model_bytes=model_bytes,
        kernels_bytes=kernels,
        runtime_bytes=table["runtime"],
        core_bytes=board.core_flash_bytes,
        estimated=unknown,
    )
