"""Small networks as quantized ONNX files, made by ONNX Runtime's own quantizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

SHAPE = (3, 12, 10)
CLASSES = "abcde"
IMAGES = np.random.default_rng(0).uniform(0, 1, (48, *SHAPE)).astype(np.float32)


class Net(nn.Module):
    """Convolutions with and without ReLU, a depthwise one with ReLU6, a residual sum, pools, a dense layer."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2))
        self.depthwise = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.ReLU6())
        with torch.no_grad():
            self.depthwise[0].weight *= 12  # so that ReLU6 saturates
        self.project = nn.Conv2d(8, 8, 1)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, len(CLASSES)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        stem = self.stem(images)
        return self.head(torch.relu(stem + self.project(self.depthwise(stem))))


class ChannelsLast(nn.Module):
    """The same for N,H,W,C images."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images.permute(0, 3, 1, 2))


def float_file(path: Path, network: nn.Module | None = None, *, channels_last: bool = False) -> Path:
    """Write a float .onnx file: input `x`, output `scores`, batch 1."""
    network = (network or Net()).eval()
    network = ChannelsLast(network) if channels_last else network
    image = torch.zeros(1, *((*SHAPE[1:], SHAPE[0]) if channels_last else SHAPE))
    torch.onnx.export(
        network, (image,), path, dynamo=False, opset_version=17, input_names=["x"], output_names=["scores"]
    )
    return path


class _Reader(CalibrationDataReader):
    def __init__(self, images: np.ndarray) -> None:
        self.images = iter(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        image = next(self.images, None)
        return None if image is None else {"x": image[None]}


def quantized_file(source: Path, *, form: QuantFormat = QuantFormat.QDQ, **options: Any) -> Path:
    """Write a float file quantized, calibrated on IMAGES, beside it."""
    prepared, target = source.with_suffix(".prepared.onnx"), source.with_suffix(".quantized.onnx")
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    last = onnx.load(prepared).graph.input[0].type.tensor_type.shape.dim[1].dim_value != SHAPE[0]
    images = IMAGES.transpose(0, 2, 3, 1) if last else IMAGES
    kinds = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8}
    quantize_static(prepared, target, _Reader(images), quant_format=form, **kinds | options)
    return target


def without_range(path: Path, tensor: str) -> Path:
    """Take the QuantizeLinear of a tensor, and the DequantizeLinear behind it, out of a file."""
    model = onnx.load(path)
    nodes = model.graph.node
    quantize = next(node for node in nodes if node.op_type == "QuantizeLinear" and node.input[0] == tensor)
    back = next(node for node in nodes if node.op_type == "DequantizeLinear" and node.input[0] == quantize.output[0])
    for node in nodes:
        for place, name in enumerate(node.input):
            node.input[place] = tensor if name == back.output[0] else name
    if any(value.name == back.output[0] for value in model.graph.output):
        next(node for node in nodes if tensor in node.output).output[0] = back.output[0]
    nodes.remove(quantize)
    nodes.remove(back)
    onnx.save(model, path)
    return path
