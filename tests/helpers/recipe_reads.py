"""Which keys of the recipe a function reads, and all that it calls: from the syntax trees, nothing is run.

A key is followed through names (`data = job.recipe.data`), and through arguments whose type is a section
(`data: Data`).
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from places import ROOT

from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.sections.section import Section

Key = tuple[str, ...]
Function = tuple[str, str]  # module, and its name there: that of a class stands for all its methods
DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def _sections(model: type[Section], place: Key = ()) -> Iterator[tuple[str, Key]]:
    """Yield each section's class and the key that it stands at."""
    yield model.__name__, place
    for name, field_ in model.model_fields.items():
        for kind in typing.get_args(field_.annotation) or (field_.annotation,):
            if isinstance(kind, type) and issubclass(kind, Section):
                yield from _sections(kind, (*place, name))


PLACES = dict(reversed(list(_sections(Recipe))))


@dataclass
class Module:
    """What a module defines, and what its imports mean: name → module and name there."""

    defined: dict[str, ast.AST] = field(default_factory=dict)
    imported: dict[str, Function] = field(default_factory=dict)


@cache
def module(name: str) -> Module | None:
    path = ROOT / Path(*name.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not name.startswith("edgeforge") or not file.is_file():
        return None
    tree, found = ast.parse(file.read_text()), Module()
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            found.defined[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):  # a table of functions is used where its name is
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name):
                    found.defined[target.id] = node
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for one in node.names:
                found.imported[one.asname or one.name] = (node.module, one.name)
    return found


def read_by(start: list[Function]) -> dict[Key, set[str]]:
    """Return the keys that functions read, and all that they call: key → where (`module:function`)."""
    found: dict[Key, set[str]] = {}
    waiting, seen = list(start), set(start)
    while waiting:
        place = waiting.pop()
        keys, called = _of(place)
        for key in keys:
            found.setdefault(key, set()).add(":".join(place))
        waiting += called - seen
        seen |= called
    return found


@cache
def _of(place: Function) -> tuple[frozenset[Key], frozenset[Function]]:
    """Return the keys that a function reads, and what it calls."""
    code = module(place[0])
    if code is None or place[1] not in code.defined:
        return frozenset(), frozenset()
    node = code.defined[place[1]]
    return frozenset(_keys(node)), frozenset(_called(node, code, place[0]))


def _called(node: ast.AST, code: Module, name: str) -> Iterator[Function]:
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and one.id in code.defined:
            yield name, one.id
        elif isinstance(one, ast.Name) and one.id in code.imported:
            yield code.imported[one.id]
        elif isinstance(one, ast.Attribute) and isinstance(one.value, ast.Name) and one.value.id in code.imported:
            yield ".".join(code.imported[one.value.id]), one.attr


def _keys(node: ast.AST) -> set[Key]:
    """Return the keys that are read in a definition."""
    found: set[Key] = set()
    functions = [one for one in ast.walk(node) if isinstance(one, ast.FunctionDef)]
    if isinstance(node, ast.ClassDef) and node.name in PLACES:
        return found  # a section's own methods, judged where they are called
    for function in functions:
        names: dict[str, Key] = {}
        for argument in (*function.args.args, *function.args.kwonlyargs):
            kind = ast.unparse(argument.annotation).split(" ")[0].strip("\"'") if argument.annotation else ""
            if kind in PLACES:
                names[argument.arg] = PLACES[kind]
        for one in ast.walk(function):
            if isinstance(one, ast.Assign):
                _follow(one, names)
        for one in ast.walk(function):
            if isinstance(one, ast.Attribute) and (key := _key(one, names)):
                found |= fields_of(key)
    return found


def _follow(one: ast.Assign, names: dict[str, Key]) -> None:
    target = one.targets[0]
    both = isinstance(target, ast.Tuple) and isinstance(one.value, ast.Tuple)
    pairs = zip(target.elts, one.value.elts, strict=True) if both else [(target, one.value)]  # type: ignore[attr-defined]
    for name, value in pairs:
        if isinstance(name, ast.Name) and (key := _key(value, names)) is not None:
            names[name.id] = key


def _key(node: ast.AST, names: dict[str, Key]) -> Key | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    if node.attr == "recipe":
        return ()
    above = _key(node.value, names)
    return None if above is None else (*above, node.attr)


@cache
def fields_of(key: Key) -> set[Key]:
    """Return the keys of values that reading `key` reads: a property or method of a section reads others of its own."""
    model: type[Section] = Recipe
    for depth, name in enumerate(key):
        if name not in model.model_fields:
            return _of_member(model, name, key[:depth])
        kinds = typing.get_args(model.model_fields[name].annotation) or (model.model_fields[name].annotation,)
        inner = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, Section)), None)
        if inner is None:
            return {key[: depth + 1]}
        model = inner
    return set()  # a section as a whole: what is read of it stands elsewhere


def _of_member(model: type[Section], name: str, place: Key) -> set[Key]:
    member = next((base.__dict__[name] for base in model.__mro__ if name in base.__dict__), None)
    code = getattr(member, "fget", member)
    if code is None or not getattr(code, "__module__", "").startswith("edgeforge"):
        return set()  # of pydantic: copies, which hold what is declared
    tree = ast.parse(textwrap.dedent(inspect.getsource(code)))
    own = {key for one in ast.walk(tree) if isinstance(one, ast.Attribute) and (key := _key(one, {"self": place}))}
    return {found for key in own for found in fields_of(key)}
