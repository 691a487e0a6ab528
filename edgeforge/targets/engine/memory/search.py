"""A smaller plan of the arena than the greedy ones, by branch and bound.

Dynamic storage allocation is NP-hard (Garey and Johnson 1979, problem SR2): a limit of nodes ends the search.
"""

from __future__ import annotations

from collections.abc import Sequence

from edgeforge.targets.engine.memory.blocks import Block, least, needed
from edgeforge.targets.engine.memory.plans import Placed, beside, best, completed, top

NODES = 20_000  # about half a second


def improved(known: Placed, ends: Sequence[Block], nodes: int = NODES) -> Placed:
    """Return a plan that takes less than a known one, with inputs and outputs or alone; the known one if none is found.

    ends: inputs and outputs, which may lie elsewhere.
    """
    together = [*known, *beside(known, ends)]
    return best([known, search(known, nodes), search(together, nodes)], ends)


def search(known: Placed, nodes: int = NODES) -> Placed:
    """Return the smallest plan found of a known plan's blocks: the known one where there is no smaller.

    Blocks that are needed when half of the most is are searched, the others fill gaps. A branch is the block that is
    placed next, as low as it goes, and no lower than those placed before: any plan can be built so from below, but
    where what is read begins before what is written over it, and is placed after. A branch ends where a block that
    waits goes no lower than the best plan's top; the search, where that is the least that is needed at one time.
    """
    blocks = sorted((block for block, _ in known), key=lambda block: (-block.bytes, block.first, block.name))
    bound = least(blocks)
    if top(known) <= bound:
        return known
    crowded = [time for time in {block.first for block in blocks} if 2 * needed(blocks, time) > bound]
    hard = [block for block in blocks if any(block.first <= time <= block.last for time in crowded)]
    found = _Search(hard, top(known), bound, nodes)
    found.descend([], list(range(len(hard))), 0, 0)
    if not found.best:
        return known
    placed = [(hard[number], offset) for number, offset in found.best]
    return min(known, completed(placed, [block for block in blocks if block not in hard]), key=top)


class _Search:
    """What the branches share; blocks go by their numbers."""

    def __init__(self, blocks: Sequence[Block], total: int, bound: int, nodes: int) -> None:
        self.sizes = [block.bytes for block in blocks]
        # Where one may not begin, from where another lies.
        self.apart = [[one.forbidden(other, 0) if one.meets(other) else None for other in blocks] for one in blocks]
        self.before = [{n for n, other in enumerate(blocks) if (other.lead(one) or 0) < 0} for one in blocks]
        self.best: list[tuple[int, int]] = []
        self.total, self.bound, self.left = total, bound, nodes

    def descend(self, placed: list[tuple[int, int]], waiting: list[int], height: int, floor: int) -> None:
        """Try each block that waits as the next."""
        if not waiting:
            self.best, self.total = list(placed), height
            return
        offers = sorted((self.lowest(number, placed), -self.sizes[number], number) for number in waiting)
        if any(offset - size >= self.total for offset, size, _ in offers):
            return  # it goes no lower when more are placed
        there = {number for number, _ in placed}
        for offset, size, number in offers:
            if offset < floor and not self.before[number] & there:
                continue
            if self.left <= 0 or self.total <= self.bound:
                return
            self.left -= 1
            rest = [one for one in waiting if one != number]
            self.descend([*placed, (number, offset)], rest, max(height, offset - size), max(floor, offset))

    def lowest(self, number: int, placed: list[tuple[int, int]]) -> int:
        """Return the lowest offset at which a block is in the way of none of those that have one."""
        apart, offset = self.apart[number], 0
        spans = [(way[0] + place, way[1] + place) for other, place in placed if (way := apart[other])]
        for low, high in sorted(spans):
            if offset <= low:
                break
            offset = max(offset, high)
        return offset
