"""What holds for every word of a recipe, whatever its key: it is not empty, and stands once in a list."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError
from edgeforge.recipe.yaml_lines import KeyPath, dotted

OWN = "args"  # a model's: whatever its class takes


def require_words(values: Any, origin: Mapping[KeyPath, str], path: Path) -> None:
    """Raise RecipeError where a word is empty, or stands twice in one list; origin: where each key was written."""
    faults = list(_faults(values, ()))
    if faults:
        lines = [f"{_where(place, origin, path)}: {dotted(_key(place))}: {fault}" for place, fault in faults[:5]]
        raise RecipeError("\n".join(lines), fix="mend the recipe; `edgeforge init` writes a commented one")


def _key(place: KeyPath) -> KeyPath:
    """Return a place without the number of a list's item."""
    return place[:-1] if isinstance(place[-1], int) else place


def _faults(value: Any, place: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if place and place[-1] == OWN:
        return
    if isinstance(value, str) and not value.strip():
        yield place, "is empty; give it a value, or leave it out"
    elif isinstance(value, dict):
        for key, one in value.items():
            yield from _faults(one, (*place, key))
    elif isinstance(value, list):
        seen: set[str] = set()
        for number, one in enumerate(value):
            if isinstance(one, str) and one.strip():
                if one in seen:
                    yield (*place, number), f"'{one}' stands twice; remove one of them"
                seen.add(one)
            yield from _faults(one, (*place, number))


def _where(place: KeyPath, origin: Mapping[KeyPath, str], path: Path) -> str:
    return next((origin[place[:depth]] for depth in range(len(place), 0, -1) if place[:depth] in origin), f"{path}:1")
