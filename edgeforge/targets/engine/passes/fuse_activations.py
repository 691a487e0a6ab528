"""Fuse activations: a table that only clamps becomes the bounds of what stands before it; of two tables one."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.targets.engine.ir import Bounds, Operator
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.elementwise.lookup import Lookup


class FuseActivations(Pass[Network]):
    """RELU, RELU6 and QUANTIZE on one grid go; so does the first of LOGISTIC, QUANTIZE and their kin in a row."""

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Let the operator before write what the activation would."""
        changed, refused = [], []
        for activation in network.operators:
            if not isinstance(activation, Lookup):
                continue
            writer = network.writer(activation.input)
            before = None if writer is None else network.operators[writer]
            reason = _refusal(network, activation, before)
            if reason or before is None:
                refused.append(Refusal(activation.label, reason))
                continue
            fused = _fused(before, activation)
            operators = tuple(fused if one is before else one for one in network.operators if one is not activation)
            note = f"{activation.label} is part of {before.label}"
            network = replace(network, operators=operators, folded=(*network.folded, note))
            changed.append(activation.label)
        return Rewritten(network, tuple(changed), tuple(refused))


def _refusal(network: Network, activation: Lookup, before: Operator | None) -> str:
    """Return why an activation stays; empty when it goes."""
    if before is None:
        return "nothing of the network stands before it"
    if len(network.readers(activation.input)) > 1 or activation.input in network.outputs:
        return "what it reads is read elsewhere too"
    if isinstance(before, Lookup):
        return ""
    if not isinstance(getattr(before, "bounds", None), Bounds):
        return f"{before.label} has no bounds"
    source, target = activation.input, activation.output
    if activation.clamp is None or (source.scale, source.zero_point) != (target.scale, target.zero_point):
        return "it does more than clamp"
    return ""


def _fused(before: Operator, activation: Lookup) -> Operator:
    if isinstance(before, Lookup):
        table = activation.table[before.table.astype(int) + 128]
        return replace(before, outputs=activation.outputs, table=table)
    clamp, own = activation.clamp, before.bounds  # type: ignore[attr-defined]
    assert clamp is not None
    bounds = Bounds(*(min(max(bound, clamp.low), clamp.high) for bound in (own.low, own.high)))
    return replace(before, outputs=activation.outputs, bounds=bounds)  # type: ignore[call-arg]
