"""Find room in the arena for the network's inputs and outputs, for callers who give them no memory of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.errors import BudgetExceeded
from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.ir import Tensor
from edgeforge.targets.engine.memory.blocks import overlaps
from edgeforge.targets.engine.memory.lifetimes import end_blocks, placed_blocks
from edgeforge.targets.engine.memory.plans import beside
from edgeforge.targets.engine.network import Network


class PlaceEnds(Pass[Network]):
    """Inputs live until they are last read, outputs from when they are first written: most fit beside what is there.

    The arena's plan stays as it is: it has been chosen with them in mind. An input may lie where the first layer writes
    behind what it has read.
    """

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that the arena is not planned."""
        if not network.places:
            yield "the arena is not planned"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Give each input and output an offset, the largest first.

        Raises BudgetExceeded when arena, inputs and outputs together take more than `max_ram`.
        """
        ends = beside(placed_blocks(network), end_blocks(network))
        offsets = {tensor.number: offset for tensor, (_, offset) in zip(_ends(network), ends, strict=True)}
        total = max([network.arena_bytes, *(offset + block.bytes for block, offset in ends)])
        _require_fits(network, total)
        return Rewritten(replace(network, end_offsets=offsets, shared_bytes=total))

    def ensures(self, before: Network, after: Rewritten[Network]) -> Iterator[str]:
        """Yield what overlaps with an input or output while both are needed."""
        network = after.model
        offsets = [network.end_offsets[tensor.number] for tensor in _ends(network)]
        yield from overlaps([*placed_blocks(network), *zip(end_blocks(network), offsets, strict=True)])


def _ends(network: Network) -> tuple[Tensor, ...]:
    return (*network.inputs, *network.outputs)


def _require_fits(network: Network, total: int) -> None:
    most = network.options.max_ram
    if most is not None and total > most:
        raise BudgetExceeded(
            f"{network.name}: arena, input and output take {total:,} bytes where they share memory and all is done to "
            f"save it, {total - most:,} more than {most:,}",
            fix="make the input or the first layers smaller, or allow more",
        )
