"""Find room in the arena for the network's inputs and outputs, for callers who give them no memory of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.ir import Tensor
from edgeforge.targets.engine.memory.blocks import Block, lowest, overlaps, rounded
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.passes.plan_memory import leads_of, placed_blocks


class PlaceEnds(Pass[Network]):
    """Inputs live until they are last read, outputs from when they are first written: most fit beside what is there.

    The arena's plan stays as it is, so that it is no larger for whoever has inputs and outputs elsewhere. An input may
    lie where the first layer writes behind what it has read.
    """

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that the arena is not planned."""
        if not network.places:
            yield "the arena is not planned"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Give each input and output an offset, the largest first."""
        placed = placed_blocks(network)
        offsets: dict[int, int] = {}
        total = network.arena_bytes
        for tensor in sorted(_ends(network), key=lambda one: -one.bytes):
            block = _block(network, tensor)
            offset = lowest(block, placed)
            placed.append((block, offset))
            offsets[tensor.number] = offset
            total = max(total, offset + block.bytes)
        return Rewritten(replace(network, end_offsets=offsets, shared_bytes=total))

    def ensures(self, before: Network, after: Rewritten[Network]) -> Iterator[str]:
        """Yield what overlaps with an input or output while both are needed."""
        network = after.model
        ends = [(_block(network, tensor), network.end_offsets[tensor.number]) for tensor in _ends(network)]
        yield from overlaps([*placed_blocks(network), *ends])


def _ends(network: Network) -> tuple[Tensor, ...]:
    return (*network.inputs, *network.outputs)


def _block(network: Network, tensor: Tensor) -> Block:
    """Return when an input or output is needed: also by what shares its memory."""
    home, last = network.home(tensor), len(network.operators)
    uses = [
        time
        for time, operator in enumerate(network.operators)
        if any(network.home(one) == home for one in (*operator.inputs, *operator.outputs))
    ]
    is_input = any(tensor is one for one in network.inputs)
    first, end = (0, max(uses, default=0)) if is_input else (min(uses, default=0), last)
    size = rounded(tensor.bytes, network.options.core.alignment)
    return Block(f"end {tensor.number}", size, first, end, home, leads_of(network, home))
