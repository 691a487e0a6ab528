"""Loads a recipe: every mistake in it becomes one line that names file, line, key, value and what would be right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from edgeforge.errors import RecipeError
from edgeforge.recipe import Recipe
from edgeforge.suggest import nearest
from edgeforge.yaml_lines import KeyPath, YamlFile, read_yaml


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe and where it came from."""

    recipe: Recipe
    path: Path


def load_recipe(path: Path, overrides: tuple[str, ...] = ()) -> LoadedRecipe:
    """Return the recipe in a file, changed by overrides such as `train.epochs=1`.

    Raises RecipeError with one line a mistake.
    """
    file = read_yaml(path)
    origin = {key: f"{path}:{line}" for key, line in file.lines.items()}
    for override in overrides:
        _apply(override, file, origin)
    try:
        recipe = Recipe.model_validate(file.values)
    except ValidationError as error:
        lines = dict.fromkeys(_describe(problem, origin, path) for problem in error.errors())
        raise RecipeError("\n".join(lines), fix="mend the recipe; `edgeforge init` writes a commented one") from None
    _check_targets(recipe, origin)
    return LoadedRecipe(recipe, path)


def _apply(override: str, file: YamlFile, origin: dict[KeyPath, str]) -> None:
    """Change `file.values` by one `key.path=value`, the value written as in YAML."""
    where = f"--set {override}"
    name, equals, text = override.partition("=")
    if not equals or not name.strip():
        raise RecipeError(f"{where}: not of the form key=value", fix="for instance --set train.epochs=1")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where}: '{text}' is not YAML", fix="for instance --set train.epochs=1") from error
    keys = name.strip().split(".")
    place: dict[str, Any] = file.values
    for key in keys[:-1]:
        if not isinstance(place.get(key), dict):
            place[key] = {}
        place = place[key]
    place[keys[-1]] = value
    changed = tuple(keys)
    for location in [location for location in origin if location[: len(changed)] == changed]:
        del origin[location]
    for depth in range(1, len(keys) + 1):
        origin.setdefault(changed[:depth], where)


def _describe(problem: Any, origin: dict[KeyPath, str], path: Path) -> str:
    """Return `file:line: key: value: what is wrong (what would be right)` of one pydantic error."""
    location: KeyPath = tuple(part for part in problem["loc"])
    dotted = ".".join(map(str, location))
    where = _where(location, origin, path)
    kind, value = problem["type"], problem["input"]
    if kind == "extra_forbidden":
        known = _fields(location[:-1])
        return f"{where}: {dotted}: unknown key{nearest(str(location[-1]), known)}"
    if kind == "missing":
        return f"{where}: {dotted}: this key is missing"
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "…"
    if kind == "literal_error":
        choices = [part.strip().strip("'") for part in problem["ctx"]["expected"].replace(" or ", ", ").split(",")]
        return f"{where}: {dotted}: {shown} is not valid{nearest(str(value), choices)}"
    if kind == "model_type":
        return f"{where}: {dotted}: {shown} is no mapping of the keys {', '.join(_fields(location))}"
    if kind == "value_error":
        return f"{where}: {dotted}: {problem['ctx']['error']}"
    message = problem["msg"][0].lower() + problem["msg"][1:]
    return f"{where}: {dotted}: {shown}: {message}"


def _where(location: KeyPath, origin: dict[KeyPath, str], path: Path) -> str:
    """Return the place of a key, or of the nearest part of the recipe around it."""
    for depth in range(len(location), 0, -1):
        if location[:depth] in origin:
            return origin[location[:depth]]
    return f"{path}:1"


def _fields(location: KeyPath) -> list[str]:
    """Return the keys that a section of the recipe may have."""
    model: type[BaseModel] = Recipe
    for part in location:
        field = model.model_fields.get(str(part))
        if field is None:
            return []
        kinds = [field.annotation, *get_args(field.annotation)]
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not sections:
            return []
        model = sections[0]
    return list(model.model_fields)


def _check_targets(recipe: Recipe, origin: dict[KeyPath, str]) -> None:
    from edgeforge.targets.boards import boards

    known = boards()
    for place, name in enumerate(recipe.targets):
        if name not in known:
            where = origin.get(("targets", place)) or origin.get(("targets",), "targets")
            raise RecipeError(
                f"{where}: targets: '{name}' is no board{nearest(name, known)}",
                fix="`edgeforge boards` lists them",
            )
