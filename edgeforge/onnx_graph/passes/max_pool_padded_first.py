"""Max-pools whose padding int8 can hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from edgeforge.onnx_graph.graph import attributes, constants, shapes
from edgeforge.onnx_graph.passes.onnx_pass import OnnxPass
from edgeforge.passes import Refusal, Rewritten

if TYPE_CHECKING:
    import onnx

NEVER_NEGATIVE = ("Relu", "Sigmoid", "HardSigmoid")
OF_ITS_INPUTS = ("Concat", "Add", "Mul", "MaxPool", "AveragePool")  # not negative where none of their inputs is


class MaxPoolPaddedFirst(OnnxPass):
    """Pad each max-pool's input by a Pad of its own, also where it rounds up.

    onnx2tf pads it with the lowest float, -3.4e38, whose int8 scale leaves nothing of the values. Zeros are as low as
    any value behind ReLUs; elsewhere the border is repeated, which every window that reaches beyond it holds anyway.
    Ensures that no max-pool with paddings of its own is left but those refused; TFLite's own SAME and VALID stay.
    """

    def rewrite(self, model: onnx.ModelProto) -> Rewritten[onnx.ModelProto]:
        """Return the model with paddings."""
        import numpy as np
        from onnx import helper, numpy_helper

        values, known = constants(model), shapes(model)
        makers = {name: node for node in model.graph.node for name in node.output}
        changed, refused = [], []
        for place, node in reversed(list(enumerate(model.graph.node))):
            pads, reason = _pads(node, known)
            if reason:
                refused.append(Refusal(node.name, reason))
            if not any(pads):
                continue
            amounts, padded = f"{node.name}_pads", f"{node.output[0]}_padded"
            begin, end = pads[:2], pads[2:]
            model.graph.initializer.append(numpy_helper.from_array(np.array([0, 0, *begin, 0, 0, *end]), amounts))
            mode = "constant" if _never_negative(node.input[0], makers, values) else "edge"
            pad = helper.make_node("Pad", [node.input[0], amounts], [padded], f"{node.name}_pad", mode=mode)
            pad.metadata_props.extend(node.metadata_props)
            node.input[0] = padded
            kept = [a for a in node.attribute if a.name in ("kernel_shape", "strides")]
            del node.attribute[:]
            node.attribute.extend(kept)
            model.graph.node.insert(place, pad)
            changed.append(node.name)
        return Rewritten(model, tuple(changed[::-1]), tuple(refused[::-1]))

    def remaining(self, model: onnx.ModelProto) -> Iterator[str]:
        """Yield the max-pools that pad by themselves."""
        for node in model.graph.node:
            settings = attributes(node) if node.op_type == "MaxPool" else {}
            if any(settings.get("pads", ())):
                yield node.name


def _pads(node: onnx.NodeProto, known: dict[str, list[int]]) -> tuple[list[int], str]:
    """Return how many rows and columns go before and after a max-pool's input, and why none can be said."""
    if node.op_type != "MaxPool":
        return [], ""
    settings = attributes(node)
    if settings.get("auto_pad", b"NOTSET") != b"NOTSET":  # TFLite's own SAME or VALID
        return [], ""
    source, made = known.get(node.input[0], [])[2:], known.get(node.output[0], [])[2:]
    if len(source) != 2 or len(made) != 2:
        return [], "the shape of its input or output is not known to be N,C,H,W"
    if max(settings.get("dilations", [1])) > 1:
        return [], "it is dilated"
    begin = list(settings.get("pads", [0] * 4))[:2]
    end = [
        max(0, (outputs - 1) * stride + kernel - before - size)
        for outputs, stride, kernel, before, size in zip(
            made, settings.get("strides", [1, 1]), settings["kernel_shape"], begin, source, strict=True
        )
    ]
    return [*begin, *end], ""


def _never_negative(name: str, makers: dict[str, onnx.NodeProto], values: dict[str, Any]) -> bool:
    """Say whether a tensor is made of ReLUs, gates and constants by nothing that could make it negative."""
    node = makers.get(name)
    if node is None:
        return name in values and bool((values[name] >= 0).all())
    if node.op_type == "Clip":
        lowest = values.get(node.input[1]) if len(node.input) > 1 else None
        return lowest is not None and float(lowest) >= 0
    if node.op_type in OF_ITS_INPUTS:
        return all(_never_negative(source, makers, values) for source in node.input)
    return node.op_type in NEVER_NEGATIVE
