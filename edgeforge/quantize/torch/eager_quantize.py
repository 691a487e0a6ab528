"""Eager mode, for models written for it: QuantStub and DeQuantStub at the ends, FloatFunctional for additions.

It follows the modules that run and not a traced graph, so that it takes models that FX cannot trace. `prepare` and
`finish` are those of fx_quantize.py.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.quantize.known_ranges import KnownRanges, ObservedTensor, QuantizedWeights
from edgeforge.quantize.torch.eager_fusion import fusable_groups
from edgeforge.quantize.torch.fx_quantize import RECORDED_INPUTS, Quantized
from edgeforge.quantize.torch.qconfig import own_qconfigs, qconfig

if TYPE_CHECKING:
    import torch
    from torch import nn


def eager_network(network: nn.Module, skip: tuple[str, ...] = ()) -> nn.Module:
    """Return the network without dropout. Raises RecipeError when it is not written for eager mode."""
    from torch import nn
    from torch.ao.quantization import DeQuantStub, QuantStub

    kinds = {type(module) for module in network.modules()}
    if not {QuantStub, DeQuantStub} <= kinds:
        raise RecipeError(
            "quantize.qat.mode: eager needs a model with torch.ao.quantization.QuantStub and DeQuantStub in it",
            fix="put them at the model's two ends, or use mode: fx",
        )
    if nn.ReLU6 in kinds:
        raise RecipeError("quantize.qat.mode: eager cannot fuse ReLU6", fix="use nn.ReLU in the model, or mode: fx")
    if skip:
        raise RecipeError(
            "quantize.qat.skip: in eager mode the model itself says what stays in float",
            fix="put DeQuantStub and QuantStub around those modules, or use mode: fx",
        )
    copied = copy.deepcopy(network).eval()
    for name, module in list(copied.named_modules()):
        if isinstance(module, nn.Dropout | nn.Dropout2d):
            copied.set_submodule(name, nn.Identity())  # its scaling while training would widen the range behind it
    return copied


def prepare(network: nn.Module, example: torch.Tensor, *, training: bool, per_channel_dense: bool) -> nn.Module:
    """Return the network with fake quantization; layers in a row are fused first, batch norm folded."""
    from torch.ao import quantization

    assert training, "static eager quantization is int8.py's"
    network = copy.deepcopy(network).train()
    groups = fusable_groups(network)
    if groups:
        quantization.fuse_modules_qat(network, groups, inplace=True)
    network.qconfig = qconfig(training=True)
    for name, config in own_qconfigs(network, training=True, per_channel_dense=per_channel_dense).items():
        network.get_submodule(name).qconfig = config
    return quantization.prepare_qat(network)


def finish(prepared: nn.Module, network: nn.Module, inputs: torch.Tensor) -> Quantized:
    """Return the forms of the trained network. inputs: real ones, N,C,H,W."""
    from torch.ao import quantization

    prepared.eval().apply(quantization.disable_observer)
    integer = quantization.convert(copy.deepcopy(prepared))
    images = inputs[:RECORDED_INPUTS]
    tensors = _activations(copy.deepcopy(prepared), images)
    ranges = KnownRanges(images.numpy(), tuple(tensors), tuple(_weights(integer)), ())
    return Quantized(integer, prepared, _float_twin(prepared), ranges)


def _activations(prepared: nn.Module, inputs: torch.Tensor) -> list[ObservedTensor]:
    """Run the network with quantization off, and note what every activation's fake quantization is given, in order."""
    import torch
    from torch.ao.quantization import FakeQuantizeBase, disable_fake_quant

    found: list[ObservedTensor] = []

    def noting(name: str) -> Any:
        def note(module: Any, arguments: tuple[torch.Tensor, ...], _: torch.Tensor) -> None:
            scale, zero_point = module.calculate_qparams()
            values = arguments[0].numpy()
            found.append(ObservedTensor(name, name, float(scale), int(zero_point) - 128, values))

        return note

    for name, module in prepared.named_modules():
        layer, _, kind = name.rpartition(".")
        if isinstance(module, FakeQuantizeBase) and kind != "weight_fake_quant":
            module.register_forward_hook(noting(layer))
    with torch.no_grad():
        prepared.apply(disable_fake_quant)(inputs)
    return found


def _weights(integer: nn.Module) -> list[QuantizedWeights]:
    import torch

    found = []
    for name, module in integer.named_modules():
        if hasattr(module, "weight") and callable(module.weight):
            weight = module.weight()
            per_channel = weight.qscheme() in (torch.per_channel_affine, torch.per_channel_symmetric)
            scale = weight.q_per_channel_scales() if per_channel else torch.tensor([weight.q_scale()])
            found.append(QuantizedWeights(name, scale.float().numpy(), weight.int_repr().numpy()))
    return found


def _float_twin(prepared: nn.Module) -> nn.Module:
    """Return the network with its learned weights, batch norm folded, and nothing quantized."""
    from torch import nn
    from torch.ao.nn.quantized import FloatFunctional
    from torch.ao.quantization import DeQuantStub, QuantStub

    twin = copy.deepcopy(prepared)
    for name, module in list(twin.named_modules()):
        if isinstance(module, QuantStub | DeQuantStub):
            twin.set_submodule(name, nn.Identity())
        elif isinstance(module, FloatFunctional):
            module.activation_post_process = nn.Identity()
        elif hasattr(module, "weight_fake_quant"):
            twin.set_submodule(name, module.to_float())
    for module in twin.modules():
        if hasattr(module, "activation_post_process") and not isinstance(module, FloatFunctional):
            del module.activation_post_process
            module._forward_hooks.clear()
            module._forward_pre_hooks.clear()
    return twin.eval()
