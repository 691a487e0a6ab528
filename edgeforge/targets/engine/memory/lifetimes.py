"""How long the tensors and the scratch memory of a network with kernels are needed."""

from __future__ import annotations

from edgeforge.targets.engine.ir import Tensor
from edgeforge.targets.engine.memory.blocks import Block, least, rounded
from edgeforge.targets.engine.network import Network, Place


def least_bytes(network: Network) -> int:
    """Return the bytes below which no plan of a network with kernels can go."""
    return least(blocks_of(network))


def blocks_of(network: Network) -> list[Block]:
    """Return what a network with kernels needs in the arena, inputs and outputs apart."""
    return _blocks(network, fixed_places(network))


def end_blocks(network: Network) -> list[Block]:
    """Return what inputs and outputs need where they lie in the arena too."""
    return [end_block(network, tensor) for tensor in (*network.inputs, *network.outputs)]


def placed_blocks(network: Network) -> list[tuple[Block, int]]:
    """Return what the arena has, with its offsets."""
    return [
        (block, network.scratch[block.first] if block.home is None else network.places[block.home].offset)
        for block in blocks_of(network)
    ]


def fixed_places(network: Network) -> dict[int, Place]:
    """Return the places of tensors whose memory is the caller's, by the home of what shares it."""
    places = {network.home(tensor): Place("output", n) for n, tensor in enumerate(network.outputs)}
    return places | {network.home(tensor): Place("input", n) for n, tensor in enumerate(network.inputs)}


def _leads(network: Network, home: int) -> tuple[tuple[int, int], ...]:
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
        blocks.append(Block(f"tensor {home}", *span, home, _leads(network, home), later))
    return blocks


def end_block(network: Network, tensor: Tensor) -> Block:
    """Return when an input or output is needed where it lies in the arena: also by what shares its memory."""
    home, last = network.home(tensor), len(network.operators)
    uses = [
        time
        for time, operator in enumerate(network.operators)
        if any(network.home(one) == home for one in (*operator.inputs, *operator.outputs))
    ]
    is_input = any(tensor is one for one in network.inputs)
    first, end = (0, max(uses, default=0)) if is_input else (min(uses, default=0), last)
    size = rounded(tensor.bytes, network.options.core.alignment)
    return Block(f"end {tensor.number}", size, first, end, home, _leads(network, home))
