"""Reads YAML safely and remembers the line of every key and value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause, remedy
from edgeforge.inputs.regular import named, read_regular
from edgeforge.suggest import nearest_file

MAX_BYTES = 1_000_000
MAX_NODES = 20_000  # a handful of aliases of aliases can stand for billions of values
MAX_DEPTH = 50  # an alias may contain itself
SHOWN = 60  # characters of a value that a message quotes
KEY_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")  # words, and `<<`
KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlFile:
    """The values of a YAML mapping, and the line (from 1) of each key and list item by its path."""

    values: dict[str, Any]
    lines: dict[KeyPath, int]


def read_yaml(path: Path) -> YamlFile:
    """Return the file's mapping. Raises RecipeError naming file and line for anything that is none."""
    try:
        data = read_regular(path, "name a recipe file")
    except RecipeError:
        if not path.exists() and not path.is_symlink():  # a link that leads nowhere, or back, is named as one
            fix = "check the path, or write one with `edgeforge init`"
            raise RecipeError(f"{named(path)}: no such file{nearest_file(path)}", fix=fix) from None
        raise
    if len(data) > MAX_BYTES:
        raise RecipeError(f"{path}: {len(data)} bytes is no recipe (at most {MAX_BYTES})", fix="name a recipe file")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeError(f"{path}:{line}: not UTF-8 text", fix="save the file as UTF-8") from error
    return parse_yaml(text, str(path))


def parse_yaml(text: str, name: str) -> YamlFile:
    """Return the mapping in a text; `name` stands in errors. Raises RecipeError."""
    values, lines = _parsed(text, name)
    if values is None:
        raise RecipeError(f"{name}: is empty", fix="write a recipe with `edgeforge init`")
    if not isinstance(values, dict):
        raise RecipeError(f"{name}:1: a recipe is a mapping of keys, not a {type(values).__name__}", fix="key: value")
    return YamlFile(values, lines)


def parse_value(text: str, name: str) -> Any:
    """Return what a text such as `--set` takes stands for, by the same rules. Raises RecipeError."""
    try:
        return _parsed(text, name)[0]
    except RecipeError as error:
        if error.__cause__ is None:  # too much, or nested too deeply
            raise
        raise RecipeError(f"{name}: '{text[:SHOWN]}' is not YAML", fix="for instance --set train.epochs=1") from error


def _parsed(text: str, name: str) -> tuple[Any, dict[KeyPath, int]]:
    lines: dict[KeyPath, int] = {}
    try:
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is not None:
                _index(root, (), lines, name, loader)
            values = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise RecipeError(f"{where}: {cause(error)}", fix=remedy(error, "mend the YAML there")) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RecipeError(f"{name}:{line}: a control character", fix="save the file as plain text") from error
    except RecursionError:
        raise _too_deep(name) from None
    return values, lines


def _index(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], name: str, loader: yaml.SafeLoader) -> None:
    """Note the line of everything in a node; refuse what is no word as a key, and values that are no values."""
    lines.setdefault(path, node.start_mark.line + 1)
    if len(lines) > MAX_NODES:
        raise RecipeError(f"{name}: more than {MAX_NODES} values", fix="remove the nested aliases")
    if len(path) > MAX_DEPTH:
        raise _too_deep(f"{name}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in KEY_TAGS:
                shown = key.value if isinstance(key, yaml.ScalarNode) else "a list or mapping"
                where = f"{name}:{line}: {dotted(path)}{': ' if path else ''}"
                raise RecipeError(f"{where}{shown!r} is no word, so it cannot be a key", fix="put it in quotes")
            text = str(key.value)
            if text in seen:
                raise RecipeError(
                    f"{name}:{line}: {dotted((*path, text))}: the key stands twice", fix="remove one of them"
                )
            seen.add(text)
            lines[(*path, text)] = line
            _index(value, (*path, text), lines, name, loader)
    elif isinstance(node, yaml.SequenceNode):
        for place, item in enumerate(node.value):
            lines[(*path, place)] = item.start_mark.line + 1
            _index(item, (*path, place), lines, name, loader)
    else:
        try:
            loader.construct_object(node)
        except (ValueError, LookupError, AttributeError) as error:  # such as the date 2001-99-01, or !!int x
            where = f"{name}:{node.start_mark.line + 1}: {dotted(path)}"
            kind = node.tag.rpartition(":")[2]
            raise RecipeError(
                f"{where}: '{node.value[:40]}' is no valid {kind}", fix="correct it, or put it in quotes"
            ) from error


def _too_deep(where: str) -> RecipeError:
    return RecipeError(f"{where}: nested too deeply, or an alias contains itself", fix="remove the nesting")


def dotted(path: KeyPath) -> str:
    """Return `train.lr` of a path, on one line whatever the keys hold."""
    return ".".join(part if isinstance(part, str) and part.isprintable() else repr(part) for part in path)
