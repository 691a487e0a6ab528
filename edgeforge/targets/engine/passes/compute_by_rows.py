"""Steps of save_memory.py: a convolution whose output only a depthwise one reads gives it a few rows at a time."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.conv_then_depthwise import ConvThenDepthwise, together
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D
from edgeforge.targets.engine.passes.choose_kernels import chosen

ROWS = (48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)


def by_rows(network: Network, times: set[int], fewest: int, *, slower: bool) -> list[Network]:
    """Return the networks with an operator of `times` and its neighbour as one, or with fewer rows.

    fewest: rows of a band. No row is computed twice. slower: whether also where both have faster kernels alone.
    """
    found: list[Network] = []
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
            kernel = next(chosen(one, network.options, for_ram=slower), None)
            if kernel is None:
                break
            alone = {of.source for of in network.kernels[number:until]}
            if not slower and not alone <= {kernel.source, *kernel.needs}:
                break
            operators = (*network.operators[:number], one, *network.operators[until:])
            kernels = (*network.kernels[:number], kernel, *network.kernels[until:])
            found.append(replace(network, operators=operators, kernels=kernels))
    return found


def _alone(network: Network, first: Conv2D, second: DepthwiseConv2D) -> bool:
    """Return whether what the first writes is read by the second, and by nobody else under any name."""
    between = first.output
    shared = [tensor for tensor in network.tensors.values() if network.home(tensor) == between.number]
    known = shared == [between] and between not in network.outputs
    return known and second.input == between and len(network.readers(between)) == 1
