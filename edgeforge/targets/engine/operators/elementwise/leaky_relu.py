"""LEAKY_RELU: x where it is positive, alpha · x elsewhere."""

from __future__ import annotations

from edgeforge.targets.engine.fixed_point import quantize_multiplier, requantize
from edgeforge.targets.engine.operators.elementwise.lookup import Lookup, lookup
from edgeforge.targets.engine.read import Found


def lower(found: Found) -> Lookup:
    """Return the operator as TFLM's leaky_relu_common.cc prepares it: factors in float32."""
    import numpy as np

    source, target, rounding = found.input(0, "int8"), found.output("int8"), found.compiling.rounding
    from_scale, to_scale, alpha = (np.float32(one) for one in (source.scale, target.scale, found.option("alpha", 0.0)))
    positive = quantize_multiplier(float(from_scale / to_scale), rounding)
    slope = float(from_scale * alpha / to_scale)
    negative = quantize_multiplier(abs(slope), rounding)

    def value(x: int) -> int:
        x -= source.zero_point
        if x >= 0:
            return requantize(x, *positive, rounding) + target.zero_point
        scaled = requantize(x, *negative, rounding)
        return (-scaled if slope < 0 else scaled) + target.zero_point

    return lookup(found, value)


LOWERINGS = {"LEAKY_RELU": lower}
KERNELS = ()
