"""The best network of a search within limits, as a plain recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from edgeforge.bundled import bundled
from edgeforge.errors import BudgetExceeded, RecipeError, some
from edgeforge.files import write_whole
from edgeforge.inputs.regular import open_regular, require_replaceable
from edgeforge.recipe.load import LoadedRecipe, changed_values, load_recipe
from edgeforge.recipe.sections.search import FIGURES, is_figure
from edgeforge.recipe.user_files import user_files
from edgeforge.recipe.yaml_lines import parse_value
from edgeforge.search.figures import over, shown
from edgeforge.search.outcome import Outcome, Row, cost
from edgeforge.search.space import Space
from edgeforge.suggest import nearest

HEAD = "# Network "  # begins what `write_best` writes


def read_limits(given: list[str]) -> dict[str, float]:
    """Return the limits of `--limits arena_bytes=40000`. Raises RecipeError."""
    found: dict[str, float] = {}
    for text in given:
        for one in text.split(","):
            name, equals, value = one.strip().partition("=")
            if not equals or not is_figure(name):
                wrong = f"{name!r} is no figure{nearest(name, FIGURES)}" if equals else "not of the form figure=value"
                raise RecipeError(
                    f"--limits {one}: {wrong}",
                    fix=f"for instance --limits arena_bytes=40000; figures: {', '.join(FIGURES)}",
                )
            number = parse_value(value, "--limits")
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise RecipeError(
                    f"--limits {one}: {value!r} is no number", fix="for instance --limits arena_bytes=40000"
                )
            found[name] = float(number)
    return found


def best(outcome: Outcome, limits: Mapping[str, float]) -> Row:
    """Return the network within limits that is best in the first figure searched for, of equal ones in the next.

    Raises BudgetExceeded when there is none, RecipeError when no trial has ended.
    """
    done = [row for row in outcome.rows if row.state == "done"]
    if not outcome.ended:
        raise RecipeError(
            f"the search {outcome.name} has no finished trial", fix="run it first: edgeforge search RECIPE"
        )
    fitting = [row for row in done if not over(row.figures, dict(limits))]
    if not fitting:
        near = Outcome(**vars(outcome) | {"limits": outcome.limits | dict(limits)}).nearest_misses()
        raise BudgetExceeded(
            "\n".join((f"none of the {len(done)} networks is within these limits together", *near)),
            fix="raise the limits, or search on with more trials: --set search.trials=100",
        )
    return min(fitting, key=lambda row: (*(cost(name, row.figures[name]) for name in outcome.figures), row.number))


def write_best(space: Space, row: Row, path: Path) -> LoadedRecipe:
    """Write the recipe of a trial without its search, and return it: it builds what the trial has built.

    Raises RecipeError for a file that is there and is none of a search, and for a folder where the recipe would not
    find the files that it names.
    """
    source, boards = space.loaded.path, space.loaded.recipe.boards
    values = changed_values(source, (*space.overrides, *row.changes))
    values.pop("search", None)
    values["name"] = f"{space.loaded.recipe.name[:35]}-best"
    if boards:  # those of --board-file too
        values["boards"] = {key: one.model_dump(mode="json", exclude_defaults=True) for key, one in boards.items()}
    require_replaceable(path)
    if path.exists() and not _begins(path, HEAD.encode()):
        raise RecipeError(f"{path} is there already, and no search has written it", fix="name another file with --to")
    beside = [] if path.parent.resolve() == source.parent.resolve() else _relative_files(space, row, values)
    if beside:
        raise RecipeError(
            f"--to {path}: the recipe would not find {some(beside)} there", fix=f"name a file in {source.parent}"
        )
    figures = ", ".join(f"{name} {shown(name, value)}" for name, value in row.figures.items())
    head = f"{HEAD}{row.number} of the search in {source.name}.\n# On the validation images and its board: {figures}\n"
    write_whole(path, head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110))
    return load_recipe(path)


def _begins(path: Path, words: bytes) -> bool:
    with open_regular(path, "name another file with --to") as file:
        return file.read(len(words)) == words


def _relative_files(space: Space, row: Row, values: dict[str, Any]) -> list[str]:
    """Return the files of one's own that a recipe names by their place beside it."""
    named = [text for text in _texts(values) if Path(text).is_absolute()]
    own = [path for path in user_files(space.recipe(row.changes)).values() if path.parent != bundled("models")]
    return [
        str(path) for path in own if not any(one.startswith(str(path)) or path.is_relative_to(one) for one in named)
    ]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
