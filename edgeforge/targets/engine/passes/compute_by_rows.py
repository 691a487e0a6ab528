"""Compute by rows: a convolution whose output is only read by a depthwise one gives it a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.memory.blocks import Block, needed
from edgeforge.targets.engine.memory.lifetimes import blocks_of, end_blocks
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.conv_then_depthwise import ConvThenDepthwise, together
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.passes.choose_kernels import chosen
from edgeforge.targets.engine.passes.place_ends import PlaceEnds
from edgeforge.targets.engine.passes.plan_memory import PlanMemory
from edgeforge.targets.engine.passes.work_in_place import WorkInPlace

FEWEST_ROWS = {"speed": 4, "ram": 1}  # of a band: each begins anew for every channel
ROWS = (48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)


class ComputeByRows(Pass[Network]):
    """Where the arena becomes smaller by it, no row is computed twice; and not where the code is to be small."""

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that kernels are not chosen: they are asked."""
        if len(network.kernels) != len(network.operators):
            yield "kernels are not chosen"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Take, while there is one, the step after which the network needs least; of several the most rows."""
        changed = []
        cost = _cost(network)
        while steps := [(_cost(step), -rows, number, step) for number, rows, step in _steps(network)]:
            least, *_, step = min(steps, key=lambda one: one[:3])
            if least >= cost:
                break
            cost, network = least, step
        for operator in network.operators:
            if isinstance(operator, ConvThenDepthwise):
                whole, kept = operator.first.output.bytes, operator.kept_bytes
                rows = f"{operator.kept_rows} rows stand at a time"
                note = f"of {operator.first.label} {rows}: {kept:,} bytes, not {whole:,}"
                network = replace(network, folded=(*network.folded, note))
                changed.append(operator.label)
        return Rewritten(network, tuple(changed))


def _cost(network: Network) -> tuple[int, ...]:
    """Return the bytes with inputs and outputs, how many operators need the most, and for RAM the bytes without."""
    planned = _planned(network)
    cost = planned.shared_bytes, len(_crowded(planned, [*blocks_of(planned), *end_blocks(planned)]))
    return (*cost, planned.arena_bytes) if network.options.optimize == "ram" else cost


def _planned(network: Network) -> Network:
    network = replace(network, options=replace(network.options, max_ram=None))
    for one in (WorkInPlace(), PlanMemory(nodes=0), PlaceEnds()):
        network = one.rewrite(network).model
    return network


def _crowded(planned: Network, blocks: list[Block]) -> set[int]:
    """Return the operators at which the most bytes are needed."""
    needs = [needed(blocks, time) for time in range(len(planned.operators))]
    return {time for time, need in enumerate(needs) if need == max(needs)}


def _steps(network: Network) -> Iterator[tuple[int, int, Network]]:
    """Yield an operator, rows, and the network with it and the next as one, or with fewer rows, where it is largest."""
    fewest = FEWEST_ROWS.get(network.options.optimize)
    if fewest is None:
        return
    planned = _planned(network)
    inside = blocks_of(planned)
    times = _crowded(planned, [*inside, *end_blocks(planned)]) | _crowded(planned, inside)
    for number in sorted({near for time in times for near in (time - 1, time) if near >= 0}):
        operator = network.operators[number]
        first, second = operator.parts or (operator, next(iter(network.operators[number + 1 :]), operator))
        if not isinstance(first, Conv2D) or not isinstance(second, DepthwiseConv2D):
            continue
        if not operator.parts and not _alone(network, first, second):
            continue
        before = operator.rows if isinstance(operator, ConvThenDepthwise) else second.output.shape[1]
        until = number + (1 if operator.parts else 2)
        for rows in ROWS:
            if not min(fewest, second.output.shape[1] - 1) <= rows < before:
                continue
            one = together(first, second, rows)
            kernel = next(chosen(one, network.options), None)
            if kernel is None or not {of.source for of in network.kernels[number:until]} <= {
                kernel.source,
                *kernel.needs,
            }:
                break  # alone they have faster ones
            operators = (*network.operators[:number], one, *network.operators[until:])
            kernels = (*network.kernels[:number], kernel, *network.kernels[until:])
            yield number, rows, replace(network, operators=operators, kernels=kernels)


def _alone(network: Network, first: Conv2D, second: DepthwiseConv2D) -> bool:
    """Return whether what the first writes is read by the second, and by nobody else under any name."""
    between = first.output
    shared = [tensor for tensor in network.tensors.values() if network.home(tensor) == between.number]
    known = shared == [between] and between not in network.outputs
    return known and second.input == between and len(network.readers(between)) == 1
