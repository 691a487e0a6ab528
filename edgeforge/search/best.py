"""The best network of a search within limits, as a plain recipe."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import yaml

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.files import write_whole
from edgeforge.recipe.load import changed_values, load_recipe
from edgeforge.recipe.sections.search import Figure
from edgeforge.recipe.yaml_lines import parse_value
from edgeforge.search.figures import over, shown
from edgeforge.search.outcome import Outcome, Row, cost
from edgeforge.search.space import Space
from edgeforge.suggest import nearest


def read_limits(given: list[str]) -> dict[str, float]:
    """Return the limits of `--limits arena_bytes=40000`. Raises RecipeError."""
    known, found = get_args(Figure), {}
    for text in given:
        for one in text.split(","):
            name, equals, value = one.strip().partition("=")
            if not equals or name not in known:
                wrong = f"{name!r} is no figure{nearest(name, known)}" if equals else "not of the form figure=value"
                raise RecipeError(
                    f"--limits {one}: {wrong}",
                    fix=f"for instance --limits arena_bytes=40000; figures: {', '.join(known)}",
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


def write_best(space: Space, row: Row, path: Path) -> None:
    """Write the recipe of a trial without its search: it builds what the trial has built."""
    values = changed_values(space.loaded.path, (*space.overrides, *row.changes))
    values.pop("search", None)
    values["name"] = f"{space.loaded.recipe.name[:35]}-best"
    figures = ", ".join(f"{name} {shown(name, value)}" for name, value in row.figures.items())
    head = f"# Network {row.number} of the search in {space.loaded.path.name}.\n"
    head += f"# On the validation images and its board: {figures}\n"
    write_whole(path, head + yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=110))
    load_recipe(path)
