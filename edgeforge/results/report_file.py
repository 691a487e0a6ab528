"""report.json and report.html of a build folder."""

from __future__ import annotations

from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.results.files import EARLIER, JSON_FILE
from edgeforge.results.rows.report import Report


def read_report(path: Path) -> Report:
    """Return the report of a build folder, or of a report.json. Raises RecipeError when there is none."""
    file = path / JSON_FILE if path.is_dir() else path
    if not file.exists():
        if (earlier := file.parent / EARLIER / JSON_FILE).is_file():
            raise RecipeError(
                f"{file.parent}: its last build has not come to its report",
                fix=f"edgeforge build RECIPE; an earlier build's: edgeforge report {earlier.parent}",
            )
        raise RecipeError(f"{file}: no report there", fix="build the recipe first: edgeforge build RECIPE")
    try:
        return Report.model_validate_json(read_regular(file, "name a build folder", KIND["text"]))
    except ValueError as error:
        raise RecipeError(f"{file} is no report of this version of EdgeForge", fix="build the recipe again") from error


def build_folder(name: str, out: Path) -> Path:
    """Return the build that `name` means: a build folder (or a report.json), or a recipe's name below `out`.

    One that has come to its report is preferred. Raises RecipeError where there is neither.
    """
    places = (Path(name), out / name)
    for holds_one in (lambda path: (path / JSON_FILE).is_file(), Path.exists):
        if found := next(filter(holds_one, places), None):
            return found
    raise RecipeError(
        f"{name}: neither a build folder nor a recipe's name under {out}",
        fix="edgeforge build RECIPE; `edgeforge list` shows which there are",
    )
