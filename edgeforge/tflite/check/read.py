"""The one way in for a .tflite file: read once, bounded, and checked before an engine or a rewrite sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgeforge.apart.watch import given
from edgeforge.errors import RecipeError
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.regular import named, read_regular
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.check.operators import (
    require_no_circle,
    require_one_network,
    require_operators,
    require_references,
)
from edgeforge.tflite.check.structure import DAMAGED, require_structure
from edgeforge.tflite.check.tensors import require_tensors
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.flatbuffer import read_model
from edgeforge.tflite.graph import Graph

MACS_A_SECOND = 2e8  # which the plainest kernels compute on a slow machine
VERSION = 3  # of TFLite's schema; there is no other


def read_file(path: Path, *, alone: bool = False) -> bytes:
    """Return a .tflite file's bytes. Raises RecipeError naming it when it cannot be read, is none, or is damaged.

    alone: it must hold one network, and the subgraphs that this runs, and no other.
    """
    data = read_regular(path, "name a .tflite file")
    try:
        activations, products = require_whole(data, alone=alone)
    except RecipeError as error:
        raise RecipeError(f"{named(path)}: {error.reason}", fix=error.fix) from error
    given(path, products / MACS_A_SECOND, 2 * activations)
    return data


def require_whole(data: bytes, *, alone: bool = False) -> tuple[int, int]:
    """Return the bytes of all activations together, and the multiply-accumulates of an inference.

    Raises RecipeError for a .tflite file that an engine could not walk through from its first byte to its last. Boards
    get what stands before the files that are appended to it: that must be whole by itself.
    """
    flatbuffer = pure_flatbuffer(data)
    require_structure(flatbuffer)
    model = read_model(flatbuffer)
    _require_parts(model)
    total = 0
    for number, graph in enumerate(model.subgraphs):
        where = f" of subgraph {number}" if number else ""
        total += require_tensors(model, graph, where, len(data))
    require_memory(total, "its tensors")
    for number in range(len(model.subgraphs)):
        require_operators(model, number, f" of subgraph {number}" if number else "")
    require_no_circle(model)
    require_references(model)
    if alone:
        require_one_network(model)
    return total, macs(Graph(model))


def _require_parts(model: Any) -> None:
    if model.version != VERSION:
        raise _empty(f"it is of version {model.version} of TFLite's schema, which has the version {VERSION} alone")
    for name, parts in (("subgraph", model.subgraphs), ("buffer", model.buffers)):
        if not parts:
            raise _empty(f"it has no {name}")
    main = model.subgraphs[0]
    for name, places in (("operator", main.operators), ("input", main.inputs), ("output", main.outputs)):
        if not len(places):
            raise _empty(f"it has no {name}")
    model.operatorCodes = model.operatorCodes or []


def _empty(reason: str) -> RecipeError:
    return RecipeError(f"this .tflite file is empty or damaged: {reason}", fix=DAMAGED)
