"""Fold pads: rows and columns of zero points around a window's input become the window's own padding."""

from __future__ import annotations

from dataclasses import replace

from edgeforge.passes import Pass, Refusal, Rewritten
from edgeforge.targets.engine.ir import Operator, Padding
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.operators.shapes.pad import Pad
from edgeforge.targets.engine.operators.weighted.conv_2d import Conv2D
from edgeforge.targets.engine.operators.weighted.depthwise_conv_2d import DepthwiseConv2D

# In these a tap outside the image counts nothing, as one on a zero point does. A pool would count it.
WINDOWS = (Conv2D, DepthwiseConv2D)


class FoldPads(Pass[Network]):
    """PAD and PADV2 go where all that reads them is convolutions."""

    def rewrite(self, network: Network) -> Rewritten[Network]:
        """Give the convolutions the pads' inputs."""
        changed, refused = [], []
        for pad in network.operators:
            if not isinstance(pad, Pad):
                continue
            readers = [network.operators[number] for number in network.readers(pad.output)]
            reason = _refusal(network, pad, readers)
            if reason:
                refused.append(Refusal(pad.label, reason))
                continue
            folded = {id(reader): _folded(pad, reader) for reader in readers}
            operators = tuple(folded.get(id(one), one) for one in network.operators if one is not pad)
            notes = tuple(f"{pad.label} is part of {reader.label}" for reader in readers)
            network = replace(network, operators=operators, folded=network.folded + notes)
            changed.append(pad.label)
        return Rewritten(network, tuple(changed), tuple(refused))


def _refusal(network: Network, pad: Pad, readers: list[Operator]) -> str:
    """Return why a pad stays; empty when it goes."""
    if pad.frame is None:
        return "it pads other dimensions than height and width"
    if pad.value != pad.input.zero_point or pad.input.zero_point != pad.output.zero_point:
        return "its value is not the zero point"
    if pad.input.scale != pad.output.scale:
        return "its output is on another grid"
    if pad.output in network.outputs:
        return "its output is the network's"
    others = [reader.label for reader in readers if not isinstance(reader, WINDOWS)]
    return f"{others[0]} reads it" if others else ""


def _folded(pad: Pad, reader: Operator) -> Operator:
    assert isinstance(reader, WINDOWS) and pad.frame is not None
    own, frame = reader.window.padding, pad.frame
    both = Padding(own.top + frame.top, own.left + frame.left, own.bottom + frame.bottom, own.right + frame.right)
    return replace(reader, inputs=(pad.input,), window=replace(reader.window, padding=both))
