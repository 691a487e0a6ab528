"""The space of a search: which values Optuna may choose, and what they change in the recipe."""

from __future__ import annotations

import json
import random
from functools import cached_property
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.recipe.load import LoadedRecipe, load_recipe
from edgeforge.recipe.network_source import check_networks
from edgeforge.recipe.sections.search import Range, Search
from edgeforge.recipe.user_files import user_files

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

COMPANIONS = 20  # combinations in which a value is tried that makes no sense by itself
DIGITS = 4  # of a number from a range: it stands in the recipe that is written
SEARCHING = ("on_misfit=report",)  # a trial's boards are limits, whose figures are wanted too


class Space:
    """The values of `search.over`, as Optuna's distributions and as changes such as `--set` takes.

    A value of a list is its JSON text, as Optuna stores texts and numbers only.
    """

    def __init__(self, loaded: LoadedRecipe, overrides: tuple[str, ...] = ()) -> None:
        assert loaded.recipe.search
        self.loaded, self.overrides = loaded, overrides
        self.search: Search = loaded.recipe.search

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """Optuna's, by the recipe's key."""
        from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

        found: dict[str, BaseDistribution] = {}
        for key, values in self.search.over.items():
            if isinstance(values, list):
                found[key] = CategoricalDistribution([json.dumps(value) for value in values])
            elif values.whole:
                found[key] = IntDistribution(int(values.low), int(values.high), step=int(values.step or 1))
            else:
                found[key] = FloatDistribution(values.low, values.high, log=values.log, step=values.step)
        return found

    @cached_property
    def combinations(self) -> list[dict[str, Any]] | None:
        """All of them in an order that the seed decides, where no more than the trials are asked for."""
        values = {key: _all_values(one) for key, one in self.search.over.items()}
        known = {key: one for key, one in values.items() if one is not None}
        if len(known) < len(values) or prod(map(len, known.values())) > self.search.trials:
            return None
        found = [dict(zip(known, one, strict=True)) for one in product(*known.values())]
        random.Random(self.loaded.recipe.seed).shuffle(found)
        return found

    @property
    def trials(self) -> int:
        """How many there are: all combinations, where these are fewer than the trials asked for."""
        return len(self.combinations) if self.combinations is not None else self.search.trials

    @property
    def own(self) -> dict[str, Any] | None:
        """The recipe's own values, where all of them can be tried."""
        recipe: Any = self.loaded.recipe.model_dump(mode="json")
        found: dict[str, Any] = {}
        for key, values in self.search.over.items():
            value = recipe
            for part in key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if isinstance(values, list):
                if value not in values:
                    return None
                found[key] = json.dumps(values[values.index(value)])
            elif isinstance(value, bool) or not isinstance(value, int | float) or not values.holds(value):
                return None
            else:
                found[key] = int(value) if values.whole else float(value)
        return found

    def changes(self, chosen: dict[str, Any]) -> tuple[str, ...]:
        """Return `key=value` of what Optuna has chosen."""
        return tuple(f"{key}={self._text(key, value)}" for key, value in chosen.items())

    def recipe(self, changes: tuple[str, ...], *more: str) -> LoadedRecipe:
        """Return the recipe of a trial. Raises RecipeError for values that do not go together."""
        return load_recipe(self.loaded.path, (*self.overrides, *changes, *more), self.loaded.recipe.boards)

    def check(self) -> None:
        """Raise RecipeError, at its line, for a key or a value that no trial can have."""
        search = self.search
        if self.loaded.recipe.data.validation == 0:
            raise RecipeError(
                f"{self.loaded.where('data.validation')}: 0 leaves a search nothing to choose by",
                fix="set data.validation, for instance 0.1",
            )
        if not self.loaded.recipe.targets:
            raise RecipeError(
                f"{self.loaded.where('search')}: no board is named, whose arena and flash would count",
                fix="name it under targets; `edgeforge boards` lists them",
            )
        if search.board is not None and search.board not in self.loaded.recipe.targets:
            raise RecipeError(
                f"{self.loaded.where('search.board')}: {search.board} is none of targets",
                fix=f"add it there, or name one of: {', '.join(self.loaded.recipe.targets)}",
            )
        for key, values in search.over.items():
            for value in values if isinstance(values, list) else values.samples:
                self._check(key, json.dumps(value) if isinstance(values, list) else value)

    def _check(self, key: str, value: Any) -> None:
        """Try a value by itself, then beside values of the other keys."""
        chances = random.Random(0)
        first: RecipeError | None = None
        for turn in range(COMPANIONS + 1):
            others = {} if turn == 0 else {name: _any_value(one, chances) for name, one in self.search.over.items()}
            try:
                loaded = self.recipe(self.changes(others | {key: value}))
                check_networks(loaded, user_files(loaded))
                return
            except RecipeError as error:
                first = first or error
        assert first
        said = first.reason.splitlines()[0].partition(": ")[2]
        where = self.loaded.origin.get(("search", "over", key)) or self.loaded.origin.get(("search",), "search")
        raise RecipeError(f"{where}: search.over: {self._text(key, value)} cannot be tried: {said}", fix=first.fix)

    def _text(self, key: str, value: Any) -> str:
        values = self.search.over[key]
        if isinstance(values, list):
            return _yaml(json.loads(value))
        return _yaml(value if values.whole or values.step else _rounded(value, values))


def _all_values(values: list[Any] | Range) -> list[Any] | None:
    return [json.dumps(one) for one in values] if isinstance(values, list) else values.values


def _any_value(values: list[Any] | Range, chances: random.Random) -> Any:
    return chances.choice(_all_values(values) or (values.samples if isinstance(values, Range) else []))


def _rounded(value: float, values: Range) -> float:
    return min(max(float(f"{value:.{DIGITS}g}"), values.low), values.high)


def _yaml(value: Any) -> str:
    """Return a value as YAML reads it again: JSON, but that YAML takes 1e-05 for a word."""
    if isinstance(value, float):
        text = repr(value)
        return text.replace("e", ".0e") if "e" in text and "." not in text else text
    return json.dumps(value)
