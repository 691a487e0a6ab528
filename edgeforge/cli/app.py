"""The command line itself: options that verbs share, and how errors and exits are told."""

from __future__ import annotations

import io
import os
import shlex
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from edgeforge import __version__
from edgeforge.cli.words import Verbs
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.extras import missing_in
from edgeforge.foreign.wording import cause, in_words, remedy, show_originals
from edgeforge.guards.processes import MATPLOTLIB, matplotlib_folder
from edgeforge.inputs.regular import named
from edgeforge.inputs.sizes import MAX_SIZE, size_of

if TYPE_CHECKING:
    from edgeforge.hardware.board import Board

app = Verbs(
    name="edgeforge",
    help="From a PyTorch CNN to a board, proven before flashing.",
    epilog="Begin with: edgeforge init my.yaml, then: edgeforge build my.yaml",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

Out = Annotated[Path, typer.Option("--out", help="Folder of all builds and of their store.")]
InputShapes = Annotated[
    list[str] | None,
    typer.Option(
        "--shape", metavar="NAME=1,H,W,C", help="Shape of an input that the file leaves free.", show_default=False
    ),
]
BoardFile = Annotated[
    Path | None,
    typer.Option("--board-file", metavar="FILE.toml", help="Boards of your own.", show_default=False),
]
OneBoard = Annotated[
    str | None, typer.Option("--board", metavar="BOARD", help="As `edgeforge boards` lists them.", show_default=False)
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    max_size: Annotated[
        str | None, typer.Option("--max-size", metavar="SIZE", help="Of any file that is read, such as 8G.")
    ] = None,
) -> None:
    if max_size:
        os.environ[MAX_SIZE] = str(size_of(max_size, "--max-size"))  # worker processes follow it too
    os.environ.setdefault(MATPLOTLIB, matplotlib_folder())
    if version:
        print(f"edgeforge {__version__}")
        raise typer.Exit


def named_board(name: str | None, file: Path | None) -> Board | None:
    """Return the board of --board, one of --board-file perhaps; None where none is named. Raises RecipeError."""
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.hardware.boards import board

    own = own_boards(file)
    if name is None and own:
        reason = f"{file} holds {', '.join(own)}, and no --board says which"
        raise RecipeError(reason, fix=f"add --board {next(iter(own))}")
    return board(name, own) if name is not None else None


def typed(context: typer.Context) -> str:
    """Return the command that a person has typed, for messages that add to it."""
    words = ["edgeforge", context.info_name or ""]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if value is None or value is False or value == () or value == parameter.default:
            continue
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif value is True:
            words.append(parameter.opts[0])
        else:
            for one in value if isinstance(value, list | tuple) else (value,):
                words += [parameter.opts[0], str(one)]
    return shlex.join(words)


def main() -> NoReturn:
    """Run the command line; the only place that catches errors and exits."""
    code, debug = 0, "--debug" in sys.argv
    for stream in (sys.stdout, sys.stderr):  # names of files need not be UTF-8
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if debug:
        show_originals()
    try:
        code = app(standalone_mode=False) or 0  # what typer.Exit carried, 130 after Ctrl-C
    except EdgeForgeError as error:
        if debug:
            traceback.print_exc()
        told = missing_in(error) or error
        _print_error(told)
        sys.exit(told.exit_code)
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's errors of usage
            _print_usage(error)
            sys.exit(getattr(error, "exit_code", 2))
        if debug:
            traceback.print_exc()
        absent = missing_in(error)
        if absent:
            _print_error(absent)
            sys.exit(absent.exit_code)
        where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
        _print_error(EdgeForgeError(f"{where}{cause(error)}", fix=remedy(error, "--debug shows where")))
        sys.exit(EdgeForgeError.exit_code)
    if code == 130:
        print("\nInterrupted: finished stages are kept; build again to resume.", file=sys.stderr)
    sys.exit(code)


def _print_usage(error: Any) -> None:
    """Tell what is wrong with the command line itself; typer's own words where they are not known, or are its help."""
    said = in_words(error.format_message())
    if said is None:
        error.show()
        return
    words = error.ctx.command_path.split() if error.ctx else ["edgeforge"]
    verb = " ".join(("edgeforge", *words[words.index("edgeforge") + 1 :]))  # python -m edgeforge, too
    _print_error(EdgeForgeError(said.cause, fix=f"{verb} --help shows how it is used"))


def _print_error(error: EdgeForgeError) -> None:
    from rich.markup import escape

    from edgeforge.guards.terminal import Terminal

    console = Terminal(stderr=True, soft_wrap=True, highlight=False, emoji=False)  # `:m:` is no emoji
    where = f"[bold]{error.stage}:[/] " if error.stage else ""
    for line in error.reason.splitlines():
        console.print(f"[bold red]error:[/] {where}{escape(named(line))}")
    for number, line in enumerate(error.fix.splitlines()):
        console.print(f"{'' if number else '  [bold]fix:[/] '}{escape(named(line))}")
