"""A layer's arithmetic in float, by torch: what its integers are corrected against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.tflite.layers import CLAMPS, Layer, same_padding

if TYPE_CHECKING:
    import torch


def linear(layer: Layer, inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Return the layer before its activation (N,H,W,out, or N,out) of inputs (N,H,W,in, or N,…)."""
    import torch
    from torch.nn.functional import conv2d, pad

    bias = torch.from_numpy(layer.bias)
    if layer.kind == "FULLY_CONNECTED":
        return inputs.reshape(len(inputs), -1) @ weights.T + bias
    images = inputs.permute(0, 3, 1, 2)
    if layer.same:
        (top, bottom), (left, right) = (
            same_padding(
                images.shape[axis + 2], layer.weights.shape[axis + 1], layer.stride[axis], layer.dilation[axis]
            )
            for axis in (0, 1)
        )
        images = pad(images, (left, right, top, bottom))
    order = (3, 0, 1, 2) if layer.kind == "DEPTHWISE_CONV_2D" else (0, 3, 1, 2)
    kernel = weights.permute(order)
    groups = images.shape[1] // kernel.shape[1]
    outputs = conv2d(images, kernel, bias, layer.stride, dilation=layer.dilation, groups=groups)
    return outputs.permute(0, 2, 3, 1)


def activated(layer: Layer, values: torch.Tensor) -> torch.Tensor:
    """Return the layer's fused activation of its linear outputs."""
    if layer.activation == "TANH":
        return values.tanh()
    return values if layer.activation == "NONE" else values.clamp(*CLAMPS[layer.activation])
