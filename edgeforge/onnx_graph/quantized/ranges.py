"""Tensors that a quantized ONNX file has no range of: those whose range follows, and those to ask for."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.onnx_graph.graph import constants, reads_alone
from edgeforge.onnx_graph.quantized.layers import LAYERS
from edgeforge.onnx_graph.quantized.parameters import Range, named

if TYPE_CHECKING:
    import onnx

# Their outputs are values of their input, moved: a range of one is the other's, both ways.
MOVE = ("Concat", "DepthToSpace", "Dropout", "Flatten", "Identity", "Reshape", "SpaceToDepth", "Squeeze", "Transpose",
        "Unsqueeze")  # fmt: skip
# They choose among their input's values, in an order that rounding keeps: before or behind them is the same.
CHOOSE = ("MaxPool", "GlobalMaxPool")
# Their outputs are some of their input's values, or 0: they inherit its range.
INHERIT = (*CHOOSE, "Expand", "Gather", "Pad", "Relu", "Resize", "Slice", "Split", "Tile")
# Means stay within their input's range, as TFLite's pools and PyTorch's integer kernels have it.
AVERAGE = ("AveragePool", "GlobalAveragePool", "ReduceMean")
# TFLite fixes the outputs of these, whatever the file says.
FIXED = {"Sigmoid": Range(1 / 256, -128), "Softmax": Range(1 / 256, -128), "Tanh": Range(1 / 128, 0)}

State = Literal["ranged", "float", "missing"]


def complete(model: onnx.ModelProto, ranges: dict[str, Range]) -> None:
    """Give tensors whose range follows from their neighbours' that range; `ranges` is added to in place."""
    known = constants(model)
    while _backward(model, ranges, known) or _forward(model, ranges, known, (*MOVE, *INHERIT)):
        pass
    while _forward(model, ranges, known, (*MOVE, *INHERIT, *AVERAGE)) or _backward(model, ranges, known):
        pass


def _saturates(node: onnx.NodeProto, made: Range, known: Mapping[str, Any]) -> bool:
    """Say whether an activation changes nothing that the range of its output would not change."""
    low, high = made.bounds
    if node.op_type == "Relu":
        return low >= 0
    if node.op_type != "Clip" or any(name and name not in known for name in node.input[1:]):
        return False
    ends = [float(known[name]) if name else None for name in (*node.input[1:], "", "")[:2]]
    return (ends[0] is None or ends[0] <= low) and (ends[1] is None or ends[1] >= high * (1 - 1e-6))


def _backward(model: onnx.ModelProto, ranges: dict[str, Range], known: Mapping[str, Any]) -> bool:
    """Let the only reader of a tensor give it the range of its output, where both hold the same values."""
    found = False
    for node in reversed(model.graph.node):
        made = ranges.get(node.output[0])
        if made is None or not (node.op_type in (*MOVE, *CHOOSE) or _saturates(node, made, known)):
            continue
        for name in node.input if node.op_type == "Concat" else node.input[:1]:
            if name not in ranges and reads_alone(model, node, name):
                ranges[name], found = made, True
    return found


def _forward(model: onnx.ModelProto, ranges: dict[str, Range], known: Collection[str], kinds: Collection[str]) -> bool:
    found = False
    for node in model.graph.node:
        if node.op_type not in kinds:
            continue
        sources = [name for name in node.input if name not in known] if node.op_type == "Concat" else node.input[:1]
        passed = {ranges[name] for name in sources if name in ranges}
        if len(passed) != 1 or any(name not in ranges for name in sources):
            continue
        for name in node.output:
            if name and name not in ranges:
                ranges[name], found = next(iter(passed)), True
    return found


@dataclass(frozen=True)
class Unknown:
    """A tensor without a range where TFLite needs one: its name, and what makes it."""

    name: str
    made_by: str


def states(model: onnx.ModelProto, ranges: Mapping[str, Range], integers: Collection[str]) -> dict[str, State]:
    """Return of every activation whether it has a range, is float in the file too, or lacks one.

    integers: constants that the file holds as integers. A layer with float weights computes in float, and so does
    all behind it up to the next range.
    """
    known = {*constants(model)}
    state: dict[str, State] = {}
    for value in model.graph.input:
        needed = any(_in_integers(node, integers, known) for node in _readers(model, value.name))
        state[value.name] = "ranged" if value.name in ranges else "missing" if needed else "float"
    for node in model.graph.node:
        inputs = [state.get(name, "float") for name in node.input if name and name not in known]
        weighty = node.op_type in LAYERS and node.input[1] in known
        if (weighty and node.input[1] not in integers) or "float" in inputs:
            made: State = "float"
        else:
            made = "ranged" if node.op_type in FIXED else "missing"
        state |= {name: "ranged" if name in ranges else made for name in node.output if name}
    return state


def unknown(model: onnx.ModelProto, ranges: Mapping[str, Range], integers: Collection[str]) -> Iterator[Unknown]:
    """Yield the tensors that TFLite needs a range of and nothing gives one."""
    found = states(model, ranges, integers)
    made_by = {name: named(node) for node in model.graph.node for name in node.output}
    fused = {node.input[0] for node in model.graph.node if _fuses(model, node)}
    for name, state in found.items():
        if state == "missing" and name not in fused:
            yield Unknown(name, made_by.get(name, "the model's input"))


def float_tensors(model: onnx.ModelProto, ranges: Mapping[str, Range], integers: Collection[str]) -> set[str]:
    """Return the activations that are float in the file, and the outputs of layers with float weights."""
    known = {*constants(model)}
    found = {name for name, state in states(model, ranges, integers).items() if state == "float"}
    for node in model.graph.node:
        if node.op_type in LAYERS and node.input[1] in known and node.input[1] not in integers:
            found |= set(node.output)
    return found


def _fuses(model: onnx.ModelProto, node: onnx.NodeProto) -> bool:
    """Say whether TFLite fuses an activation into what is before it, so that its input is no tensor there."""
    return node.op_type in ("Relu", "Clip") and reads_alone(model, node, node.input[0])


def _readers(model: onnx.ModelProto, name: str) -> Iterator[onnx.NodeProto]:
    """Yield the nodes that read a tensor, behind those that only move its values."""
    for node in model.graph.node:
        if name in node.input:
            if node.op_type in (*MOVE, *INHERIT):
                for output in node.output:
                    yield from _readers(model, output)
            else:
                yield node


def _in_integers(node: onnx.NodeProto, integers: Collection[str], known: Collection[str]) -> bool:
    weighty = node.op_type in LAYERS and len(node.input) > 1 and node.input[1] in known
    return not weighty or node.input[1] in integers
