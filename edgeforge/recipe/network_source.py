"""What the source of a network says of it, read and never run: its class, the class's arguments, how forward ends.

Only what is certain is an error: a class that is made at run time, or whose constructor stands elsewhere, is left to
the build, which imports it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.recipe.python_classes import arguments_of, method, parsed
from edgeforge.recipe.schema import Model
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from edgeforge.recipe.load import LoadedRecipe

LAST = {"softmax": "softmax", "Softmax": "softmax", "log_softmax": "log_softmax", "LogSoftmax": "log_softmax",
        "sigmoid": "sigmoid", "Sigmoid": "sigmoid"}  # fmt: skip


def check_networks(loaded: LoadedRecipe, files: Mapping[str, Path]) -> tuple[str, ...]:
    """Return what a person should know of the recipe's network, and of its teacher, before anything is trained.

    files: see user_files. Raises RecipeError, at the recipe's line, for a class that is not there and for arguments
    that it does not take.
    """
    found = _check(loaded, "model", loaded.recipe.model, files["model"])
    if loaded.recipe.distill:
        _check(loaded, "distill.teacher", loaded.recipe.distill.teacher, files["teacher/model"])
    return tuple(found)


def _check(loaded: LoadedRecipe, key: str, model: Model, path: Path) -> list[str]:
    module = parsed(path)
    if module is None:
        return []
    wanted = model.class_name
    classes = {node.name: node for node in _statements(module.body) if isinstance(node, ast.ClassDef)}
    if wanted and wanted not in classes:
        if wanted in _assigned(module):
            return []
        raise RecipeError(
            f"{loaded.where(f'{key}.name')}: {path} defines no class '{wanted}'{nearest(wanted, classes)}",
            fix=f"name one of: {', '.join(classes) or 'none there'}",
        )
    public = [node for name, node in classes.items() if not name.startswith("_")]
    if not wanted and len(several := _networks(public)) > 1:
        raise RecipeError(
            f"{loaded.where(f'{key}.name')}: {path} defines {len(several)} public nn.Module classes "
            f"({', '.join(several)})",
            fix=f"name one: {model.name}:{several[-1]}",
        )
    network = classes[wanted] if wanted else public[0] if len(public) == 1 else None
    if network is None:
        return []
    _check_arguments(loaded, network, key, model.args)
    forward = method(network, "forward")
    last = _last(network, forward) if forward else None
    if forward is None or last is None or loaded.recipe.train.epochs == 0:
        return []
    if last == "sigmoid" and loaded.recipe.data.task == "binary":  # its loss is one of probabilities then
        return []
    return [
        f"{loaded.where(f'{key}.name')}: {network.name} ends with {last} ({path.name}:{forward.lineno}), and "
        "the loss of classes takes softmax itself: return what stands before it"
    ]


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield a module's statements, those under `if` and `try` included."""
    for node in body:
        yield node
        for field in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try | ast.With):
                yield from _statements(getattr(node, field, []))


def _networks(classes: list[ast.ClassDef]) -> list[str]:
    """Return the classes that are certainly nn.Modules: by that base, or by one of these classes."""
    found: list[str] = []
    for node in classes:
        bases = {ast.unparse(base) for base in node.bases}
        if bases & {"nn.Module", "torch.nn.Module", *found}:
            found.append(node.name)
    return found


def _assigned(module: ast.Module) -> set[str]:
    """Return the names that a module makes otherwise than by `class`."""
    names = {alias.asname or alias.name for node in _statements(module.body) if isinstance(node, ast.ImportFrom)
             for alias in node.names}  # fmt: skip
    stored = (node for node in ast.walk(module) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    return names | {node.id for node in stored}


def _check_arguments(loaded: LoadedRecipe, network: ast.ClassDef, key: str, given: dict[str, Any]) -> None:
    """Raise RecipeError where `model.args` and the constructor do not fit; one that is inherited is left alone."""
    made = method(network, "__init__")
    if made is None or made.decorator_list or network.decorator_list or network.keywords:
        return
    takes = made.args
    names = arguments_of(made)
    placed, keywords = len(names) - len(takes.kwonlyargs), takes.kw_defaults
    required = names[: placed - len(takes.defaults)]
    required += [name for name, default in zip(names[placed:], keywords, strict=True) if default is None]
    for name in given:
        if name not in names and takes.kwarg is None:
            raise RecipeError(
                f"{loaded.where(f'{key}.args.{name}')}: {network.name} takes no such argument{nearest(name, names)}",
                fix=f"its arguments are: {', '.join(names) or 'none'}",
            )
    if missing := [name for name in required if name not in given]:
        raise RecipeError(
            f"{loaded.where(key)}: {network.name} needs a value for {', '.join(missing)}",
            fix=f"for instance {key}.args: {{{missing[0]}: 10}}",
        )


def _last(network: ast.ClassDef, forward: ast.FunctionDef) -> str | None:
    """Return the function of probabilities that every `return` of forward ends with; None where one does not."""
    returned = [node.value for node in ast.walk(forward) if isinstance(node, ast.Return)]
    kinds = {_kind(value, forward, network) for value in returned}
    return kinds.pop() if len(kinds) == 1 else None


def _kind(value: ast.expr | None, forward: ast.FunctionDef, network: ast.ClassDef) -> str | None:
    if isinstance(value, ast.Name):
        made = [node.value for node in ast.walk(forward) if isinstance(node, ast.Assign)
                and any(isinstance(target, ast.Name) and target.id == value.id for target in node.targets)]  # fmt: skip
        return _kind(made[-1], forward, network) if made and not isinstance(made[-1], ast.Name) else None
    if not isinstance(value, ast.Call):
        return None
    if isinstance(value.func, ast.Name):
        return LAST.get(value.func.id)
    if not isinstance(value.func, ast.Attribute):
        return None
    if isinstance(value.func.value, ast.Name) and value.func.value.id == "self":
        return _module_kind(_member(network, value.func.attr))
    return LAST.get(value.func.attr)


def _member(network: ast.ClassDef, name: str) -> ast.expr | None:
    """Return what `self.name` is set to in the constructor."""
    made = method(network, "__init__")
    for node in ast.walk(made) if made else ():
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Attribute) and target.attr == name:
                    return node.value
    return None


def _module_kind(value: ast.expr | None) -> str | None:
    """Return the kind of `nn.Softmax(1)`, or of the last module of `nn.Sequential(…)`."""
    if not isinstance(value, ast.Call):
        return None
    name = value.func.attr if isinstance(value.func, ast.Attribute) else getattr(value.func, "id", "")
    if name == "Sequential" and value.args:
        return _module_kind(value.args[-1])
    return LAST.get(name)
