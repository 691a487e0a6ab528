"""Whether a board has the memory for the C library, by what was built and counted for its core."""

from __future__ import annotations

from collections.abc import Mapping

from edgeforge.hardware.board import Board
from edgeforge.results.rows.engine import EmulatedRow, EngineBoard
from edgeforge.targets.fit.time import from_instructions


def core_of(board: Board) -> str:
    """Return the name of a board's core as the compiler knows it: without the f of its floating point unit."""
    return board.core.removesuffix("f")


def judge(key: str, board: Board, runs: Mapping[str, EmulatedRow], why_not: str) -> EngineBoard:
    """Return the verdict on a board; runs: by core. why_not: why there may be none of its core."""
    run = runs.get(core_of(board))
    limits = {"flash_limit_bytes": board.flash_bytes, "ram_limit_bytes": board.ram_bytes}
    if run is None:
        reason = why_not or f"nothing here emulates its core, {board.core}"
        return EngineBoard(board=key, title=board.title, fits=None, reason=reason, **limits)
    time = from_instructions(run.instructions, board)
    flash, ram = run.flash_bytes + board.core_flash_bytes, run.ram_bytes + board.core_ram_bytes
    if run.features:
        flash, ram = flash + run.features.flash_bytes, ram + run.features.ram_bytes
    return EngineBoard(
        board=key,
        title=board.title,
        fits=flash <= board.flash_bytes and ram <= board.ram_bytes,
        flash_bytes=flash,
        ram_bytes=ram,
        milliseconds=time.milliseconds,
        low=time.low,
        high=time.high,
        **limits,
    )
