"""Plan the arena: a place for every tensor and scratch buffer, so that what lives at one time does not overlap."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.errors import BudgetExceeded
from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.memory.blocks import Block, greedy, least, overlaps, rounded
from edgeforge.targets.engine.network import Network, Place


class PlanMemory(Pass[Network]):
    """Inputs and outputs of the network are the caller's; all else has a place in the arena."""

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that kernels are not chosen: they are asked."""
        if len(network.kernels) != len(network.operators):
            yield "kernels are not chosen"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Raises BudgetExceeded when arena, input and output take more than `max_ram`."""
        fixed = _fixed_places(network)
        offsets, total = greedy(_blocks(network, fixed))
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
        yield from overlaps(placed_blocks(after.model))


def least_bytes(network: Network) -> int:
    """Return the bytes below which no plan of a network with kernels can go."""
    return least(blocks_of(network))


def blocks_of(network: Network) -> list[Block]:
    """Return what a network with kernels needs in the arena, inputs and outputs apart."""
    return _blocks(network, _fixed_places(network))


def placed_blocks(network: Network) -> list[tuple[Block, int]]:
    """Return what the arena has, with its offsets."""
    return [
        (block, network.scratch[block.first] if block.home is None else network.places[block.home].offset)
        for block in blocks_of(network)
    ]


def leads_of(network: Network, home: int) -> tuple[tuple[int, int], ...]:
    """Return by how much what is read while a tensor is first written must lead it (Block.leads)."""
    for operator, kernel in zip(network.operators, network.kernels, strict=True):
        if home not in [network.home(tensor) for tensor in operator.outputs]:
            continue
        lead, source = kernel.lead(operator), network.home(operator.input)
        others = [network.home(tensor) for tensor in operator.inputs[1:]]
        if lead is None or source in (home, *others) or len(operator.outputs) > 1:
            return ()
        return ((source, rounded(lead, network.options.core.alignment)),)
    return ()


def _fixed_places(network: Network) -> dict[int, Place]:
    """Return the places of tensors whose memory is the caller's, by the home of what shares it."""
    places = {network.home(tensor): Place("output", n) for n, tensor in enumerate(network.outputs)}
    return places | {network.home(tensor): Place("input", n) for n, tensor in enumerate(network.inputs)}


def _blocks(network: Network, fixed: dict[int, Place]) -> list[Block]:
    """Return what needs memory in the arena."""
    uses: dict[int, dict[int, int]] = {}  # home: operator: bytes

    def seen(number: int, size: int, time: int) -> None:
        sizes = uses.setdefault(number, {})
        sizes[time] = max(size, sizes.get(time, 0))

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
    for home, sizes in uses.items():
        # What is needed at an operator is needed by it or a later one.
        steps = [(time, max(sizes[one] for one in sizes if one >= time)) for time in range(min(sizes), max(sizes) + 1)]
        steps = [(time, rounded(size, alignment)) for time, size in steps]
        later = tuple(step for step, before in zip(steps[1:], steps, strict=False) if step[1] < before[1])
        span = steps[0][1], min(sizes), max(sizes)
        blocks.append(Block(f"tensor {home}", *span, home, leads_of(network, home), later))
    return blocks


def _require_fits(network: Network, arena: int) -> None:
    most = network.options.max_ram
    ends = sum(tensor.bytes for tensor in (*network.inputs, *network.outputs))
    if most is not None and arena + ends > most:
        raise BudgetExceeded(
            f"{network.name}: arena, input and output take {arena + ends:,} bytes ({arena:,} and {ends:,}), "
            f"{arena + ends - most:,} more than {most:,}",
            fix="make the input or the first layers smaller, or allow more",
        )
