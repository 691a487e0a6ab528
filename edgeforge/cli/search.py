"""The verb that searches for networks."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeforge.cli.app import BoardFile, Debug, Out, app
from edgeforge.cli.builds import Overrides, RecipePath
from edgeforge.errors import RecipeError
from edgeforge.guards.terminal import printable

if TYPE_CHECKING:
    from edgeforge.search.outcome import Outcome


@app.command()
def search(
    recipe: RecipePath,
    overrides: Overrides = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Of the study: postgresql://…, or a journal's file; default: in the build folder."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Trials at once on this machine.")] = 1,
    artifacts: Annotated[
        str | None, typer.Option(metavar="FOLDER|URL", help="Where what the trials made is copied, for other machines.")
    ] = None,
    best: Annotated[bool, typer.Option("--best", help="Write the best network's recipe; search no further.")] = False,
    limits: Annotated[
        list[str] | None, typer.Option("--limits", metavar="FIGURE=MOST", help="With --best: arena_bytes=40000")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="With --best: default NAME-best.yaml.")] = None,
    reports: Annotated[bool, typer.Option(help="Build the front's networks whole at the end.")] = True,
    board_file: BoardFile = None,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Search for the networks that are best within a board's limits, over the keys of the recipe's `search`.

    Whether a network fits is known before it trains. Ctrl-C keeps what is done; the same command goes on.

    Examples:

      edgeforge search recipes/digits_search.yaml --workers 2

      edgeforge search recipes/digits_search.yaml --best --limits arena_bytes=4000

      edgeforge search recipes/digits_search.yaml --storage postgresql://user@host/searches
    """
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.pipeline import BuildFolder
    from edgeforge.recipe.load import load_recipe
    from edgeforge.search.best import best as best_of
    from edgeforge.search.best import read_limits, write_best
    from edgeforge.search.outcome import look
    from edgeforge.search.run import Place, build_front, start_workers, stop_workers, watch_parent, work
    from edgeforge.search.space import Space
    from edgeforge.search.storage.artifacts import Artifacts
    from edgeforge.search.study import Study

    given = tuple(overrides or ())
    loaded = load_recipe(recipe, given, own_boards(board_file))
    if loaded.recipe.search is None:
        raise RecipeError(
            f"{recipe}: the recipe has no search",
            fix="add one, for instance: search: {over: {train.lr: {log: [1.0e-4, 1.0e-2]}}}; docs/search.md has more",
        )
    if (limits or to) and not best:
        raise RecipeError("--limits and --to belong to --best", fix="add --best; a search's limits stand in the recipe")
    space, place = Space(loaded, given), Place(out, storage, artifacts)
    if best:
        folder = place.folder(loaded.recipe.name)
        if storage is None and not folder.exists():
            raise RecipeError(f"{folder}: no such search", fix=f"run it first: edgeforge search {recipe}")
        row = best_of(look(Study(space, storage, folder)), read_limits(limits or []))
        path = to or recipe.with_name(f"{loaded.recipe.name}-best.yaml")
        chosen = write_best(space, row, path)
        print(f"{path} is written: network {row.number}; build it: edgeforge build {path} --out {out}")
        if fetched := Artifacts(artifacts, BuildFolder(out, "").store).get(chosen, out):
            print(f"  fetched, and not made again: {', '.join(fetched)}")
        return
    space.check()
    watch_parent()
    console = _Console()
    helpers = start_workers(workers - 1, _command(recipe, given, storage, artifacts, board_file, out))
    try:
        study = work(space, place, console.say, console.told)
    finally:
        stop_workers(helpers)
    if reports and not _is_worker():
        from edgeforge.cli.progress import ConsoleWatcher

        with ConsoleWatcher() as watcher:
            console.told(build_front(study, place, watcher))
    console.end(look(study), place.folder(loaded.recipe.name))


def _command(
    recipe: Path, given: tuple[str, ...], storage: str | None, artifacts: str | None, board_file: Path | None, out: Path
) -> list[str]:
    words = ["search", str(recipe), "--out", str(out), "--no-reports"]
    for change in given:
        words += ["--set", change]
    options = {"--storage": storage, "--artifacts": artifacts, "--board-file": board_file}
    for option, value in options.items():
        words += [option, str(value)] if value is not None else []
    return words


def _is_worker() -> bool:
    import os

    from edgeforge.search.run import WORKER

    return WORKER in os.environ


class _Console:
    """A line for every trial that has ended."""

    def __init__(self) -> None:
        self.known: set[int] = set()
        self.begun = time.perf_counter()

    def say(self, number: int, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\x1b[2K{printable(f'{number}: {text}')[:90]}", end="", file=sys.stderr, flush=True)

    def told(self, outcome: Outcome) -> None:
        from edgeforge.builder.estimate import in_words
        from edgeforge.search.figures import shown

        for row in outcome.rows:
            if row.number in self.known or row.state in ("running", "waiting"):
                continue
            self.known.add(row.number)
            figures = ", ".join(
                f"{name} {shown(name, row.figures[name])}" for name in outcome.figures if name in row.figures
            )
            left = f"; about {in_words(outcome.left)} left" if outcome.left and outcome.ended < outcome.asked else ""
            why = f": {row.reason}" if row.reason else ""
            clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
            line = f"{row.number:>4} {row.state}{why or ': ' + figures} ({outcome.ended} of {outcome.asked}{left})"
            print(f"{clear}{printable(line)}", file=sys.stderr)

    def end(self, outcome: Outcome, folder: Path) -> None:
        from edgeforge.search.figures import shown

        print(f"{outcome.name}: {outcome.ended} networks, {len(outcome.front)} on the front, "
              f"{len(outcome.refused)} refused before training")  # fmt: skip
        for row in sorted(outcome.front, key=lambda one: one.figures[outcome.figures[-1]]):
            figures = ", ".join(f"{name} {shown(name, row.figures[name])}" for name in outcome.figures)
            print(printable(f"  {row.number:>4}  {figures}  {' '.join(row.changes)}"))
        print(f"  {folder / 'index.html'}")
