"""The TFLM libraries that a sketch can be built with: `libraries.toml`, version by version."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board, Kernels
from edgeforge.suggest import nearest

INSTALLED = "tflm-2026-08"  # the table of operators that is asked of the TFLM on this desk
Ability = Literal["right", "refused", "wrong"]


class Library(BaseModel):
    """One version of a TFLM library, and what it can do, as `source` says.

    operators: element type (`int8`, `int16`, …) → the operators that compute on it; `other`: on no integer of 8 or
    16 bits. kernels: Arduino architecture, or `*` → whose. tolerance_steps: how far an output may be from that of the
    TFLM on this desk, in quantization steps, without the library being at fault.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    name: str
    version: str
    date: str
    header: str
    git: str  # where PlatformIO finds it
    in_library_manager: bool
    source: str
    computed: str = ""
    structures: str  # the measured TFLM whose sizes are counted
    operators: dict[str, frozenset[str]]
    per_channel_dense: Ability
    per_channel_dense_reason: str
    per_channel_dense_int16: Ability
    asymmetric_dense: Ability
    grouped_convolution: Ability
    architectures: tuple[str, ...]
    kernels: dict[str, Kernels]
    float_mean: bool = False  # MEAN in 32-bit floats: the goldens are computed so (runtimes/float_mean.py)
    exact_operators: frozenset[str] = frozenset()  # shown to give the desk's very bytes, such goldens included
    tolerance_steps: int = Field(ge=0)  # for models with other operators
    tolerance_reason: str

    @property
    def title(self) -> str:
        """Name and version, as people write them."""
        return f"{self.name} {self.version}"

    def knows(self, operator: str) -> bool:
        """Return whether its op resolver has a method for the operator, for whichever types."""
        return any(operator in known for known in self.operators.values())

    def tolerance(self, operators: Iterable[str]) -> int:
        """Return by how many steps of its output a model of these operators may differ from the desk's."""
        return 0 if set(operators) <= self.exact_operators else self.tolerance_steps

    def kernels_on(self, board: Board) -> Kernels:
        """Return whose kernels compute on a board: the library's own choice, or what the board's description says."""
        return board.kernels or self.kernels.get(board.architecture, self.kernels["*"])


@cache
def libraries() -> dict[str, Library]:
    """Return every library by its key, in the file's order."""
    document = _read("libraries.toml")
    tables = document["operators"] | {INSTALLED: _installed()}
    return {
        key: Library.model_validate(facts | {"key": key, "operators": _operators(tables, facts["operators"])})
        for key, facts in document["libraries"].items()
    }


def _installed() -> dict[str, list[str]]:
    """Return the table of the installed TFLM: what it has been asked."""
    asked = _read("tflm_operators.toml")
    typed = {name for names in asked["types"].values() for name in names}
    return asked["types"] | {"other": [name for name in asked["operators"] if name not in typed]}


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name(name).read_text())


def _operators(tables: dict[str, Any], name: str) -> dict[str, frozenset[str]]:
    """Return a table of operators by type, with those of the table that it is `like`."""
    table = dict(tables[name])
    like = table.pop("like", None)
    before = _operators(tables, like) if like else {}
    every = frozenset(table.pop("every", ()))
    table = {kind: names if kind == "other" else [*names, *every] for kind, names in table.items()}
    return {kind: before.get(kind, frozenset()) | frozenset(table.get(kind, ())) for kind in {*before, *table}}


def library(key: str) -> Library:
    """Return one library. Raises RecipeError with the nearest key."""
    known = libraries()
    if key not in known:
        raise RecipeError(f"'{key}' is no TFLM library{nearest(key, known)}", fix=f"take one of: {', '.join(known)}")
    return known[key]


def caveats(library: Library, board: Board) -> list[str]:
    """Return what to know before building for a board that the library's makers do not name; the same for each."""
    architecture = board.architecture
    if (
        not architecture
        or "*" in library.architectures
        or any(architecture.startswith(known) for known in library.architectures)
    ):
        return []
    return [
        f"{library.title} is made for {', '.join(library.architectures)}, not for this Arduino core: the Arduino IDE "
        "warns of it, and whether it compiles there is not known"
    ]
