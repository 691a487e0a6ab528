"""Verbs on builds that are there: show one, list them, compare them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeforge.cli.app import BoardFile, Debug, OneBoard, Out, app, named_board

if TYPE_CHECKING:
    from edgeforge.report.builds import BuildRow

NAME = "A build folder, or a recipe's name under --out."


@app.command()
def report(
    name: Annotated[str, typer.Argument(help=NAME)],
    json: Annotated[bool, typer.Option("--json", help="Print report.json instead.")] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Show it in a browser on this machine, and follow a running build there.")
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Of --serve; 0: any that is free.")] = 8790,
    board: OneBoard = None,
    board_file: BoardFile = None,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Show the report of a build again, or follow a build that runs. With --board: whether it fits that one, too.

    Examples:

      edgeforge report digits

      edgeforge report build/digits --json

      edgeforge report digits --serve

      edgeforge report digits --board my-board --board-file my-boards.toml
    """
    from edgeforge.results.report_file import build_folder, read_report

    folder = build_folder(name, out)
    if board is not None or board_file is not None:
        print_board_fit(folder, board, board_file)
    elif serve:
        from edgeforge.report.serve import BuildServer

        with BuildServer(folder, port) as server:
            server.serve_until_interrupted()
    elif json:
        print(read_report(folder).model_dump_json(indent=1, ensure_ascii=True, by_alias=True))
    else:
        print_build(folder)


@app.command()
def compare(
    names: Annotated[list[str], typer.Argument(metavar="A B…", help=NAME)],
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the comparison as a page, too.")] = None,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Compare builds, variant by variant, each with the first: on the same test inputs in pairs.

    Builds of one --out share what they have in common: nothing is trained twice.

    Examples:

      edgeforge compare digits digits-wide

      edgeforge compare build/digits old/digits new/digits --html compared.html
    """
    from edgeforge.errors import RecipeError
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.comparison.judge import compare as judge
    from edgeforge.report.comparison.judge import read_build
    from edgeforge.report.comparison.page import comparison_page
    from edgeforge.report.comparison.table import comparison_table
    from edgeforge.report.page import write_page
    from edgeforge.results.report_file import build_folder

    if len(names) < 2:
        reason = f"only {names[0]} is named: a comparison takes two builds or more"
        raise RecipeError(reason, fix=f"edgeforge compare {names[0]} OTHER; `edgeforge list` shows which there are")
    folders = [build_folder(name, out) for name in names]
    plain = [(folder if folder.is_dir() else folder.parent).resolve().name for folder in folders]
    titles = plain if len({*plain}) == len(names) else names
    comparison = judge([read_build(number, *build) for number, build in enumerate(zip(titles, folders, strict=True))])
    Terminal(highlight=False).print(comparison_table(comparison))
    if html:
        write_page(comparison_page(comparison), html)
        print(f"{html} is written")


@app.command(name="list")
def list_builds(
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """List the builds below --out, the newest first: when, how good, how large.

    Example:

      edgeforge list
    """
    from edgeforge.report.builds import list_builds as below

    rows = below(out)
    if json:
        from json import dumps

        print(dumps([row.model_dump() for row in rows], indent=1))
    else:
        print_builds(rows)


def print_build(folder: Path) -> None:
    """Print a build's report."""
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.table import print_report
    from edgeforge.results.report_file import read_report

    print_report(read_report(folder), Terminal())


def print_board_fit(folder: Path, board: str | None, board_file: Path | None) -> None:
    """Print a build's report, and whether the model that it ships fits a board that the recipe need not name."""
    from edgeforge.errors import RecipeError
    from edgeforge.guards.terminal import Terminal
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.report.fit.table import print_fit
    from edgeforge.results.report_file import read_report
    from edgeforge.targets.fit.judge import fit_file

    named_board(board, board_file)
    report = read_report(folder)
    row = next((one for one in report.variants if one.name == report.shipped and one.file), None)
    if row is None or not row.file or not (folder / row.file).is_file():
        raise RecipeError(f"{folder}: it has no model for a board", fix="see the report for the reason")
    rows = fit_file(folder / row.file, str(board), own_boards(board_file))
    print_build(folder)
    print_fit(rows, Terminal(highlight=False), row.file)


def print_builds(rows: list[BuildRow]) -> None:
    """Print the builds of a folder."""
    from rich.markup import escape
    from rich.table import Table

    from edgeforge.guards.terminal import Terminal

    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("build", "finished", "ships", "accuracy", "KB", "arena"):
        table.add_column(title, justify="right" if title in ("accuracy", "KB", "arena") else "left", no_wrap=True)
    for row in rows:
        if row.state != "whole":
            table.add_row(escape(row.name), f"[dim]{escape(row.state)}[/]")
            continue
        judged = f"{row.score} RMSE" if row.judged_by.startswith("RMSE") else row.score
        size = f"{row.size_bytes / 1024:,.1f}" if row.size_bytes else "–"
        table.add_row(*map(escape, (row.name, row.finished[:16], row.shipped, judged)), size,
                      f"{row.arena_bytes:,}" if row.arena_bytes else "–")  # fmt: skip
    console = Terminal(highlight=False)
    console.print(table if rows else "no builds yet: edgeforge build RECIPE")
