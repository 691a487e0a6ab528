"""Takes a quantized ONNX model apart: what is left is a float network, and what Q/DQ said of its tensors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.graph import attributes, constants
from edgeforge.onnx_graph.passes.fold_constants import FoldConstants
from edgeforge.onnx_graph.passes.gather_as_reshape import GatherAsReshape
from edgeforge.onnx_graph.passes.name_nodes import NameNodes
from edgeforge.onnx_graph.quantized.constants import Integers, dequantized, real_values, through_layout
from edgeforge.onnx_graph.quantized.layers import fold_scales, matrices_as_layers
from edgeforge.onnx_graph.quantized.parameters import AGAIN, Parameters, Range, named, read_parameters
from edgeforge.onnx_graph.quantized.qoperators import DYNAMIC, PlainOperators, is_qoperator
from edgeforge.onnx_graph.quantized.ranges import complete
from edgeforge.onnx_graph.quantized.saturation import with_saturation
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    import onnx

Q, DQ = "QuantizeLinear", "DequantizeLinear"
# Operators that pass integers on as they are: a graph may have them between Q and DQ.
PASS_INTEGERS = (
    "Concat", "DepthToSpace", "Expand", "Flatten", "Gather", "Identity", "MaxPool", "Reshape", "Slice", "SpaceToDepth",
    "Split", "Squeeze", "Transpose", "Unsqueeze",
)  # fmt: skip


@dataclass(frozen=True)
class TakenApart:
    """A float network, and by its tensors' names what the quantized file said of them.

    model: without Q and DQ; weights are the integers times their scale. ranges: of activations. weights: of constants
    that the file holds as integers, by the float constant's name. restored: activations (Relu, Clip) that the file
    left to the range of a tensor, which ends where they do. told: the activations that the file itself has a range of.
    """

    model: onnx.ModelProto
    ranges: dict[str, Range] = field(default_factory=dict)
    integers: dict[str, Integers] = field(default_factory=dict)
    restored: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def is_quantized(model: onnx.ModelProto) -> bool:
    """Say whether any tensor of a model is quantized: in Q/DQ form, as QLinear operators, or dynamically."""
    kinds = (Q, DQ, *DYNAMIC)
    return any(node.op_type in kinds or is_qoperator(node) for node in model.graph.node)


def take_apart(model: onnx.ModelProto, given: Mapping[str, tuple[float, float]] | None = None) -> TakenApart:
    """Return a quantized model's parts; the model itself stays. Raises RecipeError naming what TFLite has not.

    given: further ranges, by tensor: least and greatest value.
    """
    import onnx

    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.value_info[:]  # of integers, which become float
    _constants_as_initializers(copy)
    NameNodes()(copy)
    PlainOperators()(copy)
    FoldConstants(but=(DQ,))(copy)
    parts = TakenApart(copy)
    said, bare = _without_conversions(parts)
    _fold_layouts(parts)
    FoldConstants()(copy)
    GatherAsReshape()(copy)  # what chooses every value, as a pool may be exported, moves them
    for name, parameters in said.items():
        parts.ranges[name] = _activation_range(name, parameters)
    told = (*parts.ranges,)
    _add_ranges(copy, parts.ranges, given or {})
    matrices_as_layers(copy, parts.integers, parts.ranges)
    fold_scales(copy, parts.integers, parts.ranges)
    complete(copy, parts.ranges)
    restored = with_saturation(copy, parts.ranges, bare)
    _drop_unused(copy)
    onnx.checker.check_model(copy)
    inferred = onnx.shape_inference.infer_shapes(copy)
    return TakenApart(inferred, parts.ranges, parts.integers, restored, told)


def _add_ranges(model: onnx.ModelProto, ranges: dict[str, Range], given: Mapping[str, tuple[float, float]]) -> None:
    """Add the ranges that the recipe gives, of tensors that the file has none of."""
    activations = [value.name for value in model.graph.input] + [name for n in model.graph.node for name in n.output]
    for name, (low, high) in given.items():
        if name not in activations:
            raise RecipeError(
                f"model.ranges: the model has no tensor '{name}'{nearest(name, activations)}",
                fix="name one of the file's tensors, as its messages do",
            )
        if name in ranges:
            raise RecipeError(
                f"model.ranges: '{name}' has a range in the file: {_shown(ranges[name])}", fix="leave it out"
            )
        ranges[name] = Range.around(low, high)


def _shown(found: Range) -> str:
    return "{:.6g} to {:.6g}".format(*found.bounds)


def _constants_as_initializers(model: onnx.ModelProto) -> None:
    from onnx import numpy_helper

    left = []
    for node in model.graph.node:
        given = attributes(node)
        if node.op_type == "Constant" and "value" in given:
            tensor = model.graph.initializer.add()
            tensor.CopyFrom(given["value"])
            tensor.name = node.output[0]
        elif node.op_type == "Constant" and given:
            import numpy as np

            ((key, value),) = given.items()
            kind = np.float32 if "float" in key else np.int64
            model.graph.initializer.append(numpy_helper.from_array(np.asarray(value, kind), node.output[0]))
        else:
            left.append(node)
    del model.graph.node[:]
    model.graph.node.extend(left)


def _without_conversions(parts: TakenApart) -> tuple[dict[str, Parameters], set[str]]:
    """Take Q and DQ out of the graph; return what they said of each activation, and which are read in float too."""
    model = parts.model
    known = constants(model)
    said: dict[str, Parameters] = {}
    alias: dict[str, str] = {}  # a tensor that is gone → what it was made of
    integers: set[str] = set()  # activations that are integers in the file
    left = []
    for node in model.graph.node:
        source = node.input[0] if node.input else ""
        if node.op_type in (Q, DQ):
            parameters = read_parameters(node, known)
            if source in known:  # a Q of a constant is folded by now: this is DQ
                parts.integers[node.output[0]] = made = dequantized(named(node), known[source], parameters)
                _add_constant(model, node.output[0], real_values(made))
                continue
            root = _root(alias, source)
            _note(said, root, parameters, node)
            alias[node.output[0]] = root
            if node.op_type == Q:
                integers.add(node.output[0])
            continue
        if any(name in integers for name in node.input):
            _require_passing(node, known)
            integers |= set(node.output)
        left.append(node)
    del model.graph.node[:]
    model.graph.node.extend(left)
    bare = {name for node in left for name in node.input if name in said}
    _rename(model, alias, said)
    return said, bare


def _root(alias: dict[str, str], name: str) -> str:
    return alias.get(name, name)


def _note(said: dict[str, Parameters], tensor: str, parameters: Parameters, node: onnx.NodeProto) -> None:
    before = said.setdefault(tensor, parameters)
    if not before.same(parameters):
        raise RecipeError(
            f"model: tensor '{tensor}' is quantized twice, with different scales or zero points ({named(node)}); "
            "TFLite has one a tensor",
            fix="give it one: the same observer, or the same QuantizeLinear, for all that read it",
        )


def _require_passing(node: onnx.NodeProto, known: dict[str, Any]) -> None:
    if node.op_type in PASS_INTEGERS:
        return
    if node.op_type == "Clip" and all(name in known for name in node.input[1:] if name):
        low, high = (float(known[name]) if name else None for name in (*node.input[1:], "", "")[:2])
        reason = f"holds its integers to {low:g} to {high:g}" if low is not None and high is not None else "holds them"
        raise RecipeError(
            f"model: {named(node)} {reason}: fewer than 8 bits, or a narrower range than TFLite's int8",
            fix=AGAIN,
        )
    raise RecipeError(
        f"model: {named(node)} computes with integers between QuantizeLinear and DequantizeLinear",
        fix="export it in Q/DQ form, with DequantizeLinear before each operator",
    )


def _rename(model: onnx.ModelProto, alias: dict[str, str], said: dict[str, Parameters]) -> None:
    """Let every reader of a tensor that is gone read what it was made of; outputs keep their names."""
    from edgeforge.onnx_graph.checks import rename

    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = _root(alias, name)
    for value in model.graph.output:
        root = _root(alias, value.name)
        if root == value.name:
            continue
        if any(root == other.name for other in (*model.graph.input, *model.graph.output)):
            from onnx import helper

            model.graph.node.append(helper.make_node("Identity", [root], [value.name], name=f"{value.name}/Identity"))
            continue
        name, value.name = value.name, root
        rename(model, root, name)
        if root in said:
            said[name] = said.pop(root)
        for gone, old in alias.items():
            alias[gone] = name if old == root else old


def _activation_range(name: str, parameters: Parameters) -> Range:
    found = parameters.as_range_or_none()
    if found is None:
        several = f"{parameters.scale.size} scales" if parameters.scale.size > 1 else parameters.kind
        raise RecipeError(
            f"model: activation '{name}' is quantized with {several}; TFLite's int8 has 8 bits and one scale",
            fix=AGAIN,
        )
    return found


def _fold_layouts(parts: TakenApart) -> None:
    """Take out the Transpose, Reshape and their like between integer weights and the layer that reads them."""
    model = parts.model
    left = []
    for node in model.graph.node:
        source = node.input[0] if node.input else ""
        moved = through_layout(node, parts.integers[source], constants(model)) if source in parts.integers else None
        if moved is None:
            left.append(node)
            continue
        parts.integers[node.output[0]] = moved
        _add_constant(model, node.output[0], real_values(moved))
    del model.graph.node[:]
    model.graph.node.extend(left)


def _add_constant(model: onnx.ModelProto, name: str, values: Any) -> None:
    from onnx import numpy_helper

    model.graph.initializer.append(numpy_helper.from_array(values, name))


def _drop_unused(model: onnx.ModelProto) -> None:
    """Leave out nodes and constants that nobody reads, and operator sets that nobody is of."""
    wanted = {value.name for value in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if any(name in wanted for name in node.output):
            wanted |= {name for name in _reads(node) if name}
            kept.append(node)
    initializers = [tensor for tensor in model.graph.initializer if tensor.name in wanted]
    domains = Counter(node.domain for node in kept)
    opsets = [one for one in model.opset_import if not one.domain or one.domain in domains]
    for field_, values in (
        (model.graph.node, kept[::-1]),
        (model.graph.initializer, initializers),
        (model.opset_import, opsets),
    ):
        kept_ = list(values)
        del field_[:]
        field_.extend(kept_)


def _reads(node: onnx.NodeProto) -> Iterator[str]:
    yield from node.input
    for attribute in node.attribute:
        for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            for one in inner.node:
                yield from _reads(one)
