"""QUANTIZE and DEQUANTIZE: from one grid to another, from real numbers and to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgeforge.targets.engine.fixed_point import LIMITS, quantize_multiplier, requantize
from edgeforge.targets.engine.ir import Operator
from edgeforge.targets.engine.kernel import Field, Kernel
from edgeforge.targets.engine.operators.elementwise.lookup import lookup
from edgeforge.targets.engine.read import Found


@dataclass(frozen=True, eq=False)
class Requantize(Operator):
    """int8 or int16 to int8 or int16."""

    multiplier: int
    shift: int


@dataclass(frozen=True, eq=False)
class Quantize(Operator):
    """float32 to int8 or int16."""


@dataclass(frozen=True, eq=False)
class Dequantize(Operator):
    """int8 or int16 to float32."""


def quantize(found: Found) -> Operator:
    """Return the operator as TFLM's quantize_common.cc prepares it."""
    source, target = found.input(0, "int8", "int16", "float32"), found.output("int8", "int16")
    if source.kind == "float32":
        return Quantize(found.label, (source,), (target,))
    rounding = found.compiling.rounding
    pair = quantize_multiplier(source.scale / target.scale, rounding)
    if (source.kind, target.kind) == ("int8", "int8"):
        return lookup(found, lambda x: requantize(x - source.zero_point, *pair, rounding) + target.zero_point)
    return Requantize(found.label, (source,), (target,), *pair)


def dequantize(found: Found) -> Dequantize:
    """Return the operator: scale · (x − zero point) in float32."""
    source, target = found.input(0, "int8", "int16"), found.output("float32")
    return Dequantize(found.label, (source,), (target,))


class RequantizeKernel(Kernel[Requantize]):
    """Between int8 and int16."""

    operator = Requantize
    function = "engine_requantize_values"
    source = "requantize"

    def in_place(self, operator: Requantize) -> tuple[int, ...]:
        return (0,) if operator.input.kind == operator.output.kind else ()

    def parameters(self, operator: Requantize, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        low, high = LIMITS[operator.output.kind]
        return {
            "size": operator.input.size,
            "input_wide": operator.input.kind == "int16",
            "output_wide": operator.output.kind == "int16",
            "input_zero": operator.input.zero_point,
            "output_zero": operator.output.zero_point,
            "multiplier": operator.multiplier,
            "shift": operator.shift,
            "low": low,
            "high": high,
        }


class QuantizeKernel(Kernel[Quantize]):
    """From float."""

    operator = Quantize
    function = "engine_quantize"
    source = "quantize"

    def parameters(self, operator: Quantize, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        low, high = LIMITS[operator.output.kind]
        return {
            "size": operator.input.size,
            "output_wide": operator.output.kind == "int16",
            "scale": operator.output.scale,
            "output_zero": operator.output.zero_point,
            "low": low,
            "high": high,
        }


class DequantizeKernel(Kernel[Dequantize]):
    """To float."""

    operator = Dequantize
    function = "engine_dequantize"
    source = "dequantize"

    def parameters(self, operator: Dequantize, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        return {
            "size": operator.input.size,
            "input_wide": operator.input.kind == "int16",
            "scale": operator.input.scale,
            "input_zero": operator.input.zero_point,
        }


LOWERINGS = {"QUANTIZE": quantize, "DEQUANTIZE": dequantize}
KERNELS = (RequantizeKernel(), QuantizeKernel(), DequantizeKernel())
