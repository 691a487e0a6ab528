"""Plan the arena: a place for every tensor and scratch buffer, so that what lives at one time does not overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from edgeforge.errors import BudgetExceeded
from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.network import Network, Place


@dataclass(frozen=True)
class Block:
    """Memory that is needed from one operator to another, both included. bytes: whole multiples of the alignment."""

    name: str
    bytes: int
    first: int
    last: int

    def meets(self, other: Block) -> bool:
        """Return whether both are needed at one time."""
        return self.first <= other.last and other.first <= self.last


class PlanMemory(Pass[Network]):
    """Inputs and outputs of the network are the caller's; all else has a place in the arena."""

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that kernels are not chosen: they are asked."""
        if len(network.kernels) != len(network.operators):
            yield "kernels are not chosen"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Raises BudgetExceeded when arena, input and output take more than `max_ram`."""
        fixed = _fixed_places(network)
        blocks = _blocks(network, fixed)
        offsets, total = plan(blocks)
        places: dict[int, Place] = {}
        for tensor in network.tensors.values():
            home = network.home(tensor)
            if tensor.data is not None:
                places[tensor.number] = Place("constant", tensor.number)
            else:
                places[tensor.number] = fixed.get(home) or Place("arena", offsets[f"tensor {home}"])
        scratch = tuple(offsets.get(f"scratch {number}", 0) for number in range(len(network.operators)))
        _require_fits(network, total)
        return Rewritten(replace(network, places=places, scratch=scratch, arena_bytes=total))

    def ensures(self, before: Network, after: Rewritten[Network]) -> Iterator[str]:
        """Yield what overlaps in memory and is needed at one time."""
        network = after.model
        blocks = blocks_of(network)
        offsets = {
            block.name: network.places[int(block.name.split()[1])].offset
            if block.name.startswith("tensor")
            else network.scratch[int(block.name.split()[1])]
            for block in blocks
        }
        for number, block in enumerate(blocks):
            for other in blocks[:number]:
                apart = (
                    offsets[block.name] + block.bytes <= offsets[other.name]
                    or offsets[other.name] + other.bytes <= offsets[block.name]
                )
                if block.meets(other) and not apart:
                    yield f"{block.name} and {other.name} overlap"


def plan(blocks: list[Block]) -> tuple[dict[str, int], int]:
    """Return offsets by name, and the bytes of all together: the best of several greedy orders.

    Each block goes, in its turn, to the lowest gap between those that it meets.
    """
    orders: tuple[Callable[[Block], tuple[int, ...]], ...] = (
        lambda block: (-block.bytes, block.first),
        lambda block: (block.first, -block.bytes),
        lambda block: (block.last, -block.bytes),
        lambda block: (block.first - block.last, -block.bytes),
        lambda block: (-block.bytes * (block.last - block.first + 1), block.first),
    )
    return min((_greedy(sorted(blocks, key=order)) for order in orders), key=lambda planned: planned[1])


def least(blocks: list[Block]) -> int:
    """Return the bytes below which no plan can go: the most that is needed at one time."""
    times = {block.first for block in blocks}
    return max((sum(b.bytes for b in blocks if b.first <= time <= b.last) for time in times), default=0)


def least_bytes(network: Network) -> int:
    """Return the bytes below which no plan of a network with kernels can go."""
    return least(blocks_of(network))


def blocks_of(network: Network) -> list[Block]:
    """Return what a network with kernels needs in the arena, inputs and outputs apart."""
    return _blocks(network, _fixed_places(network))


def lowest(block: Block, placed: list[tuple[Block, int]]) -> int:
    """Return the lowest offset at which a block meets none of those that have one."""
    offset = 0
    for other, place in sorted((one for one in placed if one[0].meets(block)), key=lambda one: one[1]):
        if offset + block.bytes <= place:
            break
        offset = max(offset, place + other.bytes)
    return offset


def _greedy(blocks: list[Block]) -> tuple[dict[str, int], int]:
    placed: list[tuple[Block, int]] = []
    for block in blocks:
        placed.append((block, lowest(block, placed)))
    offsets = {block.name: offset for block, offset in placed}
    return offsets, max((offset + block.bytes for block, offset in placed), default=0)


def _fixed_places(network: Network) -> dict[int, Place]:
    """Return the places of tensors whose memory is the caller's, by the home of what shares it."""
    places = {network.home(tensor): Place("output", n) for n, tensor in enumerate(network.outputs)}
    return places | {network.home(tensor): Place("input", n) for n, tensor in enumerate(network.inputs)}


def _blocks(network: Network, fixed: dict[int, Place]) -> list[Block]:
    """Return what needs memory in the arena."""
    spans: dict[int, tuple[int, int, int]] = {}  # home: bytes, first, last

    def seen(number: int, size: int, time: int) -> None:
        most, first, last = spans.get(number, (0, time, time))
        spans[number] = (max(most, size), min(first, time), max(last, time))

    end = len(network.operators)
    blocks = []
    alignment = network.options.core.alignment
    for time, operator in enumerate(network.operators):
        for tensor in (*operator.inputs, *operator.outputs):
            home = network.home(tensor)
            if tensor.data is None and home not in fixed:
                seen(home, tensor.bytes, time)
        for tensor in operator.state:
            seen(tensor.number, tensor.bytes, 0)
            seen(tensor.number, tensor.bytes, end)
        scratch = network.kernels[time].scratch(operator)
        if scratch:
            blocks.append(Block(f"scratch {time}", rounded(scratch, alignment), time, time))
    return blocks + [Block(f"tensor {home}", rounded(size, alignment), a, b) for home, (size, a, b) in spans.items()]


def rounded(size: int, alignment: int) -> int:
    """Return a size as a whole multiple of the alignment."""
    return -(-size // alignment) * alignment


def _require_fits(network: Network, arena: int) -> None:
    most = network.options.max_ram
    ends = sum(tensor.bytes for tensor in (*network.inputs, *network.outputs))
    if most is not None and arena + ends > most:
        raise BudgetExceeded(
            f"{network.name}: arena, input and output take {arena + ends:,} bytes ({arena:,} and {ends:,}), "
            f"{arena + ends - most:,} more than {most:,}",
            fix="make the input or the first layers smaller, or allow more",
        )
