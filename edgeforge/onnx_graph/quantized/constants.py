"""Constants that a quantized ONNX file holds as integers: weights, biases, and what is added or multiplied."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError
from edgeforge.onnx_graph.quantized.parameters import WIDTHS, Parameters

if TYPE_CHECKING:
    import numpy as np
    import onnx
    from numpy.typing import NDArray

LAYOUTS = ("Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze")


@dataclass(frozen=True)
class Integers:
    """Integers less their zero point, and the scale of each, of one shape: real = scale × steps."""

    steps: NDArray[np.int64]
    scale: NDArray[np.float32]
    kind: str  # the type in the file: uint8
    zero_point: int  # the first one there


def dequantized(what: str, values: Any, parameters: Parameters) -> Integers:
    """Return the integers of a DequantizeLinear of constants. Raises RecipeError for a type that TFLite lacks."""
    import numpy as np

    numbers = np.asarray(values)
    kind = str(numbers.dtype)
    if kind not in WIDTHS:
        raise RecipeError(
            f"model: {what}: its constants are {kind}; TFLite's weights are int8",
            fix="quantize weights to int8: quantize_static(weight_type=QuantType.QInt8)",
        )
    steps = numbers.astype(np.int64)
    scale, zero_point = parameters.spread(steps.ndim)
    return Integers(
        steps - zero_point,
        np.broadcast_to(scale, steps.shape).astype(np.float32),
        kind,
        int(parameters.zero_point.flat[0]) if parameters.zero_point.size else 0,
    )


def real_values(integers: Integers) -> NDArray[np.float32]:
    """Return the float values, as DequantizeLinear computes them."""
    import numpy as np

    values: NDArray[np.float32] = integers.steps.astype(np.float32) * integers.scale
    return values


def through_layout(node: onnx.NodeProto, integers: Integers, known: Mapping[str, Any]) -> Integers | None:
    """Return integers behind an operator that only moves values; None for another one."""
    import numpy as np

    if node.op_type not in LAYOUTS or any(name and name not in known for name in node.input[1:]):
        return None
    steps, scale = (_moved(node, values, known) for values in (integers.steps.astype(np.float32), integers.scale))
    return Integers(steps.astype(np.int64), scale, integers.kind, integers.zero_point)


def _moved(node: onnx.NodeProto, values: NDArray[np.float32], known: Mapping[str, Any]) -> NDArray[np.float32]:
    import numpy as np
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(node)
    feeds = {name: np.asarray(known[name]) for name in node.input[1:] if name}
    (moved,) = evaluator.run(None, {node.input[0]: values, **feeds})
    return np.asarray(moved, np.float32)
