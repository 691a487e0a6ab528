"""A memory plan that takes less of the arena than TFLM's greedy one, to be written into the model that is packed.

Greedy places the largest buffers first, at the lowest free offset, so two large ones that never meet both lie at 0 and
what lives with either is pushed above: a chain of layers wants its activations at the two ends in turn ("ping-pong").
Here each buffer is placed in the order of time, at one of the ends of a gap, and the search goes back where a height
cannot be kept; what no plan can beat is the most bytes that are live in one step. The tensors' offsets are given to
TFLM; it places the scratch buffers itself, around them, and what it makes of that is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgeforge.hardware.board import Board
from edgeforge.hardware.libraries import Library
from edgeforge.targets.fit.arena import (
    ALIGNMENT,
    greedy_head,
    is_planned,
    memories_of,
    plan_of,
    planned,
    unplanned,
)
from edgeforge.targets.fit.memory_planner import Request, height, place
from edgeforge.targets.fit.tflm_memory import OperatorMemory, runtimes
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.passes.compact import Compact
from edgeforge.tflite.passes.memory_plan import METADATA, ONLINE, with_plan

STEPS = 20_000  # placements that are tried for one height, at most
HEIGHTS = 12  # heights that are tried between the bound and greedy's


def as_packed(flatbuffer: bytes, library: Library, boards: Sequence[Board]) -> bytes:
    """Return the model as it is packed for these boards: with a memory plan where one saves RAM, without one where
    TFLM's own is as good, and with what it stores twice stored once. It answers as before, byte for byte.
    """
    graph = Graph(flatbuffer)
    plan = better_plan(graph, library, boards)
    if plan is None and not any(entry.name == METADATA for entry in graph.model.metadata or ()):
        return min(flatbuffer, Compact()(flatbuffer).model, key=len)
    # A board reads the plan as 32-bit numbers: Compact aligns it.
    return Compact()(with_plan(flatbuffer, plan)).model


def better_plan(graph: Graph, library: Library, boards: Sequence[Board]) -> list[int] | None:
    """Return an offset a tensor (-1 for those that TFLM does not plan) that takes less RAM than TFLM's own plan on at
    least one of the boards, and more on none; None where no such plan was found. The same for the same model. A plan
    that the model has already is taken where none is better.
    """
    if len(graph.parts) > 1:  # the libraries of 2023 read the first subgraph's offsets again for each further one
        return None
    runtime = runtimes()[library.structures]
    setups = []
    for kernels, core in dict.fromkeys((library.kernels_on(one), one.core) for one in boards):
        setups.append(memories_of(graph, runtime, kernels, core))
    heads = [greedy_head(graph, memories) for memories in setups]
    tensors = [tensor for tensor in range(len(graph.tensors)) if is_planned(graph, tensor, ONLINE)]

    def offsets_of(plan: list[int]) -> list[int]:
        places = dict(zip(tensors, plan, strict=False))  # of scratch buffers it has some, too: TFLM places those
        return [places.get(tensor, ONLINE) for tensor in range(len(graph.tensors))]

    candidates = [plan_of(graph) or []]
    for memories in setups:
        _, requests = planned(graph, memories, unplanned(graph))
        candidates += map(offsets_of, _plans(requests))
    best, least = None, heads
    for candidate in filter(None, candidates):
        heights = [_head(graph, memories, candidate) for memories in setups]
        if sum(heights) < sum(least) and all(one <= two for one, two in zip(heights, heads, strict=True)):
            best, least = candidate, heights
    return best


def _head(graph: Graph, memories: list[list[OperatorMemory]], plan: list[int]) -> int:
    """Return the bytes of the head that TFLM makes of a plan."""
    _, requests = planned(graph, memories, plan)
    return height(requests, place(requests))


def _plans(requests: list[Request]) -> Iterator[list[int]]:
    """Yield plans, each lower than the one before: the first that is found under ever lower heights."""
    steps = range(-1, max((one.last for one in requests), default=0) + 1)
    bound = max(sum(one.bytes for one in requests if one.first <= step <= one.last) for step in steps)
    top = height(requests, place(requests))
    low = bound
    for _ in range(HEIGHTS):
        if low >= top:
            return
        limit = low if low == bound else (low + top) // 2 // ALIGNMENT * ALIGNMENT
        found = _within(requests, limit)
        if found is None:
            low = limit + ALIGNMENT
        else:
            yield found
            top = height(requests, found)


def _within(requests: list[Request], limit: int) -> list[int] | None:
    """Return offsets under which no buffer ends above `limit`; None where none were found in so many steps."""
    order = sorted(range(len(requests)), key=lambda n: (requests[n].first, -requests[n].bytes, n))
    placed: dict[int, int] = {}
    choices: list[Iterator[int]] = [_ends_of_gaps(requests, order[0], placed, limit)] if order else []
    for _ in range(STEPS):
        if not choices:
            return None
        buffer = order[len(choices) - 1]
        placed.pop(buffer, None)
        offset = next(choices[-1], None)
        if offset is None:
            choices.pop()
            continue
        placed[buffer] = offset
        if len(placed) == len(order):
            return [placed[n] for n in range(len(requests))]
        choices.append(_ends_of_gaps(requests, order[len(choices)], placed, limit))
    return None


def _ends_of_gaps(requests: list[Request], wanted: int, placed: dict[int, int], limit: int) -> Iterator[int]:
    """Return the offsets at which a buffer fits against a neighbour or an end of the arena: outermost ones first."""
    one = requests[wanted]
    beside = [(at, at + requests[n].bytes) for n, at in placed.items() if requests[n].lives_with(one)]
    ends = {0, limit - one.bytes, *(end for _, end in beside), *(start - one.bytes for start, _ in beside)}
    fitting = [
        at
        for at in sorted(ends)
        if 0 <= at <= limit - one.bytes and all(at >= end or at + one.bytes <= start for start, end in beside)
    ]
    return iter([at for pair in zip(fitting, reversed(fitting), strict=True) for at in pair][: len(fitting)])
