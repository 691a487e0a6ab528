"""Reads values that lie apart by fixed steps: what TRANSPOSE and STRIDED_SLICE come down to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.ir import BYTES, Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.read import Found

DIMENSIONS = 4


@dataclass(frozen=True, eq=False)
class Gather(Operator):
    """output[i, j, …] = input[start + i · steps[0] + j · steps[1] + …], all in values."""

    start: int
    sizes: tuple[int, ...]
    steps: tuple[int, ...]


def gather(found: Found, start: int, sizes: tuple[int, ...], steps: tuple[int, ...], slot: int = 0) -> Gather:
    """Return the operator, with neighbouring dimensions that are walked as one merged."""
    merged: list[tuple[int, int]] = []
    for size, step in zip(sizes, steps, strict=True):
        if size == 1:
            continue
        if merged and merged[-1][1] == size * step:
            merged[-1] = (merged[-1][0] * size, step)
        else:
            merged.append((size, step))
    if len(merged) > DIMENSIONS:
        found.refuse(f"has {len(merged)} dimensions that are walked one by one; {DIMENSIONS} can be", found.input(slot))
    merged = [(1, 0)] * (DIMENSIONS - len(merged)) + merged
    sizes, steps = zip(*merged, strict=True)
    return Gather(found.label, (found.input(slot),), (found.output(),), start, sizes, steps)


def strides(shape: tuple[int, ...]) -> list[int]:
    """Return how far apart neighbours are in each dimension."""
    found = [1]
    for size in reversed(shape[1:]):
        found.append(found[-1] * size)
    return found[::-1][: len(shape)]


class PortableGather(Kernel[Gather]):
    """Value by value."""

    operator = Gather
    function = "engine_gather"
    source = "gather"

    def parameters(self, operator: Gather, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "bytes": BYTES[operator.input.kind],
            "start": operator.start,
            "sizes": operator.sizes,
            "steps": operator.steps,
        }


LOWERINGS: dict[str, object] = {}  # those of the operators, in their own files
KERNELS = (PortableGather(),)
