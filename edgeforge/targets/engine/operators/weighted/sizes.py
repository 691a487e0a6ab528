"""Sizes of images and windows, as the C structs have them."""

from __future__ import annotations

from edgeforge.targets.engine.ir import Operator, Padding, Tensor, Window
from edgeforge.targets.engine.kernel import Field
from edgeforge.targets.engine.read import Found


def image(tensor: Tensor) -> dict[str, int]:
    """Return an engine_image: the sizes of a tensor N,H,W,C without N."""
    height, width, depth = tensor.shape[1:]
    return {"height": height, "width": width, "depth": depth}


def images(operator: Operator) -> dict[str, Field]:
    """Return the members of a layer's struct for input and output N,H,W,C."""
    return {
        "batches": operator.input.shape[0],
        "input": image(operator.input),
        "output": image(operator.output),
    }


def window(moved: Window) -> dict[str, int]:
    """Return an engine_window."""
    return {
        "height": moved.size[0],
        "width": moved.size[1],
        "stride_y": moved.stride[0],
        "stride_x": moved.stride[1],
        "dilation_y": moved.dilation[0],
        "dilation_x": moved.dilation[1],
        "top": moved.padding.top,
        "left": moved.padding.left,
    }


def output_size(edge: int, window_edge: int, stride: int, dilation: int, padding: int) -> int:
    """Return how often a window fits along an edge; padding: both sides together."""
    return (edge + padding - (window_edge - 1) * dilation - 1) // stride + 1


def edges(source: Tensor, moved: Window) -> tuple[int, int]:
    """Return the height and width of the output of a window that moves over an input N,H,W,C."""
    padding: Padding = moved.padding
    return (
        output_size(source.shape[1], moved.size[0], moved.stride[0], moved.dilation[0], padding.top + padding.bottom),
        output_size(source.shape[2], moved.size[1], moved.stride[1], moved.dilation[1], padding.left + padding.right),
    )


def require_output(found: Found, source: Tensor, target: Tensor, moved: Window, depth: int) -> None:
    """Refuse an output of another shape than input, window and channels give."""
    expected = (source.shape[0], *edges(source, moved), depth)
    if target.shape != expected:
        found.refuse(f"has the shape {target.shape}; input and window give {expected}", target)
