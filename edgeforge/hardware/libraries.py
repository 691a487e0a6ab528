"""The TFLM libraries that a sketch can be built with: `libraries.toml`, and which models each would get wrong.

A library that lacks an operator says so on the board; one that computes per-channel dense weights with a single
scale says nothing and answers wrongly. Both are refused here, by the flatbuffer alone, before anything is flashed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.results.fit import Refusal
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from edgeforge.hardware.boards import Board
    from edgeforge.tflite.graph import Graph

DEFAULT_LIBRARY = "chirale-2.0.0"
Ability = Literal["right", "refused", "wrong"]
JUDGED_TYPES = ("int8", "int16", "uint8")  # int32, int64 and bool are shapes, axes and conditions
REQUANTIZE = (
    "give dense layers one scale each: edgeforge pack MODEL.tflite --requantize --float FLOAT.tflite --calibration "
    "x.npz (in a recipe: quantize.tflite.per_channel_dense: false)"
)


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
    operators: dict[str, frozenset[str]]
    per_channel_dense: Ability
    per_channel_dense_reason: str
    per_channel_dense_int16: Ability
    asymmetric_dense: Ability
    grouped_convolution: Ability
    architectures: tuple[str, ...]
    kernels: dict[str, str]
    exact_operators: frozenset[str] = frozenset()  # shown to give the very bytes of the TFLM on the desk
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

    def kernels_on(self, architecture: str) -> str:
        """Return whose kernels compute on an Arduino architecture such as mbed_nano."""
        return self.kernels.get(architecture, self.kernels["*"])


@cache
def libraries() -> dict[str, Library]:
    """Return every library by its key, in the file's order."""
    document = tomllib.loads(Path(__file__).with_name("libraries.toml").read_text())
    tables = document["operators"]
    return {
        key: Library.model_validate(facts | {"key": key, "operators": _operators(tables, facts["operators"])})
        for key, facts in document["libraries"].items()
    }


def _operators(tables: dict[str, Any], name: str) -> dict[str, frozenset[str]]:
    """Return a table of operators by type, with those of the table that it is `like`."""
    table = dict(tables[name])
    like = table.pop("like", None)
    before = _operators(tables, like) if like else {}
    return {kind: before.get(kind, frozenset()) | frozenset(table.get(kind, ())) for kind in {*before, *table}}


def library(key: str) -> Library:
    """Return one library. Raises RecipeError with the nearest key."""
    known = libraries()
    if key not in known:
        raise RecipeError(f"'{key}' is no TFLM library{nearest(key, known)}", fix=f"known: {', '.join(known)}")
    return known[key]


def caveats(library: Library, board: Board) -> list[str]:
    """Return what to know before building for a board that the library's makers do not name."""
    architecture = board.fqbn.partition(":")[2].partition(":")[0]
    if (
        not architecture
        or "*" in library.architectures
        or any(architecture.startswith(known) for known in library.architectures)
    ):
        return []
    return [
        f"{library.title} is made for {', '.join(library.architectures)}, not for {architecture} ({board.title}): the "
        "Arduino IDE warns of it, and whether it compiles there is not known"
    ]


def refusals(flatbuffer: bytes, library: Library) -> list[Refusal]:
    """Return every layer that the library would not run, or would compute wrongly; empty for a model it runs right.

    Raises RecipeError when the bytes are no TFLite flatbuffer.
    """
    from edgeforge.tflite.graph import Graph

    graph = Graph(flatbuffer)
    return [refusal for place in range(len(graph.names)) for refusal in _of_layer(graph, place, library)]


def require_right(flatbuffer: bytes, library: Library, path: Path | None = None) -> None:
    """Raise BudgetExceeded, naming each layer, when the library would compute the model wrongly or not at all."""
    found = refusals(flatbuffer, library)
    if not found:
        return
    lines = [f"{refusal.layer}: {refusal.reason}" for refusal in found]
    fixes = [text.replace("MODEL.tflite", str(path)) if path else text for text in (one.fix for one in found)]
    raise BudgetExceeded("\n".join(lines), fix="; ".join(dict.fromkeys(fixes)))


def _of_layer(graph: Graph, place: int, library: Library) -> Iterator[Refusal]:
    from edgeforge.targets.fit.arena import layer_label

    kind, layer = graph.names[place], layer_label(graph, place)

    def refusal(reason: str, fix: str) -> Refusal:
        return Refusal(layer=layer, operator=kind, reason=reason, fix=fix)

    if not library.knows(kind):
        yield refusal(f"{library.title} has no operator {kind}", "replace that layer in the network")
        return
    types = _computed_types(graph, place)
    for name in types:
        if name in JUDGED_TYPES and kind not in library.operators.get(name, ()):
            known = [other for other in JUDGED_TYPES if kind in library.operators.get(other, ())]
            fix = f"quantize it to {' or '.join(known)}" if known else "replace that layer in the network"
            yield refusal(f"{library.title} does not compute {kind} in {name}", fix)
    if kind == "FULLY_CONNECTED":
        for reason, fix in _of_dense(graph, place, types, library):
            yield refusal(reason, fix)
    if kind == "CONV_2D" and library.grouped_convolution != "right":
        source, kernel = graph.operators[place].inputs[:2]
        groups = graph.shape(source)[3] // max(graph.shape(kernel)[3], 1)
        if groups > 1:
            reason = f"it has {groups} groups, and {library.title} computes every convolution as if it had one"
            yield refusal(reason, "use groups=1, or as many groups as channels (depthwise)")


def _of_dense(graph: Graph, place: int, types: list[str], library: Library) -> Iterator[tuple[str, str]]:
    """Judge a dense layer's weights: how many scales, and whether their zero point is 0."""
    import numpy as np

    quantization = graph.graph.tensors[graph.operators[place].inputs[1]].quantization
    if quantization is None or quantization.scale is None:
        return
    scales = np.asarray(quantization.scale)
    ability = library.per_channel_dense_int16 if "int16" in types else library.per_channel_dense
    # One scale repeated is read rightly by those that look at the first alone.
    several = len(np.unique(scales)) > 1 if ability == "wrong" else scales.size > 1
    if several and ability != "right":
        does = "refuses these" if ability == "refused" else "computes these wrongly and reports no error"
        reason = f"its weights are quantized per channel ({scales.size} scales); {library.title} {does}"
        yield f"{reason}: {library.per_channel_dense_reason}", REQUANTIZE
    zero_points = np.asarray([] if quantization.zeroPoint is None else quantization.zeroPoint)
    if np.any(zero_points != 0) and library.asymmetric_dense != "right":
        found = zero_points[zero_points != 0][0]
        fix = "quantize weights symmetrically (zero point 0), as TFLite's int8 specification asks"
        yield f"its weights have the zero point {found}, which {library.title} takes for 0", fix


def _computed_types(graph: Graph, place: int) -> list[str]:
    """Return the types of what an operator computes on: its first activation and its outputs, not its constants."""
    from edgeforge.tflite.flatbuffer import type_name
    from edgeforge.tflite.graph import targets

    places = [*graph.activations(place)[:1], *targets(graph.operators[place])]
    return list(dict.fromkeys(type_name(graph.tensors[tensor].type).lower() for tensor in places))
