"""Hashes of code: of modules and of all that they import, read from the syntax trees without importing anything.

Comments, docstrings and layout do not count, nor what stands under `if TYPE_CHECKING:`. What a module of EdgeForge
reads counts as well: a file or folder beside it that one of its strings names (`boards.toml`, `templates`), and all
files of a folder that it calls `bundled` with (`firmware/arduino`), byte by byte, since they are handed on as they are.
A module that is imported by a string is not seen; whoever asks for the hashes names it too.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from edgeforge.bundled import PACKAGE, bundled
from edgeforge.files import sha256_of
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND

NAME = PACKAGE.name
DIGITS = 16  # of a file's hash: a stage lists dozens of them
SPELLING = ("ctx", "kind", "type_comment")  # fields of the syntax tree that decide nothing


@dataclass(frozen=True)
class Source:
    """What a file of Python says; of one that Python cannot read, the hash of its bytes alone.

    digest: SHA-256 (hex) of its code; empty where there is none. imports: `a.b` of `import a.b`; `a` and `a.b` of
    `from a import b`, which may be a module or not; relative ones begin with dots. bundled: what it calls `bundled`
    with.
    """

    digest: str
    imports: frozenset[str] = frozenset()
    strings: frozenset[str] = frozenset()
    bundled: frozenset[str] = frozenset()


@cache
def read_source(code: bytes) -> Source:
    """Return what a file of Python says."""
    reader = _Reader()
    try:
        reader.read(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # whoever runs the file says what is wrong with it
        return Source(hashlib.sha256(code).hexdigest())
    empty = reader.parts == ["[", "]"]
    digest = "" if empty else hashlib.sha256("\0".join(reader.parts).encode()).hexdigest()
    return Source(digest, frozenset(reader.imports), frozenset(reader.strings), frozenset(reader.bundled))


class PackageCode:
    """The code of EdgeForge's modules; each file is read once, so an instance is good for one plan.

    package: the folder `edgeforge`.
    """

    def __init__(self, package: Path = PACKAGE) -> None:
        self.package = package
        self._modules = _Modules([package.parent], lambda name: name.partition(".")[0] == NAME)
        self._read: dict[Path, dict[str, str]] = {}

    def of(self, modules: Iterable[str]) -> dict[str, str]:
        """Return what decides the results of modules such as `edgeforge.train.stage`: file → hash (16 hex digits).

        Files are named from the folder that holds the package: `edgeforge/files.py`, `firmware/arduino/device.cc`.
        """
        found: dict[str, str] = {}
        for path, source in self._modules.with_imports(modules).items():
            if path not in self._read:
                self._read[path] = self._code_and_data(path, source)
            found |= self._read[path]
        return dict(sorted(found.items()))

    def _code_and_data(self, path: Path, source: Source) -> dict[str, str]:
        name = path.relative_to(self.package.parent).as_posix()
        found = {name: source.digest[:DIGITS]} if source.digest else {}
        for beside in path.parent.glob("[!_.]*"):
            if beside.name in source.strings and beside.suffix != ".py" and not (beside / "__init__.py").exists():
                found |= _hashes(beside, f"{name.rpartition('/')[0]}/{beside.name}")
        for folder in source.bundled:
            found |= _hashes(bundled(folder, self.package), folder)
        return found


def _read(path: Path) -> Source:
    return read_source(read_regular(path, "name a Python file", KIND["code"]))


def digest_of_code(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's code; of its bytes where Python cannot read it."""
    return _read(path).digest


def modules_beside(path: Path) -> dict[str, Path]:
    """Return the modules beside a user's file, or in the working directory, that it imports, directly or not.

    They are named by their place: `blocks.py`, `blocks/convolution.py`.
    """
    folders = [path.parent, Path.cwd()]
    modules = _Modules(folders, lambda name: name.partition(".")[0] != NAME)
    found = {}
    for file in modules.with_imports(_absolute(name, "") for name in _read(path).imports):
        if file != path:
            folder = next(folder for folder in folders if file.is_relative_to(folder))
            found[file.relative_to(folder).as_posix()] = file
    return dict(sorted(found.items()))


class _Modules:
    """Finds modules in some folders, the first that has one before the others, and follows what they import."""

    def __init__(self, folders: list[Path], wanted: Callable[[str], bool]) -> None:
        self.folders, self.wanted = folders, wanted
        self._files: dict[str, Path | None] = {}
        self._sources: dict[Path, Source] = {}

    def with_imports(self, names: Iterable[str]) -> dict[Path, Source]:
        """Return the modules named, their packages, and all that these import."""
        found: dict[Path, Source] = {}
        waiting = list(names)
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen or not name or not self.wanted(name):
                continue
            seen.add(name)
            path = self._file(name)
            if path:
                found[path] = source = self._source(path)
                package = name if path.name == "__init__.py" else name.rpartition(".")[0]
                waiting += [_absolute(one, package) for one in source.imports]
                # edgeforge/__init__.py holds the version alone: it counts where somebody imports that.
                waiting += [package] if package != NAME else []
        return found

    def _file(self, name: str) -> Path | None:
        if name not in self._files:
            places = [folder.joinpath(*name.split(".")) for folder in self.folders]
            files = (file for place in places for file in (place.with_suffix(".py"), place / "__init__.py"))
            self._files[name] = next((file for file in files if file.is_file()), None)
        return self._files[name]

    def _source(self, path: Path) -> Source:
        if path not in self._sources:
            self._sources[path] = _read(path)
        return self._sources[path]


class _Reader:
    """Writes a syntax tree down without what decides nothing, and notes what it imports and names."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.imports: set[str] = set()
        self.strings: set[str] = set()
        self.bundled: set[str] = set()

    def read(self, value: Any) -> None:
        """Read a node, a list of nodes, or a value."""
        if isinstance(value, ast.AST):
            self._note(value)
            self.parts.append(type(value).__name__)
            for name in value._fields:
                if name not in SPELLING:
                    self.read(getattr(value, name, None))
        elif isinstance(value, list):
            self.parts.append("[")
            for item in _executed(value):
                self.read(item)
            self.parts.append("]")
        else:
            self.parts.append(repr(value))

    def _note(self, node: ast.AST) -> None:
        match node:
            case ast.Import(names=names):
                self.imports |= {alias.name for alias in names}
            case ast.ImportFrom(module=module, names=names, level=level):
                start = "." * level + (module or "")
                joined = start if start.endswith(".") else f"{start}."
                self.imports |= {start, *(joined + alias.name for alias in names)}
            case ast.Constant(value=str(text)):
                self.strings.add(text)
            case ast.Call(func=ast.Name(id="bundled"), args=[ast.Constant(value=str(folder)), *_]):
                self.bundled.add(folder)


def _executed(nodes: list[Any]) -> Iterator[Any]:
    """Yield a list's nodes without docstrings and without what only a type checker reads."""
    for node in nodes:
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=orelse):
                yield from _executed(orelse)
            case _:
                yield node


def _absolute(name: str, package: str) -> str:
    """Return the full name of what a module of a package imports; empty for one above the folders."""
    relative = name.lstrip(".")
    level = len(name) - len(relative)
    if not level:
        return name
    parts = package.split(".") if package else []
    if level - 1 > len(parts):
        return ""
    return ".".join([*parts[: len(parts) - level + 1], *([relative] if relative else [])])


def _hashes(place: Path, name: str) -> dict[str, str]:
    """Return the hash of a file, or of each file below a folder, by its name; tools' caches are left out."""
    if place.is_file():
        return {name: sha256_of(place)[:DIGITS]}
    parts = {file: file.relative_to(place).parts for file in place.rglob("*") if file.is_file()}
    return {
        "/".join((name, *within)): sha256_of(file)[:DIGITS]
        for file, within in parts.items()
        if not any(part.startswith((".", "__pycache__")) for part in within)
    }
