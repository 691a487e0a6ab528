"""Every message of EdgeForge's source, read from its syntax trees: what tests/snapshots/messages.txt holds."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from places import ROOT

# What a message is said with: the class or function called → what a person sees of it.
ERRORS = {
    "EdgeForgeError": "exit 1",
    "RecipeError": "exit 2",
    "MissingDependency": "exit 3",
    "StageFailed": "exit 4",
    "ParityError": "exit 5",
    "BudgetExceeded": "exit 6",
    "CorruptedArtifact": "notice",
    "BundleError": "on the device",
    "Refused": "the server's answer",
    "refuse": "what the engine does not compile",
    "BadParameter": "exit 2",
}
FOREIGN = {"Kind": 1, "Words": 0}  # edgeforge/foreign/wording.py's: where their cause stands, before the remedy
FOLDERS = ("edgeforge", "firmware/raspberry_pi")
# Their ValueErrors are the recipe's mistakes; load.py adds file and line.
MISTAKES = ("edgeforge/recipe/schema.py", "edgeforge/recipe/sections/")


def catalogue() -> str:
    """Return all messages by file, in the order of their words; ‹…› stands for what only the occasion knows."""
    parts = []
    for path in sorted(found for folder in FOLDERS for found in (ROOT / folder).rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        said = sorted(set(_messages(ast.parse(path.read_text()), name)))
        if said:
            parts.append("\n".join((f"{name}", *said)))
    return "\n\n".join(parts) + "\n"


def _messages(tree: ast.Module, name: str) -> Iterator[str]:
    constants = _assigned(tree.body)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    within = {call: function for function in functions for call in ast.walk(function)}  # the innermost comes last
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        around = within.get(node)
        known = constants | (_assigned(ast.walk(around)) if around else {})
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        keywords = {keyword.arg: keyword.value for keyword in node.keywords}
        if called in FOREIGN and node.args:
            said, *remedy = node.args[FOREIGN[called] :][:2]
            fix = remedy[0] if remedy else None
            yield _entry("in place of another library's words", "", _texts(said, known), fix, known)
        elif called in ERRORS or (called == "ValueError" and name.startswith(MISTAKES)):
            words = [*(argument for argument in node.args if not _is_number(argument)), keywords.get("reason")]
            if words[0] is not None:
                yield _entry(ERRORS.get(called, "exit 2"), called, _texts(words[0], known), keywords.get("fix"), known)
        elif called == "notice" and node.args:
            yield _entry("notice", "", _texts(node.args[0], known), None, known)
        elif "reason" in keywords:
            said = [text for text in _texts(keywords["reason"], known) if text.strip("‹›") != "None"]
            if said:
                yield _entry("reason", called, said, None, known)
        elif called == "print" and "stderr" in ast.unparse(node):
            yield _entry("printed", "", _texts(node.args[0], known), None, known)


def _entry(how: str, called: str, texts: list[str], fix: ast.expr | None, known: dict[str, list[ast.expr]]) -> str:
    """Return one message as it stands in the file: its kind, its words, its remedy."""
    lines = [f"  {f'{called}, {how}' if called else how}"]
    lines += [f"    {'or ' if number else ''}{text}" for number, text in enumerate(texts)]
    if fix is not None and ast.unparse(fix) not in ("''", '""'):
        lines += [f"    {'or ' if number else ''}fix: {text}" for number, text in enumerate(_texts(fix, known))]
    elif called in ERRORS and ERRORS[called].startswith("exit") and called != "BadParameter":
        lines.append("    without a fix")
    return "\n".join(lines)


def _texts(expression: ast.expr, known: dict[str, list[ast.expr]]) -> list[str]:
    """Return the words that an expression can become, one for each of its branches."""
    if isinstance(expression, ast.Constant):
        return [str(expression.value).replace("\n", "\\n")]
    if isinstance(expression, ast.JoinedStr):
        return ["".join(_piece(piece) for piece in expression.values)]
    if isinstance(expression, ast.IfExp):
        return _texts(expression.body, known) + _texts(expression.orelse, known)
    if isinstance(expression, ast.BoolOp):
        return [text for value in expression.values for text in _texts(value, known)]
    if isinstance(expression, ast.BinOp) and isinstance(expression.op, ast.Add):
        return [a + b for a in _texts(expression.left, known) for b in _texts(expression.right, known)]
    if isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        called = expression.func.id  # edgeforge/foreign/wording.py's
        if called == "remedy":
            return [
                "‹the remedy that is known for it›",
                *(t for words in expression.args[1:] for t in _texts(words, known)),
            ]
        if called == "with_debug":
            return _texts(expression.args[0], known)
    if isinstance(expression, ast.Name) and expression.id in known:
        others = {name: values for name, values in known.items() if name != expression.id}
        return sorted({text for value in known[expression.id] for text in _texts(value, others)})
    return [f"‹{ast.unparse(expression)}›"]


def _piece(piece: ast.expr) -> str:
    if isinstance(piece, ast.Constant):
        return str(piece.value).replace("\n", "\\n")
    assert isinstance(piece, ast.FormattedValue)
    value = piece.value
    if isinstance(value, ast.IfExp) and isinstance(value.orelse, ast.Constant) and not value.orelse.value:
        return "".join(f"[{text}]" for text in _texts(value.body, {}))  # what is there at times
    return f"‹{ast.unparse(piece.value)}›"


def _assigned(nodes: Iterator[ast.AST] | list[ast.stmt]) -> dict[str, list[ast.expr]]:
    """Return what text is assigned to each name, wherever it is."""
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, (ast.Assign, ast.AugAssign)) and _is_text(node.value):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def _is_text(value: ast.expr) -> bool:
    if isinstance(value, ast.IfExp):
        return _is_text(value.body) or _is_text(value.orelse)
    if isinstance(value, ast.BinOp):
        return _is_text(value.left) or _is_text(value.right)
    return isinstance(value, ast.JoinedStr) or (isinstance(value, ast.Constant) and isinstance(value.value, str))


def _is_number(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, int)
