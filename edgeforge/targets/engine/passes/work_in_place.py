"""Let operators write over what they read: its memory is the output's from then on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.network import Network


class WorkInPlace(Pass[Network]):
    """Where a kernel allows it, and nobody reads the input's memory afterwards."""

    def requires(self, network: Network) -> Iterator[str]:
        """Yield that kernels are not chosen: they are asked."""
        if len(network.kernels) != len(network.operators):
            yield "kernels are not chosen"

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Let outputs share the memory of inputs, the first that may be."""
        changed = []
        for number, operator in enumerate(network.operators):
            for slot in network.kernels[number].in_place(operator):
                if _may_be_overwritten(network, number, operator, slot):
                    taken = {operator.output.number: operator.inputs[slot].number}
                    network = replace(network, shares={**network.shares, **taken})
                    changed.append(operator.label)
                    break
        return Rewritten(network, tuple(changed))


def _may_be_overwritten(network: Network, number: int, operator: Operator, slot: int) -> bool:
    source, target = operator.inputs[slot], operator.output
    home = network.home(source)
    if source.data is not None or source.bytes < target.bytes or network.home(target) != target.number:
        return False
    if home in {tensor.number for tensor in network.inputs}:
        return False  # the caller's, and constant
    mates = [tensor for tensor in network.tensors.values() if network.home(tensor) == home]
    if any(mate in network.outputs or mate.data is not None for mate in mates):
        return False
    ends = [tensor.bytes for tensor in network.outputs if network.home(tensor) == target.number]
    if any(mate.bytes > end for mate in mates for end in ends):
        return False  # all of them would have the caller's memory, of the output's size
    if sum(network.home(other) == home for other in operator.inputs) > 1:
        return False  # x + x: in place would do, but the kernels are not asked about that
    return not any(reader > number for mate in mates for reader in network.readers(mate))
