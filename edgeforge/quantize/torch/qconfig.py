"""How PyTorch must quantize so that TFLite's integer arithmetic can repeat it.

TFLite's rules (ai.google.dev/edge/litert/models/quantization_spec), and PyTorch's equivalents:
- activations: int8 asymmetric, per tensor, [-128, 127]; here quint8 over [0, 255], the same shifted by 128;
- weights: int8 symmetric, zero point 0, [-127, 127], per output channel (dense layers: see `per_channel_dense`);
- bias: int32 with scale = input scale × weight scale; PyTorch's qnnpack engine does so when it packs weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edgeforge.recipe.sections.quantize import TorchObserver

if TYPE_CHECKING:
    from torch import nn
    from torch.ao.quantization import QConfigMapping

    from edgeforge.quantize.torch.fx_graph import QuantizableGraph

ACTIVATION = {"quant_min": 0, "quant_max": 255}
WEIGHT = {"quant_min": -127, "quant_max": 127}


def mapping(
    graph: QuantizableGraph, *, training: bool, per_channel_dense: bool, observer: TorchObserver
) -> QConfigMapping:
    """Return FX's configuration: the same for every module but dense layers, saturating and skipped ones."""
    from torch.ao.quantization import QConfigMapping

    result = QConfigMapping().set_global(qconfig(training=training, observer=observer))
    own = own_qconfigs(
        graph.network, graph.saturating, training=training, per_channel_dense=per_channel_dense, observer=observer
    )
    gates = dict.fromkeys(_gates(graph.network), _gate_qconfig(training=training))
    for name, config in (gates | own | dict.fromkeys(graph.skipped)).items():
        result.set_module_name(name, config)
    return result


def _gates(network: nn.Module) -> list[str]:
    from torch import nn

    return [name for name, module in network.named_modules() if isinstance(module, nn.Sigmoid)]


def _gate_qconfig(*, training: bool) -> Any:
    """Return the QConfig of a sigmoid: TFLite's and PyTorch's integer kernels want its output on steps of 1/256."""
    from torch.ao.quantization import QConfig, default_weight_observer
    from torch.ao.quantization.fake_quantize import default_fixed_qparams_range_0to1_fake_quant
    from torch.ao.quantization.observer import default_fixed_qparams_range_0to1_observer

    fixed = default_fixed_qparams_range_0to1_fake_quant if training else default_fixed_qparams_range_0to1_observer
    return QConfig(activation=fixed, weight=default_weight_observer)  # a sigmoid has no weights


def own_qconfigs(
    network: nn.Module,
    saturating: Sequence[str] = (),
    *,
    training: bool,
    per_channel_dense: bool,
    observer: TorchObserver = "moving-average",
) -> dict[str, Any]:
    """Return module → QConfig of those that differ from all others: dense layers, and those that saturate at 6.

    Transposed convolutions and PReLU have one scale: PyTorch has no integer kernels for them with one a channel.
    """
    from torch import nn

    one_scale = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.PReLU)

    found = {}
    for name, module in network.named_modules():
        dense, highest = isinstance(module, nn.Linear), 6.0 if name in saturating else None
        single = isinstance(module, one_scale) or (dense and not per_channel_dense)
        if dense or single or highest:
            per_channel = not single
            found[name] = qconfig(training=training, observer=observer, per_channel=per_channel, highest=highest)
    return found


def qconfig(
    *,
    training: bool,
    observer: TorchObserver = "moving-average",
    per_channel: bool = True,
    highest: float | None = None,
) -> Any:
    """Return a QConfig. training: with fake quantization. highest: where the activations' range ends at the latest."""
    import torch
    from torch.ao.quantization import (
        FakeQuantize,
        HistogramObserver,
        MinMaxObserver,
        MovingAverageMinMaxObserver,
        MovingAveragePerChannelMinMaxObserver,
        QConfig,
    )

    kinds: dict[str, Any] = {
        "histogram": HistogramObserver,
        "minmax": MinMaxObserver,
        "moving-average": MovingAverageMinMaxObserver,
    }
    activation = _ending_at(kinds[observer], highest) if highest else kinds[observer]
    # A moving average that forgets everything: the range is that of the present weights, as TFLite computes it.
    kind = MovingAveragePerChannelMinMaxObserver if per_channel else MovingAverageMinMaxObserver
    scheme = torch.per_channel_symmetric if per_channel else torch.per_tensor_symmetric
    weight = {"dtype": torch.qint8, "qscheme": scheme, "averaging_constant": 1.0, **WEIGHT}
    if not training:
        return QConfig(
            activation=activation.with_args(dtype=torch.quint8, **ACTIVATION), weight=kind.with_args(**weight)
        )
    return QConfig(
        activation=FakeQuantize.with_args(observer=activation, dtype=torch.quint8, **ACTIVATION),
        weight=FakeQuantize.with_args(observer=kind, **weight),
    )


def _ending_at(observer: Any, highest: float) -> Any:
    """Return the observer with its range cut at `highest`: what a ReLU6 lets through."""
    import torch

    class Saturating(observer):  # type: ignore[misc]
        def forward(self, values: torch.Tensor) -> torch.Tensor:
            super().forward(values.clamp(max=highest))
            return values

    return Saturating
