"""A torch.export file of a stranger's, loaded without running anything in it.

torch.export.load unpickles some members without limits and loads compiled libraries (torch/export/pt2_archive),
evaluates the text of shapes as Python (sympy.sympify) and finds functions by any dotted name below torch
(torch/_export/serde/serialize.py). So all that is looked at first, and whatever is no tensor, no shape and no operator
of a network is refused.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from edgeforge.errors import RecipeError

ONLY_WEIGHTS = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"  # PyTorch's own: it goes before what its code asks for
NAME = r"(?:_?[a-z]\w*|__(?:and|or|xor|lshift|rshift|iand|ior|ixor|ilshift|irshift)__)"
CONTROL = r"(?:cond|while_loop|map_impl|scan|wrap_with_set_grad_enabled|wrap_with_autocast)"
ARITHMETIC = (r"(?:add|sub|mul|floordiv|truediv|mod|neg|pos|abs|pow|eq|ne|lt|le|gt|ge|and_|or_|xor|not_|inv|invert|"
              r"lshift|rshift|getitem|itemgetter)")  # fmt: skip
OPERATOR = re.compile(
    rf"torch\.ops\.(?:aten|prims|quantized|quantized_decomposed|torchvision)\.{NAME}(?:\.\w+)?"
    rf"|torch\.ops\.higher_order\.{CONTROL}|torch\.sym_[a-z]+|torch\._sym_sqrt|_operator\.{ARITHMETIC}"
    r"|math\.(?:ceil|floor|trunc|sqrt|log2?|exp|pow)"
)
ON_FILES = re.compile(r"torch\.ops\.\w+\.(?:from_file|save|load)\b")
# Shapes are written as sympy's srepr does; names in them are symbols (s0), functions of torch.utils._sympy and sympy.
QUOTED = re.compile(r"'(?:[a-z]+\d+|[\d.e+-]+)'")
SHAPE = re.compile(r"[\w+\-*/%(),.<>=!&|~ ]*")
SYMBOL = re.compile(
    r"[a-z]+\d+|Max|Min|FloorDiv|ModularIndexing|Where|PythonMod|Mod|CleanDiv|CeilToInt|FloorToInt|CeilDiv|LShift|RShift"
    r"|PowByNatural|FloatPow|FloatTrueDiv|IntTrueDiv|IsNonOverlappingAndDenseIndicator|TruncToFloat|TruncToInt"
    r"|RoundToInt|RoundDecimal|ToFloat|Identity|OpaqueUnaryFn_\w+|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|Piecewise|ExprCondPair"
    r"|floor|ceiling|Abs|sqrt|True|False|true|false|oo|int_oo|Symbol|Integer|Rational|Float|Add|Mul|Pow|StrictLessThan"
    r"|LessThan|StrictGreaterThan|GreaterThan|Equality|Unequality|BooleanTrue|BooleanFalse|Infinity|NegativeInfinity"
    r"|(?:non)?(?:positive|negative|zero)|integer|real|finite|infinite|commutative|precision|evaluate|prec|dps"
)
INSTEAD = (
    "save it as TorchScript with torch.jit.trace(network, image).save(path), or name the network's own file as "
    "model.name and its state dict as model.weights"
)


def load_program(path: Path) -> Any:
    """Return the torch.export.ExportedProgram of a file. Raises RecipeError where that would run code."""
    import torch

    for name, data in _members(path):
        _require_data(path, name, data)
    with _weights_only():
        return torch.export.load(path)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of all members, as Python's reader of archives finds them, and as PyTorch's own does."""
    from torch.export.pt2_archive._package import PT2ArchiveReader

    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            yield info.filename, archive.read(info)
    try:
        with PT2ArchiveReader(os.fspath(path)) as reader:
            for name in reader.get_file_names():
                yield name, reader.read_bytes(name)
    except RuntimeError:  # of an older form: torch.export.load then reads it by Python's reader
        return


def _require_data(path: Path, name: str, data: bytes) -> None:
    """Raise RecipeError for a member that is more than data."""
    if re.search(r"(?:^|/)aotinductor/", name):
        raise _code(path, f"a compiled library ({name})")
    if re.search(r"(?:^|/)constants/(?:custom|opaque)_obj_", name):
        raise _code(path, f"an object of a class of its own ({name})")
    if name.endswith(".pt") and data:
        _require_weights(path, name, data)
    if name.endswith(".json"):
        _require_network(path, name, data)


def _require_weights(path: Path, name: str, data: bytes) -> None:
    import torch

    try:
        torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:
        raise _code(path, f"more than tensors in {name}") from error


def _require_network(path: Path, name: str, data: bytes) -> None:
    waiting: list[Any] = [json.loads(data)]
    while waiting:
        value = waiting.pop()
        waiting.extend(value.values() if isinstance(value, dict) else value if isinstance(value, list) else ())
        if not isinstance(value, dict):
            continue
        if isinstance(target := value.get("target"), str) and not _is_operator(target):
            raise _code(path, f"the function {target[:60]!r}, which is no operator of a network")
        if isinstance(text := value.get("expr_str"), str) and not _is_shape(text):
            raise _code(path, f"{text[:60]!r} in place of a shape")


def _is_operator(target: str) -> bool:
    return bool(OPERATOR.fullmatch(target)) and not ON_FILES.match(target)


def _is_shape(text: str) -> bool:
    text = QUOTED.sub("", text)
    names = re.findall(r"[^\W\d]\w*", text)
    return bool(SHAPE.fullmatch(text)) and all(SYMBOL.fullmatch(name) for name in names)


@contextmanager
def _weights_only() -> Iterator[None]:
    """Let PyTorch unpickle nothing but tensors, whatever its own code asks for."""
    before = os.environ.get(ONLY_WEIGHTS)
    os.environ[ONLY_WEIGHTS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[ONLY_WEIGHTS]
        else:
            os.environ[ONLY_WEIGHTS] = before


def _code(path: Path, what: str) -> RecipeError:
    return RecipeError(f"model: {path} holds {what}: loading it would run code", fix=INSTEAD)
