"""Plans of the arena: an offset for each block, the best of several greedy orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edgeforge.targets.engine.memory.blocks import Block, lowest

type Placed = list[tuple[Block, int]]

ORDERS: tuple[Callable[[Block], tuple[int, ...]], ...] = (
    lambda block: (-block.bytes, block.first),
    lambda block: (block.first, -block.bytes),
    lambda block: (block.last, -block.bytes),
    lambda block: (-block.first, -block.bytes),  # from the end: what is read lies behind what is written over it
    lambda block: (block.first - block.last, -block.bytes),
    lambda block: (-block.bytes * (block.last - block.first + 1), block.first),
)


def greedy(blocks: Sequence[Block], ends: Sequence[Block] = ()) -> Placed:
    """Return the best plan of those that let each block, in its turn, go to the lowest gap between those that it meets.

    ends: inputs and outputs, which may lie elsewhere.
    """
    plans = [completed([], sorted(blocks, key=order)) for order in ORDERS]
    plans += [completed([], sorted([*blocks, *ends], key=order)) for order in ORDERS if ends]
    return best(plans, ends)


def best(plans: Sequence[Placed], ends: Sequence[Block]) -> Placed:
    """Return the plan that is smallest with inputs and outputs, and of several the smallest without; these left out."""
    kept = [[one for one in plan if one[0] not in ends] for plan in plans]
    return min(kept, key=lambda plan: (top([*plan, *beside(plan, ends)]), top(plan)))


def beside(placed: Placed, ends: Sequence[Block]) -> Placed:
    """Return inputs and outputs with offsets, in their order, the largest placed first; what is placed stays."""
    found = list(placed)
    offsets = {}
    for block in sorted(ends, key=lambda one: -one.bytes):
        offsets[block.name] = lowest(block, found)
        found.append((block, offsets[block.name]))
    return [(block, offsets[block.name]) for block in ends]


def top(placed: Placed) -> int:
    """Return the bytes of all together."""
    return max((offset + block.bytes for block, offset in placed), default=0)


def completed(placed: Placed, blocks: Sequence[Block]) -> Placed:
    """Return a plan with further blocks, each in the lowest gap in its turn."""
    placed = list(placed)
    for block in blocks:
        placed.append((block, lowest(block, placed)))
    return placed
