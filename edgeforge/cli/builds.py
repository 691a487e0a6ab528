"""Verbs on recipes and builds."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from edgeforge.cli.app import BoardFile, Debug, Out, app

if TYPE_CHECKING:
    from edgeforge.recipe.load import LoadedRecipe


RecipePath = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe for this build: --set train.epochs=1"),
]
Until = Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")]
Force = Annotated[
    list[str] | None,
    typer.Option("--force", metavar="STAGE", help="Run this stage, and what depends on it, again."),
]


@app.command()
def build(
    recipe: RecipePath,
    overrides: Overrides = None,
    until: Until = None,
    force: Force = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Stages at once; timing stages always run alone.")] = 2,
    board_file: BoardFile = None,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Build a recipe: train, quantize, export, measure, pack and report; only what has changed is run.

    Examples:

      edgeforge build recipes/digits.yaml

      edgeforge build recipes/mnist.yaml --set train.epochs=1 --until onnx
    """
    from edgeforge.cli.progress import ConsoleWatcher
    from edgeforge.cli.reports import print_build
    from edgeforge.pipeline import build as build_recipe
    from edgeforge.results.files import JSON_FILE

    loaded = _load(recipe, overrides, board_file)
    with ConsoleWatcher() as watcher:
        result = build_recipe(loaded, out, watcher, jobs=jobs, until=until, force=tuple(force or ()))
    if (result.folder / JSON_FILE).exists() and not until:
        print_build(result.folder)
    watcher.summary(result)


@app.command()
def plan(
    recipe: RecipePath,
    overrides: Overrides = None,
    until: Until = None,
    force: Force = None,
    fit: Annotated[
        bool, typer.Option("--fit", help="Ask of the untrained network whether it fits its boards: some seconds.")
    ] = False,
    board_file: BoardFile = None,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Show what a build would run, what is in the store, and why; with --fit also whether it will fit its boards.

    Examples:

      edgeforge plan recipes/digits.yaml --set quantize.calibration.samples=100

      edgeforge plan recipes/digits.yaml --fit
    """
    from edgeforge.builder.run import Watcher
    from edgeforge.cli.progress import print_plan
    from edgeforge.pipeline import plan_build, trial_fit

    loaded = _load(recipe, overrides, board_file)
    print_plan(plan_build(loaded, out, until=until, force=tuple(force or ())))
    if fit:
        from edgeforge.guards.terminal import Terminal
        from edgeforge.report.fit.table import print_fit
        from edgeforge.targets.fit.judge import require_fit

        rows = trial_fit(loaded, out, Watcher())
        if rows:
            print_fit(rows, Terminal(highlight=False), f"{loaded.recipe.name}, before training")
            require_fit(rows)
        else:
            print("Nothing can be said before the build: this model is not trained, or not by the direct converter.")


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The recipe to write.")] = Path("recipe.yaml"),
    template: Annotated[
        str | None, typer.Option(help="Which ready recipe to begin with; default: digits, or that of the data.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Your model: path/to/file.py:Class, or file.onnx.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Your data: a folder with a folder a class (images, csv of a sensor, wav), or of images and masks; a "
            ".csv, an .npz."
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(metavar="1|3", min=1, max=3, help="Of images that are gray and in colour.")
    ] = None,
    rate_hz: Annotated[
        float | None, typer.Option(min=0.01, max=1e6, help="Of a sensor, where no column says the time.")
    ] = None,
    rows: Annotated[bool, typer.Option("--rows", help="Each line of a table is an input of its own.")] = False,
    task: Annotated[
        Literal["classes", "value", "binary"] | None, typer.Option(help="What labels are that are numbers.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(help="To begin with: a state dict's file, timm/NAME or torchvision/NAME.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented recipe to begin with, and the schema that editors check it by.

    Size, channels and classes are read from the data, normalisation from weights that go by a name. What neither
    says is asked for.

    Examples:

      edgeforge init my.yaml --model my_net.py:MyNet

      edgeforge init my.yaml --model my_net.py --data photos/

      edgeforge init motions.yaml --data recordings/

      edgeforge init my.yaml --weights timm/mobilenetv3_small_050 --data photos/
    """
    from edgeforge.recipe.init import as_typed, write_recipe
    from edgeforge.recipe.schema import Normalize, is_named

    ask = _ask if sys.stdin.isatty() and sys.stderr.isatty() else None
    normalize = None
    if weights and is_named(weights):  # its library is asked, which takes seconds
        from edgeforge.train.network.named_weights import known_weights

        known = known_weights(weights, "--weights")
        normalize = Normalize(mean=known.mean, std=known.std)
    write_recipe(
        path, template=template, model=model, data=data, channels=channels, rate_hz=rate_hz, rows=rows,
        task=task, weights=weights, normalize=normalize, force=force, ask=ask,
    )  # fmt: skip
    print(f"{path} is written; edit it, then: edgeforge build {as_typed(path)}")


def _ask(question: str, answers: Sequence[str]) -> str:
    from rich.prompt import Prompt

    return Prompt.ask(question, choices=list(answers))


@app.command()
def schema(debug: Debug = False) -> None:
    """Print the recipe's JSON Schema: what editors check and complete a recipe by.

    `edgeforge init` writes it beside the recipe, and names it in the recipe's first line.

    Example:

      edgeforge schema > edgeforge.schema.json
    """
    from edgeforge.recipe.init import schema as json_schema

    print(json_schema(), end="")


@app.command()
def clean(
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Remove what no build has used for so long: 12h, 30d, 8w.")
    ] = None,
    keep_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="Remove the longest unused until the store is so small: 500MB, 5GB."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go; remove nothing.")] = False,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Remove what no build needs from the store; never what the newest build of a recipe needs.

    Without a limit it only says what is there, and clears away what killed builds have left half-written.
    Remove a build's folder first if its artifacts may go too.

    Examples:

      edgeforge clean --older-than 30d

      edgeforge clean --keep-size 5GB --dry-run
    """
    from time import time

    from edgeforge.builder import clean as store
    from edgeforge.cli.cleaning import console_waiting, print_cleaning

    limits = store.Limits(
        older_than=store.seconds_of(older_than) if older_than is not None else None,
        keep_size=store.bytes_of(keep_size) if keep_size is not None else None,
    )
    now = time()
    done = store.plan_cleaning(out, limits, now) if dry_run else store.clean(out, limits, now, console_waiting)
    print_cleaning(done, now, dry_run=dry_run)


@app.command()
def doctor(debug: Debug = False) -> None:
    """Say what is installed, what is missing, what to do about it, and which runtimes compute rightly on this desk."""
    from edgeforge.cli.progress import print_diagnosis, quiet_bar
    from edgeforge.doctor import diagnose, diagnose_arithmetic

    complete = print_diagnosis(diagnose())
    rows = []
    with quiet_bar("Checking int8 arithmetic") as progress:
        for number, more in enumerate(diagnose_arithmetic(), start=1):
            rows += more
            progress(number / 4, ", ".join(row.what for row in more))
    print_diagnosis(rows)
    if not complete:
        raise typer.Exit(3)


def _load(path: Path, overrides: list[str] | None, board_file: Path | None) -> LoadedRecipe:
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.recipe.load import load_recipe

    return load_recipe(path, tuple(overrides or ()), own_boards(board_file))
