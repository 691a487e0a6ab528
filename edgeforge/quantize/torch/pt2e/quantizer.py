"""Which tensors of an exported graph PT2E quantizes, and how: the rules of qconfig.py, for aten operators.

Every operator that computes values has a range of its own; what passes values on shares its input's, as in TFLite.
Batch norm and ReLU behind a layer are part of it: only the last of them has a range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.quantize.torch.pt2e.graph import LAYERS, NORM_BEHIND, ExportedNetwork, operator_of
from edgeforge.quantize.torch.qconfig import ACTIVATION, WEIGHT
from edgeforge.recipe.sections.quantize import TorchObserver

if TYPE_CHECKING:
    from torch import fx
    from torchao.quantization.pt2e.quantizer import Quantizer

# Those share their first input's range.
PASSES_ON = frozenset([
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "alias", "avg_pool1d", "avg_pool2d",
    "channel_shuffle", "clamp", "clone", "constant_pad_nd", "contiguous", "detach", "expand", "flatten", "getitem",
    "hardtanh", "max_pool1d", "max_pool2d", "mean", "movedim", "narrow", "numpy_T", "pad", "permute",
    "pixel_shuffle", "pixel_unshuffle", "relu", "repeat", "reshape", "select", "slice", "squeeze", "t", "transpose",
    "unsqueeze", "upsample_bilinear2d", "upsample_nearest2d", "view",
])  # fmt: skip
SHARED_BY_ALL = frozenset(["cat", "stack", "maximum", "minimum"])  # one range for all inputs and the output
FUSES_RELU = LAYERS | {"add", "sub", "mul", "div", "batch_norm"}
# Scale and zero point (of uint8) that TFLite's and PyTorch's integer kernels want of the output.
FIXED = {"sigmoid": (1 / 256, 0), "softmax": (1 / 256, 0), "hardsigmoid": (1 / 256, 0), "tanh": (1 / 128, 128)}


def quantizer(
    exported: ExportedNetwork, *, training: bool, per_channel_dense: bool, observer: TorchObserver
) -> Quantizer:
    """Return the torchao quantizer of one exported network. training: with fake quantization."""
    from torchao.quantization.pt2e.quantizer import Quantizer

    activation = _activation(training=training, observer=observer)

    class TFLiteQuantizer(Quantizer):  # type: ignore[misc]
        fixed: dict[fx.Node, Any]  # what has a scale that no observer chooses, also passed on

        def annotate(self, model: fx.GraphModule) -> fx.GraphModule:
            computed, self.fixed = nodes_of_input(model), {}
            for node in model.graph.nodes:
                if node in computed and _is_float_tensor(node) and not exported.stays_float(node):
                    self._annotate(node, computed)
            return model

        def _annotate(self, node: fx.Node, computed: set[fx.Node]) -> None:
            from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, SharedQuantizationSpec

            kind = operator_of(node)
            sources = [source for source in node.all_input_nodes if source in computed and _is_float_tensor(source)]
            if kind in ("add", "sub", "mul", "div"):  # constants too
                sources = [source for source in node.all_input_nodes if _is_float_tensor(source)]
            if not sources or _is_fused(node):
                return
            inputs: dict[Any, Any] = {source: self.fixed.get(source, activation) for source in sources}
            output: Any = None if _is_fused(_only_user(node)) else activation
            shared = SharedQuantizationSpec((sources[0], node))
            if kind in LAYERS:
                dense = kind == "linear"
                inputs[node.args[1]] = _weight(
                    training=training, axis=int("transpose" in kind), per_channel=not dense or per_channel_dense
                )
            elif kind in FIXED:
                output = self.fixed[node] = _fixed(*FIXED[kind])
            elif kind in PASSES_ON and output:
                output = shared
                if sources[0] in self.fixed:
                    self.fixed[node] = self.fixed[sources[0]]
            elif kind in SHARED_BY_ALL:
                inputs = {sources[0]: activation} | dict.fromkeys(sources[1:], shared)
                output = shared
            node.meta["quantization_annotation"] = QuantizationAnnotation(inputs, output, _annotated=True)
            last = node
            while _is_fused(_only_user(last)):
                last = _only_user(last)  # type: ignore[assignment]
            if last is not node:
                last.meta["quantization_annotation"] = QuantizationAnnotation({}, activation, _annotated=True)

        def validate(self, model: fx.GraphModule) -> None:
            pass

    return TFLiteQuantizer()


def nodes_of_input(graph: fx.GraphModule) -> set[fx.Node]:
    """Return the nodes that depend on the network's input: weights, and what is computed of them alone, do not."""
    found: set[fx.Node] = set()
    for node in graph.graph.nodes:
        if node.op == "placeholder" or any(source in found for source in node.all_input_nodes):
            found.add(node)
    return found


def _only_user(node: fx.Node) -> fx.Node | None:
    return next(iter(node.users)) if len(node.users) == 1 else None


def _is_fused(node: fx.Node | None) -> bool:
    """Whether a node is part of the one before it: what undoes scaled weights, a batch norm, a ReLU or ReLU6."""
    if node is None or node.op != "call_function":
        return False
    source = node.args[0]
    if NORM_BEHIND in node.meta:
        return True
    if not isinstance(source, type(node)) or len(source.users) > 1:
        return False
    before = operator_of(source)
    if operator_of(node) == "batch_norm":
        return before in LAYERS or NORM_BEHIND in source.meta
    is_relu = operator_of(node) == "relu" or (operator_of(node) == "hardtanh" and tuple(node.args[1:]) == (0.0, 6.0))
    return is_relu and before in FUSES_RELU


def _is_float_tensor(node: fx.Node) -> bool:
    import torch

    if NORM_BEHIND in node.meta:
        return True
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _activation(*, training: bool, observer: TorchObserver) -> Any:
    import torch
    from torchao.quantization.pt2e import FakeQuantize, HistogramObserver, MinMaxObserver, MovingAverageMinMaxObserver
    from torchao.quantization.pt2e.quantizer import QuantizationSpec

    kinds: dict[str, Any] = {
        "histogram": HistogramObserver,
        "minmax": MinMaxObserver,
        "moving-average": MovingAverageMinMaxObserver,
    }
    made = FakeQuantize.with_args(observer=kinds[observer]) if training else kinds[observer]
    return QuantizationSpec(torch.uint8, made, qscheme=torch.per_tensor_affine, **ACTIVATION)


def _weight(*, training: bool, axis: int, per_channel: bool) -> Any:
    import torch
    from torchao.quantization.pt2e import (
        FakeQuantize,
        MovingAverageMinMaxObserver,
        MovingAveragePerChannelMinMaxObserver,
    )
    from torchao.quantization.pt2e.quantizer import QuantizationSpec

    # A moving average that forgets everything: the range is that of the present weights, as TFLite computes it.
    kind: Any = MovingAveragePerChannelMinMaxObserver if per_channel else MovingAverageMinMaxObserver
    kind = kind.with_args(averaging_constant=1.0)
    made = FakeQuantize.with_args(observer=kind) if training else kind
    scheme = torch.per_channel_symmetric if per_channel else torch.per_tensor_symmetric
    return QuantizationSpec(torch.int8, made, qscheme=scheme, ch_axis=axis if per_channel else None, **WEIGHT)


def _fixed(scale: float, zero_point: int) -> Any:
    import torch
    from torchao.quantization.pt2e.quantizer import FixedQParamsQuantizationSpec

    return FixedQParamsQuantizationSpec(torch.uint8, scale, zero_point, qscheme=torch.per_tensor_affine, **ACTIVATION)
