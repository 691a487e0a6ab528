"""Reads YAML safely and remembers the line of every key and value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgeforge.errors import RecipeError

MAX_BYTES = 1_000_000
MAX_NODES = 20_000  # a handful of aliases of aliases can stand for billions of values
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """The values of a YAML mapping, and the line (from 1) of each key and list item by its path."""

    values: dict[str, Any]
    lines: dict[KeyPath, int]


def read_yaml(path: Path) -> YamlFile:
    """Return the file's mapping. Raises RecipeError naming file and line for anything that is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file", fix="check the path, or write one with `edgeforge init`") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}", fix="name a recipe file") from error
    if len(data) > MAX_BYTES:
        raise RecipeError(f"{path}: {len(data)} bytes is no recipe (at most {MAX_BYTES})", fix="name a recipe file")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeError(f"{path}:{line}: not UTF-8 text", fix="save the file as UTF-8") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> YamlFile:
    """Return the mapping in a text; `name` stands in errors."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[KeyPath, int] = {}
        if root is not None:
            _index(root, (), lines, name)
        values = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise RecipeError(f"{where}: {error.problem or error.context}", fix="mend the YAML there") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise RecipeError(f"{name}: {str(error).splitlines()[0]}", fix="mend the YAML") from error
    if values is None:
        raise RecipeError(f"{name}: is empty", fix="write a recipe with `edgeforge init`")
    if not isinstance(values, dict):
        raise RecipeError(f"{name}:1: a recipe is a mapping of keys, not a {type(values).__name__}", fix="key: value")
    return YamlFile(values, lines)


def _index(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str) -> None:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > MAX_NODES:
        raise RecipeError(f"{name}: more than {MAX_NODES} values", fix="remove the nested aliases")
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            text = str(key.value)
            line = key.start_mark.line + 1
            if text in seen:
                where = ".".join(map(str, (*path, text)))
                raise RecipeError(f"{name}:{line}: {where}: the key stands twice", fix="remove one of them")
            seen.add(text)
            lines[(*path, text)] = line
            _index(value, (*path, text), lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            lines[(*path, place)] = item.start_mark.line + 1
            _index(item, (*path, place), lines, name)
