"""What the C says of layers and tensors, for who reads it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from edgeforge.targets.engine.ir import Bounds, Operator, Tensor, Window
from edgeforge.targets.engine.kernel import Kernel
from edgeforge.targets.engine.network import Network


def tensor_line(tensor: Tensor) -> str:
    """Return a tensor's shape, type and quantization."""
    shape = "×".join(map(str, tensor.shape)) or "scalar"
    grid = f" = {tensor.scale:.8g} * (q - {tensor.zero_point})" if tensor.scale else ""
    return f"{shape} {tensor.kind}{grid}".replace("- -", "+ ")


def layer_comment(operator: Operator, kernel: Kernel[Any]) -> list[str]:
    """Return the lines above a layer's parameters."""
    if operator.parts:
        return [line for part in operator.parts for line in layer_comment(part, kernel)]
    lines = [operator.label]
    lines += [f"  in   {tensor_line(tensor)}  {tensor.name}" for tensor in operator.inputs if tensor.data is None]
    lines += [f"  out  {tensor_line(tensor)}  {tensor.name}" for tensor in operator.outputs]
    for field in fields(operator):
        value = getattr(operator, field.name)
        if isinstance(value, Window):
            lines.append(f"  {window_line(value)}")
        if isinstance(value, Bounds):
            lines.append(f"  clamped to {value.low} … {value.high}")
    return lines


def window_line(window: Window) -> str:
    """Return a window's sizes."""
    padding = window.padding
    line = "window {}×{}, stride {}×{}".format(*window.size, *window.stride)
    if window.dilation != (1, 1):
        line += ", dilation {}×{}".format(*window.dilation)
    if padding:
        line += f", padding top {padding.top} left {padding.left} bottom {padding.bottom} right {padding.right}"
    return line


def network_facts(network: Network) -> list[str]:
    """Return what the header says of the network: its operators, and what passes took out."""
    count = len(network.operators)
    lines = [f"{count} layers; rounding: {network.options.rounding} (see engine.h)."]
    return lines + [f"{line}." for line in network.folded]
