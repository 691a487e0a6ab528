"""Exports a network with torch.export, and brings its graph into the shape that TFLite will have.

The operators are aten's, so that models whose forward FX cannot trace are taken too. Removed are dropout, which only
passes values on, and the guards of the export; SiLU becomes a sigmoid and a product, as in TFLite. For training, a
layer and the batch norm behind it are written as one layer with scaled weights (Krishnamoorthi 2018, arXiv:1806.08342,
section 3.2.2): torchao's own rewriting takes every eps to be 1e-5.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, line_in
from edgeforge.foreign.wording import cause, with_debug
from edgeforge.train.network.modules import named_modules

if TYPE_CHECKING:
    import torch
    from torch import fx, nn

LAYERS = frozenset(
    ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "convolution", "linear"]
)
NORM_BEHIND = "norm_behind"  # in a node's meta: it undoes the scaling of weights before its batch norm


@dataclass(frozen=True)
class Layer:
    """A convolution or dense layer: its module, and the batch norm that is folded into it; paths in the network."""

    module: str
    norm: str | None


@dataclass(frozen=True)
class ExportedNetwork:
    """A network in evaluation mode, its graph of aten operators, its layers by node, and the modules left in float."""

    network: nn.Module
    graph: fx.GraphModule
    layers: dict[str, Layer]
    skip: tuple[str, ...]

    def module_of(self, node: fx.Node) -> str:
        """Return the path of the module that computes a node: of the layer, where norm or ReLU are fused into it."""
        source = node
        while operator_of(source) in ("batch_norm", "relu", "hardtanh"):
            before = source.args[0]
            assert isinstance(before, type(node))
            if len(before.users) > 1 and operator_of(before) in LAYERS:
                break
            source = observed(before)
        layer = self.layers.get(source.name)
        return layer.module if layer else module_path(node)

    def stays_float(self, node: fx.Node) -> bool:
        """Whether a node is of a module that is left in float, or fused into one."""
        paths = (self.module_of(node), module_path(node))
        return any(f"{path}.".startswith(f"{name}.") for path in paths for name in self.skip)


def exported_network(
    network: nn.Module, file: Path, example: torch.Tensor, skip: tuple[str, ...] = ()
) -> ExportedNetwork:
    """Export a network in evaluation mode. Raises RecipeError naming the model's line that torch.export refuses.

    example: one image, 1,C,H,W. skip: paths of modules to leave in float, with the batch norm and ReLU behind them.
    """
    import torch

    named_modules(network, skip, "quantize.qat.skip")
    network = copy.deepcopy(network).eval()
    images = example.repeat(2, 1, 1, 1)  # of one image, the batch would be taken to be 1 for ever
    try:
        program = torch.export.export(network, (images,), dynamic_shapes=({0: torch.export.Dim.DYNAMIC},))
    except Exception as error:
        raise RecipeError(
            f"model: {file}{line_in(file, error)}: torch.export cannot follow it: {cause(error)}",
            fix=with_debug("PT2E needs a forward without branches on tensor values, for a batch of any size", error),
        ) from error
    graph: Any = program.module()
    for node in [node for node in graph.graph.nodes if node.target == "_guards_fn"]:
        graph.graph.erase_node(node)
    _without_writing_in_place(graph)
    _drop_dropout(graph)
    _split_silu(graph)
    graph.recompile()
    return ExportedNetwork(network, graph, _layers(graph), skip)


def operator_of(node: Any) -> str:
    """Return the aten name of a node, such as conv2d; the name of any other function; empty for other nodes."""
    if node.op != "call_function":
        return ""
    schema = getattr(node.target, "_schema", None)
    name: str = schema.name if schema else getattr(node.target, "__name__", "")
    return name.removeprefix("aten::")


def module_path(node: fx.Node) -> str:
    """Return the path of the innermost module in whose forward a node stands; empty for the network itself."""
    stack = list((node.meta.get("nn_module_stack") or {}).values())
    return str(stack[-1][0]) if stack else ""


def observed(node: fx.Node) -> fx.Node:
    """Return the node whose values a prepared graph's node passes on: the one before its observer."""
    while node.op == "call_module":
        source = node.args[0]
        assert isinstance(source, type(node))
        node = source
    return node


def tensor_of(graph: fx.GraphModule, node: Any) -> Any:
    """Return the parameter or buffer that a node reads; None for None."""
    value: Any = graph
    for name in node.target.split(".") if node is not None else ():
        value = getattr(value, name)
    return None if node is None else value


def scale_weights_for_norms(exported: ExportedNetwork, graph: fx.GraphModule) -> None:
    """Write every layer with a batch norm as: weights times γ/σ (these are quantized), the sums divided by γ/σ.

    γ and σ = √(running variance + eps) are the batch norm's: what it is given is what the layer alone would give.
    """
    import torch

    new = graph.graph.call_function
    for node, norm in _normalized(exported, graph):
        _, gamma, _, _, variance, *_, eps, _ = norm.args
        weight, bias = node.args[1], node.args[2] if len(node.args) > 2 else None
        weight_shape, sums_shape = [1] * weight.meta["val"].ndim, [1] * weight.meta["val"].ndim
        weight_shape[_output_axis(node)], sums_shape[1] = -1, -1
        with graph.graph.inserting_before(node):
            deviation = new(torch.sqrt, (new(torch.add, (variance, eps)),))
            factor = new(torch.div, (1.0 if gamma is None else gamma, deviation))
            scaled = new(torch.mul, (weight, new(torch.reshape, (factor, weight_shape))))
        node.args = (node.args[0], scaled, None, *node.args[3:])
        with graph.graph.inserting_before(norm):
            sums = new(torch.div, (node, new(torch.reshape, (factor, sums_shape))))
            added = sums if bias is None else new(torch.add, (sums, new(torch.reshape, (bias, sums_shape))))
        sums.meta[NORM_BEHIND] = added.meta[NORM_BEHIND] = True
        norm.args = (added, *norm.args[1:])
    graph.recompile()


def fold_norms(exported: ExportedNetwork, graph: fx.GraphModule) -> None:
    """Undo `scale_weights_for_norms` in a trained graph: each batch norm goes into its layer's weights and bias."""
    import torch
    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_weights, fuse_linear_bn_weights

    owner: Any
    for node, norm in _normalized(exported, graph):
        before, gamma, beta, mean, variance, *_, eps, _ = norm.args
        scaled: Any = observed(node.args[1])
        weight = scaled.args[0]
        bias = before.args[1].args[0] if before.target is torch.add else None
        w, b, m, v, g, shift = (tensor_of(graph, part) for part in (weight, bias, mean, variance, gamma, beta))
        if operator_of(node) == "linear":
            weights, biases = fuse_linear_bn_weights(w, b, m, v, eps, g, shift)
        else:
            weights, biases = fuse_conv_bn_weights(w, b, m, v, eps, g, shift, transpose=_output_axis(node) == 1)
        path = weight.target.rpartition(".")[0]
        owner = graph.get_submodule(path)
        owner.weight, owner.bias = nn.Parameter(weights.detach()), nn.Parameter(biases.detach())
        scaled.replace_all_uses_with(weight)
        with graph.graph.inserting_before(node):
            node.args = (*node.args[:2], graph.graph.get_attr(f"{path}.bias"), *node.args[3:])
        norm.replace_all_uses_with(node)
        graph.graph.erase_node(norm)
    graph.graph.eliminate_dead_code()
    graph.recompile()


def _normalized(exported: ExportedNetwork, graph: fx.GraphModule) -> list[tuple[Any, Any]]:
    """Return the nodes of every layer that a batch norm is folded into, and of that batch norm."""
    norms = {module_of_tensor(node.args[3]): node for node in graph.graph.nodes if operator_of(node) == "batch_norm"}
    layers = {name: layer.norm for name, layer in exported.layers.items() if layer.norm is not None}
    return [(node, norms[layers[node.name]]) for node in graph.graph.nodes if node.name in layers]


def module_of_tensor(node: Any) -> str:
    """Return the path of the module that owns the parameter or buffer that a node reads."""
    return str(node.target).rpartition(".")[0]


def _output_axis(node: fx.Node) -> int:
    return 1 if operator_of(node).startswith("conv_transpose") else 0


def _layers(graph: fx.GraphModule) -> dict[str, Layer]:
    found = {}
    for node in graph.graph.nodes:
        if operator_of(node) not in LAYERS or node.args[1].op != "get_attr":
            continue
        user = next(iter(node.users))
        is_norm = len(node.users) == 1 and operator_of(user) == "batch_norm" and user.args[3] is not None
        found[node.name] = Layer(module_of_tensor(node.args[1]), module_of_tensor(user.args[3]) if is_norm else None)
    return found


def _without_writing_in_place(graph: fx.GraphModule) -> None:
    """Take relu for relu_ and so on: an observer must see the values before and after."""
    import torch

    node: Any
    for node in graph.graph.nodes:
        name = operator_of(node)
        plain = getattr(torch.ops.aten, name.removesuffix("_"), None)
        if not name.endswith("_") or name.endswith("__") or plain is None:
            continue
        later = set(_behind(node))
        node.args[0].replace_all_uses_with(node, delete_user_cb=later.__contains__)  # they read what was written
        node.target = getattr(plain, node.target._overloadname)


def _behind(node: fx.Node) -> list[fx.Node]:
    nodes = list(node.graph.nodes)
    return nodes[nodes.index(node) + 1 :]


def _drop_dropout(graph: fx.GraphModule) -> None:
    for node in list(graph.graph.nodes):
        if operator_of(node) in ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"):
            node.replace_all_uses_with(node.args[0])
            graph.graph.erase_node(node)


def _split_silu(graph: fx.GraphModule) -> None:
    import torch

    for node in list(graph.graph.nodes):
        if operator_of(node) != "silu":
            continue
        with graph.graph.inserting_before(node):
            gate = graph.graph.call_function(torch.ops.aten.sigmoid.default, (node.args[0],))
            product = graph.graph.call_function(torch.ops.aten.mul.Tensor, (node.args[0], gate))
        gate.meta, product.meta = dict(node.meta), dict(node.meta)
        node.replace_all_uses_with(product)
        graph.graph.erase_node(node)
