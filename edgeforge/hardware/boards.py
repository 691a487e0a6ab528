"""The boards that EdgeForge knows: `boards.toml`, and those that a recipe adds; validated when they are read."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board
from edgeforge.suggest import nearest


@cache
def boards() -> dict[str, Board]:
    """Return every board of boards.toml by its key, in the file's order."""
    tables = tomllib.loads(Path(__file__).with_name("boards.toml").read_text())
    return {key: Board.model_validate(table) for key, table in tables.items()}


def all_boards(own: Mapping[str, Board] | None = None) -> dict[str, Board]:
    """Return the boards of boards.toml and a recipe's own, whose names differ (`load_recipe` sees to that)."""
    return dict(own or {}) | boards()


def board(key: str, own: Mapping[str, Board] | None = None) -> Board:
    """Return one board. Raises RecipeError with the nearest key."""
    known = all_boards(own)
    if key not in known:
        raise RecipeError(f"'{key}' is no board{nearest(key, known)}", fix="`edgeforge boards` lists them")
    return known[key]
