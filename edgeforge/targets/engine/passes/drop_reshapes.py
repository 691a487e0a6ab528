"""Drop reshapes: the output is the input's memory under another shape."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.passes import Pass, Rewritten
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.shapes.reshape import Reshape


class DropReshapes(Pass[Network]):
    """RESHAPE and SQUEEZE go, but for one from an input or a constant of the network straight to its output."""

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Let outputs share the memory of inputs."""
        shares, kept, dropped = dict(network.shares), [], []
        fixed = {tensor.number for tensor in (*network.inputs, *network.outputs)}
        for operator in network.operators:
            source, target = operator.input, operator.output
            home = replace(network, shares=shares).home(source)
            if not isinstance(operator, Reshape) or source.data is not None or {home, target.number} <= fixed:
                kept.append(operator)
                continue
            dropped.append(operator.label)
            shares[target.number] = source.number
            if target.number in fixed:
                fixed.add(home)  # where it is is settled: another output cannot be there too
        return Rewritten(replace(network, operators=tuple(kept), shares=shares), tuple(dropped))
