"""Steps of save_memory.py: an operator computed by a slower kernel that needs less memory."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.passes.choose_kernels import chosen


def by_lighter_kernels(network: Network, times: set[int]) -> list[Network]:
    """Return the networks with another kernel at one of the operators `times`."""
    found = []
    for time in sorted(times):
        now = network.kernels[time]
        for kernel in chosen(network.operators[time], network.options, for_ram=True):
            if kernel.function != now.function:
                kernels = (*network.kernels[:time], kernel, *network.kernels[time + 1 :])
                found.append(replace(network, kernels=kernels))
    return found
