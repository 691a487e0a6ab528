"""PT2E (torch.export and torchao) from an exported network to its integer and float forms, and the ranges behind them.

`prepare` and `finish` are those of fx_quantize.py. torchao's result is a graph of quantize, dequantize and float
operators; in TorchScript it stays that: integers are simulated in float arithmetic, as a fake-quant model does.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from edgeforge.quantize.known_ranges import KnownRanges, ObservedTensor, QuantizedWeights
from edgeforge.quantize.torch.fx_quantize import RECORDED_INPUTS, Quantized
from edgeforge.quantize.torch.pt2e.graph import (
    ExportedNetwork,
    fold_norms,
    operator_of,
    scale_weights_for_norms,
    tensor_of,
)
from edgeforge.quantize.torch.pt2e.quantizer import nodes_of_input, quantizer
from edgeforge.recipe.sections.quantize import TorchObserver

if TYPE_CHECKING:
    import torch
    from torch import fx, nn


def prepare(
    exported: ExportedNetwork,
    example: torch.Tensor,
    *,
    training: bool,
    per_channel_dense: bool,
    observer: TorchObserver = "moving-average",
) -> nn.Module:
    """Return the network with observers, or with fake quantization when it is to be trained."""
    from torchao.quantization.pt2e.quantize_pt2e import prepare_pt2e, prepare_qat_pt2e

    from edgeforge.train.exported_network import Trainable
    from edgeforge.train.qat_callback import observe_activations

    rules = quantizer(exported, training=training, per_channel_dense=per_channel_dense, observer=observer)
    graph = copy.deepcopy(exported.graph)
    if not training:
        return _unlocked(prepare_pt2e(graph, rules))
    scale_weights_for_norms(exported, graph)
    prepared = Trainable(_unlocked(prepare_qat_pt2e(graph, rules)))
    observe_activations(prepared, False)
    prepared.eval()(example)  # sizes the observers of weights, so that a checkpoint can be loaded
    observe_activations(prepared, True)
    return prepared


def finish(prepared: nn.Module, exported: ExportedNetwork, inputs: torch.Tensor) -> Quantized:
    """Return the forms of a network that is calibrated or trained. inputs: real ones, N,C,H,W."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e

    from edgeforge.train.exported_network import Trainable

    if isinstance(prepared, Trainable):
        graph: Any = copy.deepcopy(prepared.eval().for_inference())
        fold_norms(exported, graph)
        _observe_weights(graph)
    else:
        graph = copy.deepcopy(prepared)
    images = inputs[:RECORDED_INPUTS]
    tensors, float_modules = _activations(graph, exported, images)
    twin = _float_twin(graph, exported)
    reference = _unlocked(convert_pt2e(graph))
    ranges = KnownRanges(images.numpy(), tuple(tensors), tuple(_weights(reference, exported)), tuple(float_modules))
    simulated = _with_core_operators(reference)
    return Quantized(simulated, simulated, twin, ranges)


def _unlocked(graph: Any) -> Any:
    """Give a graph nn.Module's train and eval back: torchao forbids them, as they do not switch its operators."""
    for name in ("train", "eval"):
        graph.__dict__.pop(name, None)
    return graph


def _observe_weights(graph: fx.GraphModule) -> None:
    """Give the observers of weights those with the batch norm folded in."""
    computed = nodes_of_input(graph)
    for node in graph.graph.nodes:
        if node.op == "call_module" and node not in computed:
            graph.get_submodule(str(node.target))(tensor_of(graph, node.args[0]))


def _activations(
    graph: fx.GraphModule, exported: ExportedNetwork, inputs: torch.Tensor
) -> tuple[list[ObservedTensor], list[str]]:
    """Run the network node by node with quantization off; return its tensors, and which modules are in float."""
    import torch
    from torch import fx

    values: dict[fx.Node, Any] = {}

    class Recorder(fx.Interpreter):
        def run_node(self, node: fx.Node) -> Any:
            values[node] = self.env[node.args[0]] if node.op == "call_module" else super().run_node(node)  # type: ignore[index]
            return values[node]

    with torch.no_grad():
        Recorder(graph).run(inputs)
    found, float_modules = [], []
    computed = nodes_of_input(graph)
    for node in graph.graph.nodes:
        if node not in computed or node.op == "call_module" or not isinstance(values[node], torch.Tensor):
            continue
        is_float = exported.stays_float(node)
        module = exported.module_of(node)
        if is_float and module not in float_modules:
            float_modules.append(module)
        observer = next((user for user in node.users if user.op == "call_module"), None)
        if observer is not None:
            scale, zero_point = graph.get_submodule(str(observer.target)).calculate_qparams()  # type: ignore[operator]
            found.append(ObservedTensor(node.name, module, float(scale), int(zero_point) - 128, values[node].numpy()))
        elif is_float:
            found.append(ObservedTensor(node.name, module, None, 0, values[node].numpy()))
    return found, float_modules


def _weights(reference: fx.GraphModule, exported: ExportedNetwork) -> list[QuantizedWeights]:
    found = []
    for node in reference.graph.nodes:
        layer = exported.layers.get(node.name)
        if layer is None or "dequantize" not in operator_of(node.args[1]):
            continue
        integers, scale = node.args[1].args[:2]
        scales = [scale] if isinstance(scale, float) else tensor_of(reference, scale).reshape(-1).tolist()
        found.append(QuantizedWeights(layer.module, _float32(scales), tensor_of(reference, integers).numpy()))
    return found


def _float32(values: list[float]) -> Any:
    import numpy as np

    return np.array(values, np.float32)


def _float_twin(graph: fx.GraphModule, exported: ExportedNetwork) -> nn.Module:
    """Return the network as it was written, with the graph's weights; batch norm, which these hold, is gone."""
    from torch import nn

    twin = copy.deepcopy(exported.network)
    learned = graph.state_dict()
    twin.load_state_dict({name: learned[name] for name in twin.state_dict() if name in learned}, strict=False)
    for node in graph.graph.nodes:
        layer = exported.layers.get(node.name)
        if layer is not None and layer.norm is not None:
            twin.get_submodule(layer.module).bias = nn.Parameter(tensor_of(graph, node.args[2]).detach().clone())
            twin.set_submodule(layer.norm, nn.Identity())
    return twin.eval()


def _with_core_operators(reference: fx.GraphModule) -> fx.GraphModule:
    """Return the graph with PyTorch's own fake quantization: a file with torchao's operators would need it to load."""
    import torch

    made = copy.deepcopy(reference)
    for node in list(made.graph.nodes):
        name = operator_of(node).rpartition("::")[2]
        if name == "quantize_per_tensor":
            node.target, node.args = torch.fake_quantize_per_tensor_affine, node.args[:5]
        elif name == "dequantize_per_tensor" and node.args[0].op != "get_attr":
            node.replace_all_uses_with(node.args[0])
            made.graph.erase_node(node)
        elif name.startswith("dequantize"):  # weights
            integers, scale, _, *axis = node.args
            shape = [1] * tensor_of(made, integers).ndim
            if name == "dequantize_per_channel":
                shape[axis[0]], scale = -1, tensor_of(made, scale)
            made.register_buffer(f"{node.name}_scale", torch.as_tensor(scale).float().reshape(shape))
            with made.graph.inserting_before(node):
                scales = made.graph.get_attr(f"{node.name}_scale")
                weights = made.graph.call_function(torch.mul, (integers, scales))
            node.replace_all_uses_with(weights)
            made.graph.erase_node(node)
    made.graph.eliminate_dead_code()
    made.recompile()
    return made
