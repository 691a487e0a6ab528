"""FX graph mode from a traced network to its integer, fake-quant and float forms, and the ranges behind them."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.quantize.known_ranges import KnownRanges
from edgeforge.quantize.torch.fx_graph import QuantizableGraph
from edgeforge.quantize.torch.fx_observe import observe
from edgeforge.quantize.torch.qconfig import mapping
from edgeforge.recipe.sections.quantize import TorchObserver

if TYPE_CHECKING:
    import torch
    from torch import fx, nn

RECORDED_INPUTS = 4  # enough to tell every tensor from every other


@dataclass(frozen=True)
class Quantized:
    """One quantized network in all its forms."""

    integer: nn.Module  # int8 kernels of the engine chosen
    fake_quant: nn.Module  # the same rounding in float arithmetic: what any engine's outputs should be
    float_twin: nn.Module  # the same weights, batch norm folded, nothing quantized
    ranges: KnownRanges


def prepare(
    graph: QuantizableGraph,
    example: torch.Tensor,
    *,
    training: bool,
    per_channel_dense: bool,
    observer: TorchObserver = "moving-average",
) -> fx.GraphModule:
    """Return the network with observers, or with fake quantization when it is to be trained."""
    from torch.ao.quantization import quantize_fx

    config = mapping(graph, training=training, per_channel_dense=per_channel_dense, observer=observer)
    network = copy.deepcopy(graph.network)
    if training:
        return quantize_fx.prepare_qat_fx(network.train(), config, (example,))
    return quantize_fx.prepare_fx(network, config, (example,))


def finish(prepared: fx.GraphModule, graph: QuantizableGraph, inputs: torch.Tensor) -> Quantized:
    """Return the forms of a network that is calibrated or trained. inputs: real ones, N,C,H,W."""
    from torch.ao.quantization import quantize_fx

    prepared.eval()
    reference = quantize_fx.convert_to_reference_fx(copy.deepcopy(prepared))
    integer = quantize_fx.convert_fx(copy.deepcopy(prepared))
    twin = _float_twin(reference, graph)
    return Quantized(integer, reference, twin, observe(prepared, reference, inputs[:RECORDED_INPUTS], graph))


def _float_twin(reference: fx.GraphModule, graph: QuantizableGraph) -> fx.GraphModule:
    """Return the reference model without quantization: its weights in float, ReLU6 where it was."""
    import torch
    from torch import nn

    twin = copy.deepcopy(reference)
    for node in list(twin.graph.nodes):
        if node.target in (torch.quantize_per_tensor, "dequantize"):
            node.replace_all_uses_with(node.args[0])
            twin.graph.erase_node(node)
    twin.graph.eliminate_dead_code()
    for name, module in list(twin.named_modules()):
        if hasattr(module, "weight_scale"):
            twin.set_submodule(name, _float_layer(module))
    for name in graph.saturating:  # fused modules hold their ReLU as second child, under the layer's name
        fused = dict(twin.named_modules()).get(name)
        if isinstance(fused, nn.Sequential) and isinstance(fused[-1], nn.ReLU):
            fused[-1] = nn.ReLU6()
    twin.recompile()
    return twin.eval()


def _float_layer(module: Any) -> nn.Module:
    """Return the plain layer of a reference one: of nn.Conv2d, nn.ConvTranspose1d, nn.Linear, … whichever."""
    from torch import nn

    plain = next(one for one in type(module).__mro__ if one.__module__.startswith("torch.nn.modules"))
    layer: Any = nn.Module.__new__(plain)
    nn.Module.__init__(layer)
    own = {name: value for name, value in vars(module).items() if not name.startswith(("_", "weight_"))}
    layer.__dict__.update(own)
    layer._reversed_padding_repeated_twice = getattr(module, "_reversed_padding_repeated_twice", None)
    for name, value in module._parameters.items():
        layer.register_parameter(name, None if value is None else nn.Parameter(value.detach()))
    made: nn.Module = layer
    return made
