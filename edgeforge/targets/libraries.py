"""The TFLM libraries that a sketch can be built with: `libraries.toml`, and which models each would get wrong.

A library that lacks an operator says so on the board; one that computes per-channel dense weights with a single
scale says nothing and answers wrongly. Both are refused here, by the flatbuffer alone, before anything is flashed.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from edgeforge.errors import RecipeError
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from edgeforge.targets.boards import Board

DEFAULT_LIBRARY = "chirale-2.0.0"
Ability = Literal["right", "refused", "wrong"]
JUDGED_TYPES = ("int8", "int16", "uint8", "float32")
REQUANTIZE = (
    "give dense layers one scale each: `edgeforge pack --requantize --float FLOAT.tflite --calibration x.npz` makes it "
    "so; in a recipe, quantize.tflite.per_channel_dense: false"
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
    tolerance_steps: int = Field(ge=0)
    tolerance_reason: str

    @property
    def title(self) -> str:
        """Name and version, as people write them."""
        return f"{self.name} {self.version}"

    def knows(self, operator: str) -> bool:
        """Return whether its op resolver has a method for the operator, for whichever types."""
        return any(operator in known for known in self.operators.values())

    def kernels_on(self, architecture: str) -> str:
        """Return whose kernels compute on an Arduino architecture such as mbed_nano."""
        return self.kernels.get(architecture, self.kernels["*"])


@dataclass(frozen=True)
class Refusal:
    """Why a library would not run a layer, or would run it wrongly, and what to do."""

    layer: str
    operator: str
    reason: str
    fix: str

    def __str__(self) -> str:
        """Return one line that names the layer."""
        return f"{self.operator} '{self.layer}': {self.reason}"


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
    architecture = board.fqbn.split(":")[1]
    if "*" in library.architectures or any(architecture.startswith(known) for known in library.architectures):
        return []
    return [
        f"{library.title} is made for {', '.join(library.architectures)}, not for {architecture} ({board.title}): the "
        "Arduino IDE warns of it, and whether it compiles there is not known"
    ]


def refusals(flatbuffer: bytes, library: Library) -> list[Refusal]:
    """Return every layer that the library would not run, or would compute wrongly; empty for a model it runs right.

    Raises RecipeError when the bytes are no TFLite flatbuffer.
    """
    from edgeforge.evaluate.flatbuffer import read_model

    model = read_model(flatbuffer)
    found = []
    for graph in model.subgraphs:
        for operator in graph.operators:
            found += list(_of_operator(model, graph, operator, library))
    return found


def _of_operator(model: Any, graph: Any, operator: Any, library: Library) -> Iterator[Refusal]:
    from edgeforge.evaluate.flatbuffer import operator_name

    kind = operator_name(model, operator)
    layer = _layer(graph, operator)
    inputs = [graph.tensors[place] if place >= 0 else None for place in operator.inputs]
    if not library.knows(kind):
        yield Refusal(layer, kind, f"{library.title} has no such operator", "replace it in the model")
        return
    types = _computed_types(model, graph, operator)
    for name in types:
        if name in JUDGED_TYPES[:3] and kind not in library.operators.get(name, ()):
            yield Refusal(layer, kind, f"{library.title} does not compute it in {name}", _other_type(library, kind))
    if kind == "FULLY_CONNECTED":
        yield from _of_dense(layer, inputs[1], types, library)
    if kind == "CONV_2D" and inputs[0] is not None and inputs[1] is not None:
        groups = int(inputs[0].shape[3]) // max(int(inputs[1].shape[3]), 1)
        if groups > 1 and library.grouped_convolution != "right":
            yield Refusal(
                layer,
                kind,
                f"it has {groups} groups, and {library.title} computes every convolution with one",
                "use groups=1, or one group a channel (depthwise)",
            )


def _of_dense(layer: str, weights: Any, types: list[str], library: Library) -> Iterator[Refusal]:
    """Judge a dense layer's weights: how many scales, and whether their zero point is 0."""
    import numpy as np

    quantization = weights.quantization if weights is not None else None
    if quantization is None or quantization.scale is None:
        return
    scales = np.asarray(quantization.scale)
    ability = library.per_channel_dense_int16 if "int16" in types else library.per_channel_dense
    # One scale repeated is read rightly by those that look at the first alone.
    several = len(np.unique(scales)) > 1 if ability == "wrong" else scales.size > 1
    if several and ability != "right":
        what = "refuses them" if ability == "refused" else "computes them wrongly, without an error"
        where = " in int16" if ability != library.per_channel_dense else ""
        yield Refusal(
            layer,
            "FULLY_CONNECTED",
            f"its weights are per-channel ({scales.size} scales), and {library.title} {what}{where}: "
            f"{library.per_channel_dense_reason}",
            REQUANTIZE,
        )
    zero_points = np.asarray(quantization.zeroPoint if quantization.zeroPoint is not None else [])
    if np.any(zero_points != 0) and library.asymmetric_dense != "right":
        yield Refusal(
            layer,
            "FULLY_CONNECTED",
            f"its weights have the zero point {zero_points[zero_points != 0][0]}, which {library.title} takes for 0",
            "quantize weights symmetrically (zero point 0), as TFLite's int8 specification asks",
        )


def _computed_types(model: Any, graph: Any, operator: Any) -> list[str]:
    """Return the types of the tensors that an operator computes on: its activations, in and out, not its constants."""
    from edgeforge.evaluate.flatbuffer import type_name

    places = [place for place in operator.inputs if place >= 0 and not _constant(model, graph.tensors[place])]
    places = places[:1] + list(operator.outputs)
    return list(dict.fromkeys(type_name(graph.tensors[place].type).lower() for place in places))


def _constant(model: Any, tensor: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def _layer(graph: Any, operator: Any) -> str:
    """Return the name of an operator's first output; of the names that a converter has joined, the first."""
    name = graph.tensors[operator.outputs[0]].name or b""
    return str(name.decode(errors="replace").split(";")[0])


def _other_type(library: Library, kind: str) -> str:
    known = [name for name in JUDGED_TYPES if kind in library.operators.get(name, ())]
    return f"quantize this layer as {' or '.join(known)}" if known else "replace it in the model"
