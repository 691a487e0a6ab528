"""Right files of every kind, small, from which the hostile ones are made; each is made once a process."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tempfile
import zlib
from functools import cache
from pathlib import Path

import numpy as np
from places import DATA
from raspberry_pi_bundle import network as onnx_network
from tflite_models import chain, images, quantized

RECIPE = """\
name: small
data: {source: numpy, root: x.npz, validation: 0.2, test: 0.3, normalize: {mean: [0.3], std: [0.4]}}
model: {name: 'model.py:Net'}
train: {epochs: 1, batch_size: 8}
quantize:
  calibration: {samples: 8}
  torch: {variants: [dynamic], also_fx_on: []}
  tflite: {variants: [float32, int8]}
measure: {runs: 20, warmup: 1}
"""
NET = """\
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))

    def forward(self, x):
        return self.layers(x)
"""


@cache
def tflites() -> dict[str, bytes]:
    """Full-integer .tflite files by name."""
    found = {name: (DATA / f"{name}.tflite").read_bytes() for name in ("digits_int8", "lstm_int8", "streaming_int8")}
    return found | {"chain_int8": quantized(chain(), images())}


@cache
def float_tflite() -> bytes:
    return chain()


@cache
def onnx_file() -> bytes:
    return bytes(onnx_network().SerializeToString())


@cache
def arrays() -> dict[str, np.ndarray]:
    """Images 8x8 of four classes, and what verbs on .tflite files take."""
    random = np.random.default_rng(0)
    return {"x": random.integers(0, 255, (40, 1, 8, 8), dtype=np.uint8), "y": np.arange(40) % 4}


def npz(**values: object) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **values)  # type: ignore[arg-type]
    return buffer.getvalue()


@cache
def training_npz() -> bytes:
    return npz(**arrays())


@cache
def samples_npz() -> bytes:
    """Inputs of digits_int8."""
    random = np.random.default_rng(0)
    return npz(x=random.normal(0, 1, (12, 1, 8, 8)).astype(np.float32), y=np.arange(12) % 10)


@cache
def script_file() -> bytes:
    import torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4)).eval()
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(net, torch.zeros(1, 1, 8, 8)), buffer)
    return buffer.getvalue()


@cache
def exported_file() -> bytes:
    import torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4)).eval()
    buffer = io.BytesIO()
    torch.export.save(torch.export.export(net, (torch.zeros(1, 1, 8, 8),)), buffer)
    return buffer.getvalue()


def weights(**changed: object) -> bytes:
    """A state dict of Net."""
    import torch

    torch.manual_seed(0)
    state = {"layers.1.weight": torch.randn(4, 64), "layers.1.bias": torch.zeros(4)} | changed
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()


def png(width: int, height: int, rows: int | None = None, colour: int = 0) -> bytes:
    """A PNG that says its size, with so many rows of zeros in it."""
    body = zlib.compress(bytes((width + 1) * (height if rows is None else rows)), 9)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@cache
def photo(kind: str) -> bytes:
    """A small picture in a format of Pillow's."""
    from PIL import Image

    buffer = io.BytesIO()
    pixels = np.random.default_rng(1).integers(0, 255, (12, 10, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@cache
def report_json() -> str:
    return (DATA / "report_mnist.json").read_text()


def record() -> dict:  # type: ignore[type-arg]
    """What a build folder's .edgeforge.json looks like."""
    return {"files": {"report": {"report.json": "0" * 64}}, "ingredients": {}, "whole": True}


def as_json(value: object) -> str:
    return json.dumps(value)


@cache
def packed_tflite() -> bytes:
    """digits_int8 as `edgeforge pack` leaves it beside its sketch: it says what its inputs and outputs are."""
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "m.tflite").write_bytes(tflites()["digits_int8"])
        words = ["pack", "m.tflite", "--board", "arduino-nano-33-ble", "--labels", "0-9", "--out", "out",
                 "--mean", "0.3", "--std", "0.4", "--raw-max", "16"]  # fmt: skip
        subprocess.run([sys.executable, "-m", "edgeforge", *words], cwd=place, check=True, capture_output=True)
        return (Path(place) / "out" / "m.tflite").read_bytes()
