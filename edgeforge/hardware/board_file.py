"""A person's own boards: a TOML file like `boards.toml`, read, and written by `edgeforge boards --add`."""

from __future__ import annotations

import json
import shlex
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edgeforge.errors import RecipeError
from edgeforge.files import write_whole
from edgeforge.foreign.validation import FORMS, choices, shortened, wanted
from edgeforge.foreign.wording import cause, remedy
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import boards
from edgeforge.inputs.regular import named, read_text
from edgeforge.inputs.sizes import KIND
from edgeforge.suggest import nearest, nearest_file

FIX = "`edgeforge boards --add NAME --board-file my.toml` writes one as it must be"


def read_board_file(path: Path) -> dict[str, Board]:
    """Return the boards of a file by name: a table each, with the keys of `boards.toml`.

    Raises RecipeError with one line a mistake, which names file, board and key.
    """
    if not path.exists():
        reason = f"--board-file {named(path)}: there is no such file{nearest_file(path)}"
        fix = f"check the path, or write one: edgeforge boards --add NAME --board-file {shlex.quote(named(path))}"
        raise RecipeError(reason, fix=fix)
    try:
        tables = tomllib.loads(read_text(path, "name a file of boards; " + FIX, KIND["recipe"]))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: {cause(error)}", fix=remedy(error, FIX)) from error
    if not tables:
        raise RecipeError(f"{path} has no board", fix=FIX)
    found, wrong = {}, []
    for name, table in tables.items():
        if name in boards():
            wrong.append(f"{path}: {name}: EdgeForge knows a board of that name already; call yours my-{name}")
            continue
        try:
            found[name] = as_board(name, table)
        except RecipeError as error:
            wrong += [f"{path}: {line}" for line in error.reason.splitlines()]
    if wrong:
        raise RecipeError("\n".join(wrong), fix=f"mend the file; {FIX}")
    return found


def as_board(name: str, table: Any) -> Board:
    """Return a board of a table of its keys. Raises RecipeError with one line a mistake: `board.key: what is wrong`."""
    try:
        return Board.model_validate(table)
    except ValidationError as error:
        lines = [_mistake(name, problem) for problem in error.errors()]
        raise RecipeError("\n".join(lines), fix=f"mend these; {FIX}") from None


def _mistake(name: str, problem: Any) -> str:
    """Return `board.key: what is wrong` of one of pydantic's errors."""
    key, kind, value = ".".join(map(str, problem["loc"])), problem["type"], problem["input"]
    if kind == "value_error":
        return f"{name}: {problem['ctx']['error']}"
    if not key:
        return f"{name}: {shortened(value)} is no board; write [{name}] and its keys below"
    where = f"{name}.{key}"
    if kind == "missing":
        return f"{where}: this key is missing"
    if kind == "extra_forbidden":
        return f"{where}: unknown key{nearest(key, Board.model_fields)}"
    if kind == "literal_error":
        return f"{where}: {shortened(value)} is not valid{nearest(str(value), choices(problem))}"
    if isinstance(value, str) and key in FORMS:
        return f"{where}: {shortened(value)}: write {FORMS[key]}"
    return f"{where}: {shortened(value)}: give {wanted(problem)}"


def own_boards(path: Path | None) -> Mapping[str, Board]:
    """Return the boards of `--board-file`; none where none is named."""
    return read_board_file(path) if path else {}


def add_board(path: Path, name: str, board: Board) -> None:
    """Write a board at the end of a file, or a new file. Raises RecipeError where that cannot be."""
    there = read_board_file(path) if path.exists() else {}
    if name in there or name in boards():
        where = path if name in there else "EdgeForge"
        raise RecipeError(f"{where} has a board '{name}' already", fix="name another, or edit the file")
    before = read_text(path).rstrip("\n") + "\n\n" if there else ""
    try:
        write_whole(path, (before + as_toml(name, board)).encode())
    except OSError as error:
        raise RecipeError(f"{path}: cannot be written: {cause(error)}", fix="name another with --board-file") from error


def as_toml(name: str, board: Board) -> str:
    """Return a board as a table of TOML; what is empty is left out."""
    lines = [f"[{name if name.replace('-', '').replace('_', '').isalnum() else _string(name)}]"]
    for key, value in board.model_dump(exclude_none=True).items():
        if value != "":
            lines.append(f"{key} = {f'{value:_}' if isinstance(value, int) else _string(value)}")
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    """Return a basic string of TOML: one of JSON, but that DEL is escaped, too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
