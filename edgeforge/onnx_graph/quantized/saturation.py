"""Activations that a quantizer left out since a range that ends where they do has their effect: put in again.

ONNX Runtime's quantizer drops a Relu whose output's range begins at 0: the integers saturate there by themselves. The
float network without it would be another one.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.graph import constants, only_reader
from edgeforge.onnx_graph.quantized.parameters import Range, named

if TYPE_CHECKING:
    import onnx

SIX = 6.0  # where ReLU6 ends
TOLERANCE = 1e-5  # of that, for a scale in float32
NEVER_NEGATIVE = ("Relu", "Sigmoid", "HardSigmoid", "Softmax", "Abs", "Exp")
# Their outputs are nowhere negative where no input is; these operators' results may be raised by one below zero.
KEEP_SIGN = (
    "Add", "AveragePool", "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "GlobalAveragePool", "GlobalMaxPool",
    "Identity", "MaxPool", "Mul", "Pad", "ReduceMean", "ReduceMax", "ReduceSum", "Reshape", "Resize", "Slice",
    "SpaceToDepth", "Split", "Squeeze", "Transpose", "Unsqueeze", "Clip", "Dropout",
)  # fmt: skip


def with_saturation(model: onnx.ModelProto, ranges: dict[str, Range], bare: Collection[str]) -> tuple[str, ...]:
    """Put a Relu, or a Clip from 0 to 6, behind each operator whose range begins at 0 and whose values do not.

    Returns the tensors behind them; those before them get the same range, where the integers saturate. bare: tensors
    that some operators read as they are, not quantized; one of these that saturates is two tensors, and raises
    RecipeError.
    """
    from onnx import helper, numpy_helper

    restored: list[str] = []
    known = constants(model)
    signs = _Signs(model, ranges, known)
    nodes = []
    for node in model.graph.node:
        nodes.append(node)
        never_negative = signs.never_negative(node)
        for place, name in enumerate(node.output):
            if name not in ranges or ranges[name].zero_point != -128 or never_negative:
                continue
            behind = only_reader(model, name)
            if behind is not None and behind.op_type in ("Relu", "Clip"):
                continue  # it has not been left out
            if name in bare:
                raise RecipeError(
                    f"model: tensor '{name}' ({named(node)}) ends at 0 where it is quantized, and is also read as it "
                    "is, with its negative values; TFLite has one of them",
                    fix="put a QuantizeLinear before every operator that reads it",
                )
            before = f"{name}/unclipped"
            node.output[place] = before
            ranges[before] = ranges[name]
            if abs(255 * ranges[name].scale - SIX) <= TOLERANCE * SIX:
                import numpy as np

                ends = [f"{name}/zero", f"{name}/six"]
                for end, value in zip(ends, (0.0, SIX), strict=True):
                    model.graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), end))
                nodes.append(helper.make_node("Clip", [before, *ends], [name], name=f"{name}/Clip"))
            else:
                nodes.append(helper.make_node("Relu", [before], [name], name=f"{name}/Relu"))
            nodes[-1].metadata_props.extend(node.metadata_props)
            signs.note(name)
            restored.append(name)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return tuple(restored)


class _Signs:
    """Which tensors are nowhere negative, found as the graph is walked through."""

    def __init__(self, model: onnx.ModelProto, ranges: Mapping[str, Range], known: Mapping[str, Any]) -> None:
        self.positive = {name for name, values in known.items() if values.size and (values >= 0).all()}
        self.positive |= {value.name for value in model.graph.input if ranges.get(value.name, NONE).zero_point == -128}
        self.known = known

    def note(self, name: str) -> None:
        self.positive.add(name)

    def never_negative(self, node: onnx.NodeProto) -> bool:
        """Say whether a node's outputs are nowhere negative; remembers them."""
        inputs = [name for name in node.input if name]
        found = node.op_type in NEVER_NEGATIVE
        if node.op_type == "Clip" and len(node.input) > 1 and node.input[1] in self.known:
            found = bool((self.known[node.input[1]] >= 0).all())
        elif node.op_type in ("Add", "Mul", "Concat"):
            found = all(name in self.positive for name in inputs)
        elif node.op_type in KEEP_SIGN:
            found = bool(inputs) and inputs[0] in self.positive
        if found:
            self.positive |= set(node.output)
        return found


NONE = Range(1.0, 0)
