"""Blocks of memory, each needed for some time, and which of them may lie where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Block:
    """Memory that is needed from one operator to another, both included.

    bytes: whole multiples of the alignment. home: of tensors, the one in whose memory they live. leads: of an output,
    home of what is read while it is written → how many bytes further that must lie at least for both to share memory
    (less than 0: it may begin before). An operator that has read the rows above those it writes allows it ("diagonal
    memory optimisation", Blacker et al. 2020, arXiv:2010.01000). later: from which operators on fewer bytes are needed,
    and how many: operators in place may write less than they read.
    """

    name: str
    bytes: int
    first: int
    last: int
    home: int | None = None
    leads: tuple[tuple[int, int], ...] = ()
    later: tuple[tuple[int, int], ...] = ()

    def at(self, time: int) -> int:
        """Return how many bytes are needed from an operator on."""
        return min([self.bytes, *(size for begin, size in self.later if begin <= time)])

    def meets(self, other: Block) -> bool:
        """Return whether both are needed at one time."""
        return self.first <= other.last and other.first <= self.last

    def lead(self, read: Block) -> int | None:
        """Return how many bytes further than this `read` must lie for them to share memory; None where it may not."""
        if read.home is None or read.last != self.first:
            return None
        return dict(self.leads).get(read.home)

    def forbidden(self, other: Block, offset: int) -> tuple[int, int]:
        """Return between which offsets, both not included, this may not begin where `other` lies at one."""
        if not self.meets(other):
            return 0, 0
        begin = max(self.first, other.first)
        low, high = offset - self.at(begin), offset + other.at(begin)
        written, read = self.lead(other), other.lead(self)
        if written is not None:  # as far before it as its lead
            low = max(low, offset - written)
        if read is not None:
            high = min(high, offset + read)
        return low, high

    def together(self, other: Block) -> int:
        """Return the fewest bytes that both take when the second of them begins to be needed."""
        begin = max(self.first, other.first)
        mine, others = self.at(begin), other.at(begin)
        leads = [(lead, read) for one, read in ((self, other), (other, self)) if (lead := one.lead(read)) is not None]
        return min([mine + others, *(max(mine, others, lead + read.at(begin)) for lead, read in leads)])


def rounded(size: int, alignment: int) -> int:
    """Return a size as a whole multiple of the alignment."""
    return -(-size // alignment) * alignment


def lowest(block: Block, placed: Sequence[tuple[Block, int]]) -> int:
    """Return the lowest offset at which a block is in the way of none of those that have one."""
    first, last, offset = block.first, block.last, 0
    # Most do not meet it: asked here, without a call, for the millions of pairs that are tried.
    met = [(other, place) for other, place in placed if first <= other.last and other.first <= last]
    for low, high in sorted(block.forbidden(other, place) for other, place in met):
        if offset <= low:
            break
        offset = max(offset, high)
    return offset


def overlaps(placed: Sequence[tuple[Block, int]]) -> Iterator[str]:
    """Yield what lies where it may not."""
    for number, (block, offset) in enumerate(placed):
        for other, place in placed[:number]:
            low, high = block.forbidden(other, place)
            if low < offset < high:
                yield f"{block.name} and {other.name} overlap"


def least(blocks: Sequence[Block]) -> int:
    """Return the bytes below which no plan can go: the most that is needed at one time."""
    return max((needed(blocks, time) for time in {block.first for block in blocks}), default=0)


def needed(blocks: Sequence[Block], time: int) -> int:
    """Return the fewest bytes that all take that are needed at one time."""
    living = [block for block in blocks if block.first <= time <= block.last]
    spared = 0
    for number, block in enumerate(living):
        for other in living[:number]:
            if max(block.first, other.first) == time == min(block.last, other.last):  # else neither leads the other
                spared += block.at(time) + other.at(time) - block.together(other)
    return sum(block.at(time) for block in living) - spared
