"""Steps of save_memory.py: layers of which each is read by the next alone, computed a few rows at a time.

It does what patch-based inference does (MCUNetV2, Lin et al. 2021, arXiv:2110.15352), with bands as wide as the image:
rows that two bands see are kept, not computed again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.chain import LINKS, Chain, Link, chained
from edgeforge.targets.engine.passes.choose_kernels import chosen

ROWS = (48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
LONGEST = 8  # layers of a chain


def by_rows(network: Network, times: set[int], fewest: int, most: int, *, slower: bool) -> Iterator[Network]:
    """Yield the networks with an operator of `times` and neighbours as one, or with fewer rows.

    fewest: rows of a band. most: bytes that are too many by themselves. No row is computed twice. slower: whether also
    where layers have faster kernels alone.
    """
    for begin, end in sorted({span for time in times for span in _spans(network, time)}):
        links = tuple(link for operator in network.operators[begin:end] for link in _links(operator))
        alone = {source for kernel in network.kernels[begin:end] for source in kernel.sources}
        height = links[-1].output.shape[1]
        whole = network.operators[begin]
        before = whole.rows if end - begin == 1 and isinstance(whole, Chain) else height
        for rows in ROWS:
            if not min(fewest, height - 1) <= rows < before:
                continue
            one = chained(links, rows)
            kernel = next(chosen(one, network.options, for_ram=slower), None)
            if kernel is None or (not slower and not {*kernel.sources} - {kernel.source} <= alone):
                break
            if kernel.scratch(one) + max(one.input.bytes, one.output.bytes) > most:
                continue
            operators = (*network.operators[:begin], one, *network.operators[end:])
            kernels = (*network.kernels[:begin], kernel, *network.kernels[end:])
            yield replace(network, operators=operators, kernels=kernels)


def _spans(network: Network, time: int) -> Iterator[tuple[int, int]]:
    """Yield from which operator to before which one layers may be one chain, an operator among them or next to them."""
    operators = network.operators
    first = last = time
    while first > 0 and _joins(network, first - 1):
        first -= 1
    while last + 1 < len(operators) and _joins(network, last):
        last += 1
    for begin in range(first, last + 1):
        for end in range(begin + 1, last + 2):
            links = sum(len(_links(one)) for one in operators[begin:end])
            if begin <= time < end and 1 < links <= LONGEST:
                yield begin, end


def _links(operator: Network | object) -> tuple[Link, ...]:
    """Return the layers that an operator is in a chain; none where it cannot be in one."""
    if isinstance(operator, Chain):
        return operator.links
    if isinstance(operator, LINKS) and operator.input.kind == operator.output.kind == "int8":
        return (operator,)
    return ()


def _joins(network: Network, number: int) -> bool:
    """Return whether an operator and the next may be one: its output is read by that, by nobody else under any name."""
    first, second = network.operators[number], network.operators[number + 1]
    if not _links(first) or not _links(second):
        return False
    between = first.output
    shared = [tensor for tensor in network.tensors.values() if network.home(tensor) == between.number]
    known = shared == [between] and between not in network.outputs
    return known and second.input == between and len(network.readers(between)) == 1
