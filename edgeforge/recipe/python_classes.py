"""The classes of a Python file, and what their constructors take: read, never run."""

from __future__ import annotations

import ast
from pathlib import Path

from edgeforge.inputs.regular import read_text
from edgeforge.inputs.sizes import KIND


def parsed(path: Path) -> ast.Module | None:
    """Return the syntax tree of a network's file; None of a file that is no Python."""
    if path.suffix != ".py":
        return None
    try:
        return ast.parse(read_text(path, "name a Python file", KIND["code"]))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # the build names the line
        return None


def top_classes(path: Path) -> list[ast.ClassDef]:
    """Return the classes that a network's file defines at its top; none of a file that is no Python."""
    module = parsed(path)
    return [node for node in module.body if isinstance(node, ast.ClassDef)] if module else []


def method(network: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    """Return a method that a class defines itself."""
    return next((node for node in network.body if isinstance(node, ast.FunctionDef) and node.name == name), None)


def arguments_of(made: ast.FunctionDef) -> list[str]:
    """Return the names of a method's arguments, `self` left out."""
    takes = made.args
    return [argument.arg for argument in (*takes.posonlyargs, *takes.args, *takes.kwonlyargs)][1:]


def class_count_argument(path: Path, class_name: str | None) -> str | None:
    """Return the argument of a network's constructor that takes the number of classes, where its name says so."""
    classes = top_classes(path)
    networks = [node for node in classes if class_name in (None, node.name)]
    made = next(filter(None, (method(node, "__init__") for node in networks)), None)
    names = arguments_of(made) if made else []
    return next((name for name in ("classes", "num_classes", "n_classes") if name in names), None)


def public_classes(path: Path) -> list[str]:
    """Return the public classes that a network's file defines and that look like networks; none of other files."""
    return [node.name for node in top_classes(path) if node.bases and not node.name.startswith("_")]
