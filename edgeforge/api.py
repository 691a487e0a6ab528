"""The public Python API: what the command line does, from a notebook or a script.

    from edgeforge.api import build, read_report

    result = build("recipes/digits.yaml", changes={"train.epochs": 6})
    print(read_report(result.folder).variants[0].metrics.top1)

Every mistake is an `EdgeForgeError` with `reason` and `fix`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from edgeforge import pipeline
from edgeforge.builder.run import Watcher
from edgeforge.errors import EdgeForgeError
from edgeforge.pipeline import Result
from edgeforge.recipe.load import load_recipe

__all__ = ["EdgeForgeError", "Result", "build", "read_report", "show"]


class PrintingWatcher(Watcher):
    """Prints a line when a stage ends."""

    def finished(self, stage: str, seconds: float) -> None:
        """Print the stage and how long it took."""
        print(f"{stage:<18} {seconds:6.1f} s")

    def notice(self, text: str) -> None:
        """Print the notice."""
        print(text)


def build(
    recipe: str | Path,
    out: str | Path = "build",
    *,
    changes: Mapping[str, Any] | None = None,
    until: str | None = None,
    jobs: int = 2,
    watcher: Watcher | None = None,
) -> Result:
    """Build a recipe as `edgeforge build` does; return its folder and each stage's artifact.

    changes: keys of the recipe and their values, such as {"train.epochs": 1}. until: the last stage wanted.
    """
    texts = (f"{key}={yaml.safe_dump(value, default_flow_style=True)}" for key, value in (changes or {}).items())
    loaded = load_recipe(Path(recipe), tuple(texts))
    return pipeline.build(loaded, Path(out), watcher or PrintingWatcher(), jobs=jobs, until=until)


def read_report(folder: str | Path) -> Any:
    """Return the report (`results.report.Report`) of a build folder."""
    from edgeforge.results.report_file import read_report as read

    return read(Path(folder))


def show(folder: str | Path, width: int = 110) -> None:
    """Print the report of a build folder as tables."""
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.table import print_report

    print_report(read_report(folder), Terminal(width=width, force_jupyter=False))
