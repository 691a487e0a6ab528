"""The boards that EdgeForge knows: `boards.toml`, validated when it is read."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from edgeforge.errors import RecipeError
from edgeforge.suggest import nearest


class Board(BaseModel):
    """A microcontroller board. Sizes are the whole chip's, in bytes; what the core itself takes is not counted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    fqbn: str  # fully qualified board name, as arduino-cli takes it
    core: str  # cortex-m4f, cortex-m7, xtensa-lx7, …
    clock_mhz: int = Field(gt=0)
    flash_bytes: int = Field(gt=0)
    ram_bytes: int = Field(gt=0)
    source: str  # the datasheet or core file that the figures are from


@cache
def boards() -> dict[str, Board]:
    """Return every board by its key, in the file's order."""
    tables = tomllib.loads(Path(__file__).with_name("boards.toml").read_text())
    return {key: Board.model_validate(table) for key, table in tables.items()}


def board(key: str) -> Board:
    """Return one board. Raises RecipeError with the nearest key."""
    known = boards()
    if key not in known:
        raise RecipeError(f"'{key}' is no board{nearest(key, known)}", fix="`edgeforge boards` lists them")
    return known[key]
