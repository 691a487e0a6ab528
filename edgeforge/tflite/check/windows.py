"""Layers with weights and pools: do their weights fit their channels, and their window what they write?"""

from __future__ import annotations

from math import prod

from edgeforge.tflite.check.layer import Layer

VALID = 1  # the padding that adds nothing


def convolution(layer: Layer) -> None:
    """Raise RecipeError for weights (filters, rows, columns, channels) that do not fit input, bias or output."""
    channels, weights = layer.require_rank(0, 4)[3], layer.require_rank(1, 4)
    if weights[3] > channels or channels % weights[3] or weights[0] % (channels // weights[3]):
        raise layer.wrong(f"has weights {weights} for {channels} channels")
    _bias(layer, 2, weights[0])
    _channels(layer, weights[0], 4)
    _window(layer, weights[1:3])


def depthwise(layer: Layer) -> None:
    """Raise RecipeError for weights (1, rows, columns, channels) that do not fit input, bias or output."""
    channels, weights = layer.require_rank(0, 4)[3], layer.require_rank(1, 4)
    if weights[3] % channels:
        raise layer.wrong(f"has weights {weights} for {channels} channels")
    if layer.options.depthMultiplier not in (0, weights[3] // channels):
        raise layer.wrong(f"has depthMultiplier {layer.options.depthMultiplier} and weights {weights}")
    _bias(layer, 2, weights[3])
    _channels(layer, weights[3], 4)
    _window(layer, weights[1:3])


def transposed(layer: Layer) -> None:
    """Raise RecipeError for weights (filters, rows, columns, channels) that do not fit input, bias or output."""
    weights, channels = layer.require_rank(1, 4), layer.require_rank(2, 4)[3]
    if weights[3] != channels:
        raise layer.wrong(f"has weights {weights} for {channels} channels")
    wanted = layer.values(0)
    if wanted is not None and (len(wanted) != 4 or min(wanted) < 1):
        raise layer.wrong(f"gives the shape {wanted}")
    _bias(layer, 3, weights[0])
    _channels(layer, weights[0], 4)


def dense(layer: Layer) -> None:
    """Raise RecipeError for weights (outputs, inputs) that do not fit input, bias or output."""
    weights = layer.require_rank(1, 2)
    shape = layer.shape(0)
    fixed = -1 not in shape
    if not shape or 0 in shape or (fixed and prod(shape) % weights[1]):
        raise layer.wrong(f"has weights {weights} for an input of {shape}")
    if layer.options.keepNumDims and shape[-1] not in (-1, weights[1]):
        raise layer.wrong(f"has weights {weights} for an input of {shape}")
    _bias(layer, 2, weights[0])
    _channels(layer, weights[0], 1)


def _bias(layer: Layer, place: int, channels: int) -> None:
    if layer.has(place) and prod(layer.shape(place)) != channels:
        raise layer.wrong(f"has a bias of {layer.shape(place)} for {channels} channels")


def _channels(layer: Layer, channels: int, rank: int) -> None:
    shape = layer.target()
    if len(shape) < rank or shape[-1] not in (-1, channels):
        raise layer.wrong(f"writes {shape}, and its weights make {channels} channels")


def pool(layer: Layer) -> None:
    """Raise RecipeError for a window that does not fit its input and output."""
    channels = layer.require_rank(0, 4)[3]
    _channels(layer, channels, 4)
    _window(layer, (layer.options.filterHeight, layer.options.filterWidth))


def _window(layer: Layer, window: tuple[int, ...]) -> None:
    """A window that moves over rows and columns makes as many as fit (padding VALID) or as there are (SAME)."""
    options, before, after = layer.options, layer.shape(0), layer.target()
    if -1 in (*before, *after):
        return
    dilations = getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1)
    wanted = []
    for size, kernel, stride, dilation in zip(
        before[1:3], window, (options.strideH, options.strideW), dilations, strict=True
    ):
        taken = (kernel - 1) * dilation if options.padding == VALID else 0
        wanted.append(max(-((taken - size) // stride), 0))
    if (before[0], *wanted) != after[:3]:
        raise layer.wrong(f"writes {after} of {before} with a window of {window[0]}x{window[1]}")
