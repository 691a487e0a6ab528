"""Every message in the source, as tests/snapshots/messages.txt shows it to a review; none is another library's."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from messages import ERRORS, catalogue
from places import ROOT
from snapshots import require_same

# Where a caught error's text may be used as it is: file, what is used, and why.
ALLOWED = {
    ("edgeforge/onnx_graph/checks.py", "str(error)"): "only the name of TensorFlow's operator is taken out of it",
}
REWORDING = (
    "cause",
    "cause_in",
    "known_remedy",
    "remedy",
    "with_debug",
    "reason_of",
    "words",
    "line_in",
    "layer_in",
)  # errors.py, foreign/
READERS = ("edgeforge/foreign/wording.py", "edgeforge/foreign/own_code.py", "edgeforge/errors.py")


def test_every_message_is_as_it_was_reviewed() -> None:
    require_same("messages.txt", catalogue())


def test_every_error_has_a_remedy() -> None:
    assert "without a fix" not in catalogue()


@pytest.mark.parametrize("path", sorted((ROOT / "edgeforge").rglob("*.py")), ids=lambda path: path.stem)
def test_no_message_of_another_library_flows_into_one_of_ours(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if name not in READERS:
        found = [use for use in foreign_texts(ast.parse(path.read_text())) if (name, use) not in ALLOWED]
        assert not found, f"{name}: {found} come from an error of another library: use edgeforge/foreign/wording.py"


def test_the_check_finds_what_it_is_for() -> None:
    code = "try: run()\nexcept {}: raise RecipeError({}) from error"
    for text in (
        "f'{error}'",
        "f'{error!r}'",
        "str(error)",
        "f'{first_line(error)}'",
        "error.args[0]",
        "f'{error.msg}'",
    ):
        assert foreign_texts(ast.parse(code.format("OSError as error", text))), text
        assert not foreign_texts(ast.parse(code.format("StageFailed as error", text))) or "first_line" in text
    assert not foreign_texts(ast.parse(code.format("OSError as error", "f'{cause(error)}', fix=remedy(error)")))


def foreign_texts(tree: ast.Module) -> list[str]:
    """Return the places where the text of a caught error of another library is used."""
    found = [ast.unparse(call) for call in ast.walk(tree) if _called(call) == "first_line"]
    for handler in ast.walk(tree):
        if isinstance(handler, ast.ExceptHandler) and handler.name and not _ours(handler.type):
            found += [use for statement in handler.body for use in _uses(statement, handler.name)]
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for argument in function.args.args:
                if argument.annotation and "Exception" in ast.unparse(argument.annotation):
                    found += [use for statement in function.body for use in _uses(statement, argument.arg)]
    return found


def _ours(caught: ast.expr | None) -> bool:
    kinds = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return all(isinstance(kind, ast.Name) and kind.id in ERRORS for kind in kinds)


def _uses(node: ast.AST, name: str) -> Iterator[str]:
    """Yield every formatting of the error, and every reading of its text."""
    called = _called(node)
    if called in REWORDING or isinstance(node, ast.Compare):  # a comparison decides, and says nothing
        return
    inner = getattr(node, "value", None)
    if isinstance(node, ast.FormattedValue) and isinstance(inner, ast.Name) and inner.id == name:
        yield f"{{{name}}}"
    if called in ("str", "repr") and isinstance(node, ast.Call) and ast.unparse(node.args[0]) == name:
        yield ast.unparse(node)
    texts = ("args", "msg", "strerror", "problem", "context", "stderr")
    if isinstance(node, ast.Attribute) and node.attr in texts and ast.unparse(node.value) == name:
        yield ast.unparse(node)
    for child in ast.iter_child_nodes(node):
        yield from _uses(child, name)


def _called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
