"""Plan the arena: a place for every tensor and scratch buffer, so that what lives at one time does not overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.memory.blocks import overlaps
from edgeforge.targets.engine.memory.lifetimes import blocks_of, end_blocks, fixed_places, placed_blocks
from edgeforge.targets.engine.memory.plans import greedy, top
from edgeforge.targets.engine.memory.search import NODES, improved
from edgeforge.targets.engine.network import Network, Place


class PlanMemory(Pass[Network]):
    """Inputs and outputs of the network are the caller's; all else has a place in the arena.

    The plan is the smallest for callers who let inputs and outputs share the arena, and of several the smallest for the
    others. nodes: of the search for a smaller plan than the greedy ones.
    """

    def __init__(self, nodes: int = NODES) -> None:
        self.nodes = nodes

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that kernels are not chosen: they are asked."""
        if len(network.kernels) != len(network.operators):
            yield "kernels are not chosen"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Give each tensor a place, and each operator its scratch memory."""
        fixed = fixed_places(network)
        ends = end_blocks(network)
        first = greedy(blocks_of(network), ends)
        placed = improved(first, ends, self.nodes) if self.nodes else first
        offsets, total = {block.name: offset for block, offset in placed}, top(placed)
        places: dict[int, Place] = {}
        for tensor in network.tensors.values():
            home = network.home(tensor)
            if tensor.data is not None:
                places[tensor.number] = Place("constant", tensor.number)
            else:
                places[tensor.number] = fixed.get(home) or Place("arena", offsets[f"tensor {home}"])
        scratch = tuple(offsets.get(f"scratch {number}", 0) for number in range(len(network.operators)))
        return Rewritten(replace(network, places=places, scratch=scratch, arena_bytes=total, greedy_bytes=top(first)))

    def ensures(self, before: Network, after: Rewritten[Network]) -> Iterator[str]:
        """Yield what overlaps in memory and is needed at one time."""
        yield from overlaps(placed_blocks(after.model))
