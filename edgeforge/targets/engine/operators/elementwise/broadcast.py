"""Two inputs of unequal shapes: how to walk them together."""

from __future__ import annotations

from edgeforge.targets.engine.ir import Operator, Tensor
from edgeforge.targets.engine.read import Found

DIMENSIONS = 4  # of engine_broadcast


def require_broadcast(found: Found, a: Tensor, b: Tensor, target: Tensor) -> None:
    """Refuse shapes that do not go together, or in more dimensions than the kernels walk."""
    rank = max(len(a.shape), len(b.shape))
    pairs = list(zip(_extended(a.shape, rank), _extended(b.shape, rank), strict=True))
    if any(one != other and 1 not in (one, other) for one, other in pairs):
        found.refuse(f"has the shape {b.shape}, which does not go with {a.shape}", b)
    if _extended(target.shape, rank) != tuple(max(pair) for pair in pairs):
        found.refuse(f"has the shape {target.shape}; the inputs give {tuple(max(pair) for pair in pairs)}", target)
    if len(_merged(a, b, target)) > DIMENSIONS:
        found.refuse(f"has the shape {b.shape}, which repeats along too many dimensions of {a.shape}", b)


def broadcast(operator: Operator) -> dict[str, tuple[int, ...]]:
    """Return an engine_broadcast: sizes, and how far apart neighbours of both inputs are; 0 where one is repeated."""
    merged = _merged(operator.inputs[0], operator.inputs[1], operator.output)
    rows: list[tuple[int, int, int]] = []
    step_a = step_b = 1
    for size, repeats_a, repeats_b in reversed(merged):
        rows.append((size, 0 if repeats_a else step_a, 0 if repeats_b else step_b))
        step_a, step_b = step_a * (1 if repeats_a else size), step_b * (1 if repeats_b else size)
    rows += [(1, 0, 0)] * (DIMENSIONS - len(rows))
    sizes, a, b = zip(*reversed(rows), strict=True)
    return {"sizes": sizes, "a": a, "b": b}


def full_inputs(operator: Operator) -> tuple[int, ...]:
    """Return the inputs that have one value for each of the output's: those in whose place it may be written."""
    return tuple(slot for slot, source in enumerate(operator.inputs[:2]) if source.size == operator.output.size)


def _merged(a: Tensor, b: Tensor, target: Tensor) -> list[tuple[int, bool, bool]]:
    """Return the dimensions as (size, whether a is repeated, whether b is); neighbours of one kind are one."""
    rank = max(len(a.shape), len(b.shape), len(target.shape))
    shapes = [_extended(tensor.shape, rank) for tensor in (a, b, target)]
    merged: list[tuple[int, bool, bool]] = []
    for of_a, of_b, size in zip(*shapes, strict=True):
        if size == 1:
            continue
        kind = (of_a == 1, of_b == 1)
        if merged and merged[-1][1:] == kind:
            merged[-1] = (merged[-1][0] * size, *kind)
        else:
            merged.append((size, *kind))
    return merged


def _extended(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return (1,) * (rank - len(shape)) + shape
