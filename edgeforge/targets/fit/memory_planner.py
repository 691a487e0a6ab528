"""TFLM's greedy memory planner, in Python: where each buffer of known size and lifetime lies in the arena's head.

The rules of tensorflow/lite/micro/memory_planner/greedy_memory_planner.cc: buffers whose offset the model says lie
there; the others are placed from the largest to the smallest (equal ones in reverse order of their addition), each at
the lowest offset at which it overlaps no placed buffer that lives at the same time.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """A buffer to place: bytes, the first and last step in which it lives, and its offset where the model says it."""

    bytes: int
    first: int
    last: int
    offset: int | None = None

    def lives_with(self, other: Request) -> bool:
        """Whether both are needed in one step."""
        return self.first <= other.last and other.first <= self.last


def place(requests: Sequence[Request]) -> list[int]:
    """Return each buffer's offset in bytes."""
    offsets = [0] * len(requests)
    given = [n for n, one in enumerate(requests) if one.offset is not None]
    free = [n for n, one in enumerate(requests) if one.offset is None]
    order = given + sorted(free, key=lambda n: (-requests[n].bytes, -n))
    placed: list[tuple[int, int]] = []  # (offset, in what order it was placed), sorted
    for turn, n in enumerate(order):
        wanted = requests[n]
        offset = lowest(wanted, [(start, requests[order[earlier]]) for start, earlier in placed])
        offsets[n] = offset if wanted.offset is None else wanted.offset
        insort(placed, (offsets[n], turn))
    return offsets


def lowest(wanted: Request, placed: Sequence[tuple[int, Request]]) -> int:
    """Return the lowest offset at which a buffer overlaps none of those placed, which are sorted by offset."""
    offset = 0
    for start, other in placed:
        if wanted.lives_with(other):
            if start - offset >= wanted.bytes:
                break
            offset = max(offset, start + other.bytes)
    return offset


def height(requests: Sequence[Request], offsets: Sequence[int]) -> int:
    """Return how many bytes the plan takes."""
    return max((offset + request.bytes for request, offset in zip(requests, offsets, strict=True)), default=0)
