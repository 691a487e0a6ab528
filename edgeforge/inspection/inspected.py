"""A model that was read: its row, and its constants' values, which the row leaves out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from edgeforge.results.rows.fit import ArenaBuffer, ArenaRow
from edgeforge.results.rows.inspected import InspectedLayer, ModelRow, TensorRow
from edgeforge.targets.fit.arena import round_up
from edgeforge.targets.fit.memory_planner import Request, height
from edgeforge.targets.fit.memory_planner import place as placed

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PLANNED = 4000  # tensors: placing them takes their number squared


@dataclass(frozen=True)
class Inspected:
    """A model's row, and what returns a constant's integers or floats by its tensor's place (None: not at hand)."""

    row: ModelRow
    values: Callable[[int], NDArray[Any] | None] = lambda place: None


def connect(tensors: list[TensorRow], layers: Sequence[InspectedLayer]) -> None:
    """Write into each tensor which layer writes it and which read it."""
    for place, layer in enumerate(layers):
        for tensor in layer.writes:
            tensors[tensor].written_by = place
        for tensor in dict.fromkeys(layer.reads):
            tensors[tensor].read_by.append(place)


def count_constants(layers: Sequence[InspectedLayer], tensors: Sequence[TensorRow]) -> dict[str, int]:
    """Write what each layer reads of the file, and return a model's sums: what several layers read counts once.

    Whole numbers of 32 and 64 bits that no product reads are shapes and axes: bytes, and no parameters.
    """
    parameters: dict[int, int] = {}
    for layer in layers:
        constants = [place for place in dict.fromkeys(layer.reads) if tensors[place].kind == "constant"]
        own = {
            place: prod(tensors[place].shape or ())
            for place in constants
            if layer.macs or layer.operator == "weights" or tensors[place].dtype not in ("int32", "int64")
        }
        layer.parameters = sum(own.values())
        layer.constant_bytes = sum(tensors[place].bytes or 0 for place in constants)
        parameters |= own
    return {
        "macs": sum(layer.macs for layer in layers),
        "parameters": sum(parameters.values()),
        "constant_bytes": sum(one.bytes or 0 for one in tensors if one.kind == "constant"),
    }


def lifetimes(
    tensors: Sequence[TensorRow], layers: Sequence[InspectedLayer], inputs: Sequence[int], outputs: Sequence[int]
) -> dict[int, tuple[int, int]]:
    """Return each activation's first and last step: 0 is the input, n the n-th layer; one that nobody reads lives in
    the step that writes it alone. What is computed of constants alone is none: a runtime does that once, before.
    """
    found: dict[int, tuple[int, int]] = {}
    known = {place for place, tensor in enumerate(tensors) if tensor.kind == "constant"}
    for layer in layers:
        if layer.reads and set(layer.reads) <= known:
            known.update(layer.writes)
    for place, tensor in enumerate(tensors):
        unwritten = tensor.written_by is None and place not in inputs
        if tensor.kind != "activation" or unwritten or (place in known and place not in outputs):
            continue
        first = 0 if tensor.written_by is None else tensor.written_by + 1
        last = max((reader + 1 for reader in tensor.read_by), default=first)
        found[place] = (first, len(layers) if place in outputs else last)
    return found


def write_memory(row: ModelRow) -> None:
    """Write into each layer what is live while it runs, and into the row the peak; and, where no board's arena is
    there, the activations' places over time, the largest first. Nothing where a shape is not known.
    """
    lives = lifetimes(row.tensors, row.layers, row.inputs, row.outputs)
    if not row.layers or any(row.tensors[place].bytes is None for place in lives):
        return
    sizes = {place: row.tensors[place].bytes or 0 for place in lives}
    live = [0] * (len(row.layers) + 1)
    for place, (first, last) in lives.items():
        for step in range(first, last + 1):
            live[step] += sizes[place]
    for step, layer in enumerate(row.layers, start=1):
        layer.live_bytes = live[step]
    peak = max(range(len(live)), key=lambda step: live[step])
    row.peak_bytes, row.peak_layer = live[peak], peak - 1 if peak else None
    if row.arena is None and 0 < len(lives) <= MOST_PLANNED:
        row.arena = _plan(row, lives, sizes)


def _plan(row: ModelRow, lives: dict[int, tuple[int, int]], sizes: dict[int, int]) -> ArenaRow:
    """Return the activations laid out as TFLM's greedy planner would."""
    used = [one for one in lives if sizes[one]]
    requests = [Request(round_up(sizes[one]), *lives[one]) for one in used]
    offsets = placed(requests)
    buffers = [
        ArenaBuffer(name=row.tensors[one].name, kind="tensor", bytes=request.bytes, offset=offset, first=request.first,
                    last=request.last)
        for one, request, offset in zip(used, requests, offsets, strict=True)
    ]  # fmt: skip
    live = [sum(one.bytes for one in buffers if one.first <= step <= one.last) for step in range(len(row.layers) + 1)]
    head = height(requests, offsets)
    return ArenaRow(
        used_bytes=head,
        needed_bytes=head,
        head_bytes=head,
        tail_bytes=0,
        tail={},
        buffers=buffers,
        steps=[f"{layer.operator} {number} ({layer.name})" for number, layer in enumerate(row.layers)],
        live_bytes=live,
        peak_step=max(range(len(live)), key=lambda step: live[step]),
    )
