"""Small int8 networks that show what a processor gets wrong; none is trained, all are the same on every machine."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import nn

SHAPE = (1, 16, 16)  # C,H,W of the nets of four convolutions
CHANNELS = (1, 16, 32, 32, 16)
TFLITE = Path(__file__).parent / "four_convolutions.tflite"  # written by tests/helpers/desk_nets.py
# Powers of two, so that float arithmetic is exact too, and a right processor gives the very same outputs.
ACTIVATION_SCALE = 2.0**-6
KERNEL_SCALES = (2.0**-7, 2.0**-9, 2.0**-9, 2.0**-9)
SATURATING_SHAPE = (32, 4, 4)


def desk_images(shape: tuple[int, ...] = SHAPE, count: int = 8) -> NDArray[np.float32]:
    """Return random inputs (N,C,H,W float32) in [0, 4), the whole range of the nets' first tensor."""
    import numpy as np

    return (4 * np.random.default_rng(7).random((count, *shape))).astype(np.float32)


def four_convolutions(kind: Literal["uint8", "int8"]) -> bytes:
    """Return an ONNX model (QDQ) of four 3 × 3 convolutions, its weights and activations of `kind`.

    Their values span the whole of their types, so that 16-bit sums saturate where a processor has only those.
    """
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    random = np.random.default_rng(0)
    zero = 0 if kind == "uint8" else -128
    weight_zero = 128 if kind == "uint8" else 0
    nodes: list[Any] = []
    values: dict[str, Any] = {
        "scale": np.float32(ACTIVATION_SCALE),
        "zero": np.array(zero, kind),
        "weight_zero": np.array(weight_zero, kind),
        "bias_zero": np.int32(0),
    }
    x = _stepped(nodes, "input", "in")
    for layer, (inputs, outputs) in enumerate(pairwise(CHANNELS)):
        kernel, bias, made = f"kernel{layer}", f"bias{layer}", f"conv{layer}"
        values |= {
            kernel: (random.integers(-127, 128, (outputs, inputs, 3, 3)) + weight_zero).astype(kind),
            bias: random.integers(-9000, 9000, outputs).astype(np.int32),
            f"{kernel}_scale": np.float32(KERNEL_SCALES[layer]),
            f"{bias}_scale": np.float32(KERNEL_SCALES[layer] * ACTIVATION_SCALE),
        }
        nodes += [
            helper.make_node("DequantizeLinear", [kernel, f"{kernel}_scale", "weight_zero"], [f"{kernel}_float"]),
            helper.make_node("DequantizeLinear", [bias, f"{bias}_scale", "bias_zero"], [f"{bias}_float"]),
            helper.make_node("Conv", [x, f"{kernel}_float", f"{bias}_float"], [made], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [made], [f"{made}_relu"]),
        ]
        x = _stepped(nodes, f"{made}_relu", made)
    graph = helper.make_graph(
        nodes,
        "four_convolutions",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, *SHAPE])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, CHANNELS[-1], *SHAPE[1:]])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return bytes(model.SerializeToString(deterministic=True))


def saturating(engine: str) -> tuple[nn.Module, torch.Tensor, float]:
    """Return a quantized convolution in PyTorch whose pairs of products pass 16 bits, its kernel, its output's scale.

    Its input is all ones, quantized as 255; half its weights are 127, so that two products come to 64,770.
    """
    import torch
    from torch.ao.nn import quantized

    torch.backends.quantized.engine = engine
    channels = SATURATING_SHAPE[0]
    weights = torch.randint(-127, 128, (channels, channels, 3, 3), generator=torch.Generator().manual_seed(0)).float()
    weights[: channels // 2] = 127
    convolution = quantized.Conv2d(channels, channels, 3, padding=1)
    convolution.set_weight_bias(
        torch.quantize_per_tensor(weights / 127, 1 / 127, 0, torch.qint8), torch.zeros(channels)
    )
    convolution.scale, convolution.zero_point = 9 * channels / 127, 128
    quantize = quantized.Quantize(torch.tensor([1 / 255]), torch.tensor([0]), torch.quint8)
    network = torch.nn.Sequential(quantize, convolution, quantized.DeQuantize())
    return network, convolution.weight().dequantize(), convolution.scale


def _stepped(nodes: list[Any], x: str, name: str) -> str:
    """Add QuantizeLinear and DequantizeLinear behind a tensor; return the name of what comes out."""
    from onnx import helper

    nodes += [
        helper.make_node("QuantizeLinear", [x, "scale", "zero"], [f"{name}_steps"]),
        helper.make_node("DequantizeLinear", [f"{name}_steps", "scale", "zero"], [f"{name}_float"]),
    ]
    return f"{name}_float"
