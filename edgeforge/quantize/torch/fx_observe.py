"""Reads out of a prepared FX network the quantization of every tensor, and its float values on real inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.quantize.known_ranges import KnownRanges, ObservedTensor, QuantizedWeights
from edgeforge.quantize.torch.fx_graph import QuantizableGraph

if TYPE_CHECKING:
    import torch
    from torch import fx


def observe(
    prepared: fx.GraphModule, reference: fx.GraphModule, inputs: torch.Tensor, graph: QuantizableGraph
) -> KnownRanges:
    """Return the ranges of every observed activation and all int8 weights.

    prepared: after calibration or training, with observers or fake quantization in its graph. reference: the
    same, through convert_to_reference_fx. inputs: N,C,H,W; the values recorded are those of the float network.
    """
    tensors = _activations(prepared, inputs, graph)
    return KnownRanges(inputs.numpy(), tuple(tensors), tuple(_weights(reference)), graph.skipped)


def _activations(prepared: fx.GraphModule, inputs: torch.Tensor, graph: QuantizableGraph) -> list[ObservedTensor]:
    """Run the network node by node with quantization off; observers pass values on without looking at them."""
    import torch
    from torch import fx, nn
    from torch.ao.quantization import FakeQuantizeBase, ObserverBase, disable_fake_quant, disable_observer

    observed: dict[str, tuple[Any, Any]] = {}  # node → observer, values
    padded: dict[str, tuple[str, Any]] = {}  # padding layer's node → node before it, values
    unquantized: dict[str, Any] = {}  # node of a float module → values
    modules = dict(prepared.named_modules(remove_duplicate=False))  # max-pool shares its observer

    class Recorder(fx.Interpreter):
        def run_node(self, node: fx.Node) -> Any:
            if node.op == "call_module" and isinstance(modules[str(node.target)], FakeQuantizeBase | ObserverBase):
                source: Any = node.args[0]
                values = self.env[source]
                observed.setdefault(source.name, (modules[str(node.target)], values))
                if source.name in padded:  # TFLite pads inside the convolution: its input is the one before
                    before, unpadded = padded[source.name]
                    observed.setdefault(before, (modules[str(node.target)], unpadded))
                return values
            if node.op == "call_module" and isinstance(modules[str(node.target)], nn.ZeroPad2d):
                padded[node.name] = str(node.args[0]), self.env[node.args[0]]  # type: ignore[index]
            value = super().run_node(node)
            if node.op == "call_module" and node.target in graph.saturating:
                value = value.clamp(max=6.0)  # the ReLU6 that it stands for
            if node.op == "call_module" and node.target in graph.skipped and isinstance(value, torch.Tensor):
                unquantized[node.name] = value
            return value

    def off(module: nn.Module) -> None:
        disable_fake_quant(module)
        disable_observer(module)

    prepared.eval().apply(off)
    with torch.no_grad():
        Recorder(prepared).run(inputs)
    found = []
    for node in prepared.graph.nodes:
        module = str(node.target) if node.op == "call_module" else ""
        if node.name in observed:  # also a float module's output, where an int8 one reads it
            observer, values = observed[node.name]
            scale, zero_point = observer.calculate_qparams()
            found.append(ObservedTensor(node.name, module, float(scale), int(zero_point) - 128, values.numpy()))
        elif node.name in unquantized:
            found.append(ObservedTensor(node.name, module, None, 0, unquantized[node.name].numpy()))
    return found


def _weights(reference: fx.GraphModule) -> list[QuantizedWeights]:
    """Return the int8 weights of every reference module (a fused one holds it as its first child)."""
    found = []
    for name, module in reference.named_modules():
        if hasattr(module, "weight_scale") and hasattr(module, "get_quantized_weight"):
            values = module.get_quantized_weight().int_repr().numpy()
            scale = module.weight_scale.detach().reshape(-1).float().numpy()
            path = name.removesuffix(".0") if name.removesuffix(".0") in _fused(reference) else name
            found.append(QuantizedWeights(path, scale, values))
    return found


def _fused(reference: fx.GraphModule) -> set[str]:
    return {str(node.target) for node in reference.graph.nodes if node.op == "call_module"}
