"""The verb on boards: those that EdgeForge knows, and a person's own."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from edgeforge.cli.app import BoardFile, Debug, app
from edgeforge.errors import RecipeError

ADDED = Path("my-boards.toml")
MOST = 2**32 - 1  # bytes that a board can address
NEEDED = {  # field of Board: the option that gives it, and what is asked for
    "title": ("--title", "What it is called"),
    "core": ("--core", "Processor core, such as cortex-m0plus, cortex-m4f, cortex-m7, cortex-m33, xtensa-lx7"),
    "clock_mhz": ("--clock-mhz", "Clock in MHz"),
    "flash_bytes": ("--flash-bytes", "Flash in bytes that a sketch may fill"),
    "ram_bytes": ("--ram-bytes", "RAM in bytes that a sketch may fill"),
    "core_flash_bytes": ("--core-flash-bytes", "Flash in bytes that the Arduino core or your own program takes of it"),
    "core_ram_bytes": ("--core-ram-bytes", "RAM in bytes that it takes, stack and heap included"),
    "source": ("--source", "Where these figures are from: a datasheet, a linker script"),
}
NUMBERS = [name for name in NEEDED if name.endswith(("_bytes", "_mhz"))]


@app.command()
def boards(
    name: Annotated[
        str | None, typer.Argument(metavar="BOARD", help="Show one, with its sources.", show_default=False)
    ] = None,
    board_file: BoardFile = None,
    add: Annotated[
        str | None, typer.Option("--add", metavar="NAME", help="Write a board of your own into --board-file.")
    ] = None,
    like: Annotated[
        str | None, typer.Option(metavar="BOARD", help="With --add: what is not said is as that board's.")
    ] = None,
    title: Annotated[str | None, typer.Option(help="With --add, as the next ones: what it is called.")] = None,
    core: Annotated[str | None, typer.Option(metavar="CORE", help="Such as cortex-m4f.")] = None,
    clock_mhz: Annotated[
        int | None, typer.Option("--clock-mhz", min=1, max=100_000, metavar="MHZ", help="Its clock.")
    ] = None,
    flash_bytes: Annotated[
        int | None, typer.Option("--flash-bytes", min=1, max=MOST, metavar="N", help="That a sketch may fill.")
    ] = None,
    ram_bytes: Annotated[
        int | None, typer.Option("--ram-bytes", min=1, max=MOST, metavar="N", help="That a sketch may fill.")
    ] = None,
    core_flash_bytes: Annotated[
        int | None,
        typer.Option("--core-flash-bytes", min=0, max=MOST, metavar="N", help="What the Arduino core takes of it."),
    ] = None,
    core_ram_bytes: Annotated[
        int | None,
        typer.Option("--core-ram-bytes", min=0, max=MOST, metavar="N", help="What the Arduino core takes of it."),
    ] = None,
    fqbn: Annotated[str | None, typer.Option(help="Its name for arduino-cli: packager:architecture:board.")] = None,
    source: Annotated[str | None, typer.Option(help="Where these figures are from.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """List the boards that a recipe may target, show one with its sources, or write one of your own.

    What --add is not told it asks for, on a terminal; else it exits with 2 and names the options that are missing.

    Examples:

      edgeforge boards

      edgeforge boards stm32-nucleo-l4r5zi

      edgeforge boards --add my-board --like arduino-nano-33-ble --title Mine --source "its datasheet"

      edgeforge fit model.tflite --board my-board --board-file my-boards.toml
    """
    from edgeforge.cli.progress import print_board, print_boards
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.hardware.boards import all_boards, board

    given = {"title": title, "core": core, "clock_mhz": clock_mhz, "flash_bytes": flash_bytes,
             "ram_bytes": ram_bytes, "core_flash_bytes": core_flash_bytes, "core_ram_bytes": core_ram_bytes,
             "fqbn": fqbn, "source": source}  # fmt: skip
    told = {key: value for key, value in given.items() if value is not None}
    if add is not None:
        _add(add, board_file or ADDED, like, told)
        return
    if told or like is not None:
        option = f"--{next(iter(told), 'like').replace('_', '-')}"
        raise RecipeError(f"{option} says something of a board to write", fix="name it: --add NAME")
    own = own_boards(board_file)
    found = {name: board(name, own)} if name else all_boards(own)
    if json:
        from json import dumps

        print(dumps({key: one.model_dump() for key, one in found.items()}, indent=1))
    elif name:
        print_board(name, found[name])
    else:
        print_boards(found)


def _add(name: str, path: Path, like: str | None, given: dict[str, Any]) -> None:
    from edgeforge.hardware.board_file import add_board, as_board, own_boards
    from edgeforge.hardware.boards import board

    facts: dict[str, Any] = {}
    if like is not None:
        other = board(like, own_boards(path) if path.exists() else {})
        facts = other.model_dump(exclude_defaults=True)
        facts |= {"title": name, "source": f"as {other.title}", "core_source": f"as {other.title}"}
    facts |= given
    absent = [key for key in NEEDED if key not in facts]
    if absent and not sys.stdin.isatty():
        raise RecipeError(
            f"of the board '{name}' is not said: {', '.join(NEEDED[key][0] for key in absent)}",
            fix="give these options, or --like BOARD; on a terminal they are asked for",
        )
    for key in absent:
        facts[key] = typer.prompt(NEEDED[key][1], type=int if key in NUMBERS else str)
    add_board(path, name, as_board(name, facts))
    print(f"{path} has the board {name}; use it by: edgeforge fit MODEL --board {name} --board-file {path}")
