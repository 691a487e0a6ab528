"""Loads a recipe: every mistake in it becomes one line that names file, line, key, value and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_origin

from pydantic import BaseModel, ValidationError

from edgeforge.errors import RecipeError
from edgeforge.foreign.validation import FORMS, choices, shortened, wanted
from edgeforge.hardware.board import Board
from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.sections.quantize import QDQ
from edgeforge.recipe.sections.section import types_in
from edgeforge.recipe.words import require_words
from edgeforge.recipe.yaml_lines import SHOWN, KeyPath, YamlFile, dotted, parse_value, read_yaml
from edgeforge.suggest import nearest

NAMES = (("data", "classes"), ("data", "axes"))  # of a person's own


@dataclass(frozen=True)
class LoadedRecipe:
    """A valid recipe, its file, and where each key was written (`recipe.yaml:7`, or `--set …`)."""

    recipe: Recipe
    path: Path
    origin: Mapping[KeyPath, str]

    def where(self, key: str) -> str:
        """Return `file:line: train.epochs` of a dotted key, for an error found after loading."""
        return f"{_where(tuple(key.split('.')), self.origin, self.path)}: {key}"


def load_recipe(path: Path, overrides: tuple[str, ...] = (), boards: Mapping[str, Board] | None = None) -> LoadedRecipe:
    """Return the recipe in a file, changed by overrides such as `train.epochs=1`.

    boards: those of a file of boards, for `targets` to name; they become the recipe's own where it names them.
    Raises RecipeError with one line a mistake.
    """
    file = read_yaml(path)
    origin = {key: f"{path}:{line}" for key, line in file.lines.items()}
    for override in overrides:
        _apply(override, file, origin)
    require_words(file.values, origin, path)
    _bring(boards or {}, file)
    try:
        recipe = Recipe.model_validate(file.values)
    except ValidationError as error:
        lines = [_describe(location, problems, origin, path) for location, problems in _by_key(error).items()]
        raise RecipeError("\n".join(lines), fix="mend the recipe; `edgeforge init` writes a commented one") from None
    _check_targets(recipe, origin)
    _check_library(recipe, origin)
    _check_ship(recipe, origin)
    _check_finished(recipe, origin)
    _check_raspberry_pi(recipe, origin)
    return LoadedRecipe(recipe, path, origin)


def changed_values(path: Path, overrides: tuple[str, ...]) -> dict[str, Any]:
    """Return a recipe file's own values, changed by overrides. Raises RecipeError."""
    file = read_yaml(path)
    for override in overrides:
        _apply(override, file, {})
    return file.values


def _apply(override: str, file: YamlFile, origin: dict[KeyPath, str]) -> None:
    """Change `file.values` by one `key.path=value`, the value written as in YAML."""
    where = f"--set {override if len(override) <= SHOWN else override[: SHOWN - 1] + '…'}"
    name, equals, text = override.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise RecipeError(f"{where}: not of the form key=value", fix="for instance --set train.epochs=1")
    value = parse_value(text, where)
    place: dict[str, Any] = file.values
    for depth, key in enumerate(keys[:-1], start=1):
        if not isinstance(place.get(key), dict):
            place[key] = {}
            origin[tuple(keys[:depth])] = where
        place = place[key]
    place[keys[-1]] = value
    changed = tuple(keys)
    for location in [location for location in origin if location[: len(changed)] == changed]:
        del origin[location]
    for depth in range(1, len(keys) + 1):
        origin.setdefault(changed[:depth], where)


def _bring(boards: Mapping[str, Board], file: YamlFile) -> None:
    """Write the boards that the recipe's targets name into it: so they are part of its key and of its lock file."""
    targets, own = file.values.get("targets"), file.values.get("boards")
    named = targets if isinstance(targets, list) else []
    wanted_ones = {name: one.model_dump(exclude_defaults=True) for name, one in boards.items() if name in named}
    if wanted_ones and (own is None or isinstance(own, dict)):
        file.values["boards"] = wanted_ones | (own or {})


def _by_key(error: ValidationError) -> dict[KeyPath, list[Any]]:
    """Group pydantic's errors by the recipe's key: a key that may be one of several types has one for each."""
    grouped: dict[KeyPath, list[Any]] = {}
    for problem in error.errors():
        if problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]:
            continue  # pydantic counts the valid items only; the wrong one has an error of its own
        grouped.setdefault(_key_of(problem["loc"]), []).append(problem)
    return grouped


def _key_of(location: KeyPath) -> KeyPath:
    """Cut what pydantic appends to a key's path: the type that it tried."""
    for depth in range(1, len(location)):
        if isinstance(location[depth], str) and not _fields(location[:depth]):
            return location[:depth]
    return location


def _describe(location: KeyPath, problems: list[Any], origin: dict[KeyPath, str], path: Path) -> str:
    """Return `file:line: key: value: what is wrong (what would be right)` of the errors of one key."""
    where = f"{_where(location, origin, path)}: {dotted(location)}"
    kind, value = problems[0]["type"], problems[0]["input"]
    if kind == "extra_forbidden":
        return f"{where}: unknown key{nearest(str(location[-1]), _fields(location[:-1]))}"
    if kind == "missing":
        return f"{where}: this key is missing"
    if value is None:
        return f"{where}: is empty; give it a value, or leave the key out"
    shown = shortened(value)
    if kind == "literal_error":
        return f"{where}: {shown} is not valid{nearest(str(value), choices(problems[0]))}"
    if kind == "model_type":
        return f"{where}: {shown} is no mapping of the keys {', '.join(_fields(location))}"
    if kind == "value_error":
        return f"{where}: {problems[0]['ctx']['error']}"
    if isinstance(value, str) and location[-1] in FORMS:
        return f"{where}: {shown}: write {FORMS[location[-1]]}"
    if kind in ("string_pattern_mismatch", "string_too_long") and location[:2] in NAMES:
        return f"{where}: {shown}: write one line of at most 255 characters"
    if kind == "string_pattern_mismatch":
        return f"{where}: {shown}: only a-z, 0-9, - and _, beginning with a letter, at most 40 characters"
    return f"{where}: {shown}: give {' or '.join(dict.fromkeys(map(wanted, problems)))}"


def _where(location: KeyPath, origin: Mapping[KeyPath, str], path: Path) -> str:
    """Return the place of a key, or of the nearest part of the recipe around it."""
    for depth in range(len(location), 0, -1):
        if location[:depth] in origin:
            return origin[location[:depth]]
    return f"{path}:1"


def _fields(location: KeyPath) -> list[str]:
    """Return the keys that a section of the recipe may have."""
    model: type[BaseModel] = Recipe
    named = False
    for part in location:
        if isinstance(part, int) or named:  # one item of a list or mapping of sections
            named = False
            continue
        field = model.model_fields.get(str(part))
        if field is None:
            return []
        kinds = types_in(field.annotation)
        sections = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if not sections:
            return []
        model, named = sections[0], any(get_origin(kind) is dict for kind in kinds)
    return list(model.model_fields)


def _check_ship(recipe: Recipe, origin: dict[KeyPath, str]) -> None:
    """TFLite Micro runs no model whose weights and activations differ in type; an ONNX file's ranges need one."""
    quantize = recipe.quantize
    if quantize.ship == QDQ and not recipe.model.onnx:
        where = origin.get(("quantize", "ship")) or origin.get(("quantize",), "quantize")
        raise RecipeError(
            f"{where}: quantize.ship: '{QDQ}' has the ranges of a quantized ONNX file; {recipe.model.name} is none",
            fix="name such a file as model.name, or ship tflite-int8",
        )
    mixed = {"tflite-float16", "tflite-dynamic"} | {e.variant for e in quantize.ptq if e.scheme == "dynamic"}
    if recipe.targets and quantize.ship in mixed:
        where = origin.get(("quantize", "ship")) or origin.get(("quantize",), "quantize")
        raise RecipeError(
            f"{where}: quantize.ship: TFLite Micro on {recipe.targets[0]} cannot run '{quantize.ship}': its weights "
            "and activations differ in type",
            fix="ship tflite-int8, an int8 or int16x8 entry of ptq, tflite-qat-int8 or tflite-mixed",
        )


def _check_finished(recipe: Recipe, origin: dict[KeyPath, str]) -> None:
    """What trains needs a network in Python."""
    trains: dict[KeyPath, Any] = {
        ("distill",): recipe.distill,
        ("prune",): recipe.prune,
        ("quantize", "qat"): recipe.quantize.qat,
    }
    for key, value in trains.items():
        if recipe.model.finished and value is not None:
            where = next((origin[key[:depth]] for depth in (2, 1) if key[:depth] in origin), dotted(key))
            raise RecipeError(
                f"{where}: {dotted(key)}: {recipe.model.name} is a finished {recipe.model.finished} model: only a "
                "network in Python can be trained",
                fix="leave it out, or name the network as path/to/file.py:Class, with model.weights",
            )


def _check_library(recipe: Recipe, origin: dict[KeyPath, str]) -> None:
    from edgeforge.hardware.libraries import libraries

    if recipe.library not in libraries():
        where = origin.get(("library",), "library")
        raise RecipeError(
            f"{where}: library: '{recipe.library}' is no TFLM library{nearest(recipe.library, libraries())}",
            fix="name one of these, or leave it out",
        )


def _check_raspberry_pi(recipe: Recipe, origin: dict[KeyPath, str]) -> None:
    if recipe.raspberry_pi is not None and recipe.data.source == "matr1":
        where = origin.get(("raspberry_pi",), "raspberry_pi")
        raise RecipeError(
            f"{where}: raspberry_pi: its scripts take images, windows and sound; source matr1 has curves of batteries",
            fix="leave raspberry_pi out of the recipe",
        )
    onnx = ["onnx-fp32", *(["onnx-static-int8"] if recipe.quantize.onnx.static else [])]
    made = [*onnx, *recipe.quantize.tflite_made]
    for name in (recipe.raspberry_pi and recipe.raspberry_pi.variants) or ():
        if name not in (*made, QDQ):
            where = origin.get(("raspberry_pi", "variants"), "raspberry_pi.variants")
            raise RecipeError(
                f"{where}: raspberry_pi.variants: this recipe makes no '{name}' for it{nearest(name, made)}",
                fix=f"name some of: {', '.join(made)}",
            )


def _check_targets(recipe: Recipe, origin: dict[KeyPath, str]) -> None:
    from edgeforge.hardware.boards import all_boards, boards

    for name in recipe.boards:
        if name in boards():
            where = origin.get(("boards", name), "boards")
            raise RecipeError(
                f"{where}: boards.{name}: EdgeForge knows a board of that name already",
                fix=f"give yours another name, for instance my-{name}",
            )
    known = all_boards(recipe.boards)
    for place, name in enumerate(recipe.targets):
        where = origin.get(("targets", place)) or origin.get(("targets",), "targets")
        if name == "raspberry-pi":
            reason = f"{where}: targets: '{name}' is no microcontroller board"
            raise RecipeError(reason, fix="write `raspberry_pi: {}` beside `targets` for the Raspberry Pi's bundle")
        if name not in known:
            raise RecipeError(
                f"{where}: targets: '{name}' is no board{nearest(name, known)}",
                fix="`edgeforge boards` lists them",
            )
