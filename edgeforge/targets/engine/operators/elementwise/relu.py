"""RELU and RELU6 as operators of their own. Those on one grid are fused into what stands before them."""

from __future__ import annotations

from edgeforge.targets.engine.fixed_point import quantize_multiplier, quantized, requantize
from edgeforge.targets.engine.operators.elementwise.lookup import Lookup, lookup
from edgeforge.targets.engine.read import Found


def relu(found: Found) -> Lookup:
    """Return max(x, 0), brought to the output's scale (ReluQuantized of TFLM's activations.cc)."""
    import numpy as np

    source, target = found.input(0, "int8"), found.output("int8")
    factor = float(np.float32(source.scale) / np.float32(target.scale))  # float32, as there
    multiplier, shift = quantize_multiplier(factor, found.compiling.rounding)
    low = max(-128, quantized(0.0, target))

    def value(x: int) -> int:
        scaled = requantize(x - source.zero_point, multiplier, shift, found.compiling.rounding)
        return max(low, scaled + target.zero_point)

    return lookup(found, value)


def relu6(found: Found) -> Lookup:
    """Return x between 0 and 6 on the input's grid: TFLM's Relu6Quantized does not look at the output's."""
    source, target = found.input(0, "int8"), found.output("int8")
    if (source.scale, source.zero_point) != (target.scale, target.zero_point):
        found.refuse("is on another grid than the input, which TFLM's RELU6 does not rescale", target)
    six = min(127, quantized(6.0, source))
    return lookup(found, lambda x: min(max(x, source.zero_point), six))


LOWERINGS = {"RELU": relu, "RELU6": relu6}
KERNELS = ()
