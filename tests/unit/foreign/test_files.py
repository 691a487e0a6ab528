"""What libraries say of files that are damaged, cut short or of another kind, and what EdgeForge says instead."""

from __future__ import annotations

import io
import pickle
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from provoked import Call, raised, require_provoked
from torch import nn

from edgeforge.foreign.kinds import FILES, SERIAL
from edgeforge.foreign.wording import words


def serial(*words: Any) -> object:
    from serial import Serial

    return Serial(*words)


def script() -> io.BytesIO:
    buffer = io.BytesIO()
    torch.jit.save(torch.jit.trace(nn.Linear(3, 3), torch.zeros(1, 3)), buffer)
    buffer.seek(0)
    return buffer


def saved(value: object) -> io.BytesIO:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    buffer.seek(0)
    return buffer


def arrays(**values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **values)
    return buffer.getvalue()


def damaged() -> io.BytesIO:
    data = bytearray(arrays(x=np.zeros(1000)))
    data[500] ^= 255
    return io.BytesIO(bytes(data))


def cut_png() -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50), np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def image(data: bytes) -> object:
    from PIL import Image

    return Image.open(io.BytesIO(data)).load()


def flipped(data: bytes) -> bytes:
    return data[:100] + bytes([data[100] ^ 255]) + data[101:]


def hdf5(path: str, key: str = "") -> object:
    import h5py

    return h5py.File(path, "r") if not key else h5py.File(io.BytesIO(), "w")[key]


def flatbuffer() -> object:
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromPackedBuf(b"garbage" * 100, 0)


def xml() -> object:
    from xml.etree import ElementTree

    return ElementTree.fromstring("<a>")


def csv(text: str) -> object:
    from csv import DictReader

    return list(DictReader(io.StringIO(text), strict=True))


def safetensors() -> object:
    from safetensors.torch import load

    return load(b"garbage" * 100)


PROVOKED: list[tuple[str, Call]] = [
    ("there is no such file", lambda: torch.jit.load("/none.pt")),
    ("there is no such file", lambda: onnxruntime.InferenceSession("/none.onnx")),
    ("there is no such file or folder", lambda: Path("/none/none").write_text("")),
    ("it is a folder", lambda: Path("/").read_text()),
    ("a part of its path is no folder", lambda: Path("/dev/null/none").read_text()),
    ("its name is too long", lambda: Path("n" * 999).read_text()),
    (
        "it is a checkpoint of torch.save, not a TorchScript file",
        lambda: torch.jit.load(saved({"weight": torch.zeros(2)})),
    ),
    (
        "it is cut short or damaged, or no file of PyTorch at all",
        lambda: torch.jit.load(io.BytesIO(b"garbage" * 100)),
    ),
    (
        "it holds more than tensors (torch.nn.modules.linear.Linear), and reading that would run its code",
        lambda: torch.load(saved(nn.Linear(3, 3)), weights_only=True),
    ),
    (
        "it is no checkpoint of PyTorch, or a damaged one",
        lambda: torch.load(io.BytesIO(b"garbage" * 100), weights_only=True),
    ),
    ("it is a TorchScript file, a whole network", lambda: torch.load(script(), weights_only=True)),
    ("it is a file of PyTorch of another kind", lambda: torch.export.load(saved({"weight": torch.zeros(2)}))),
    ("it is no safetensors file, or a damaged one", safetensors),
    ("it is cut short, damaged, or of another kind", lambda: zipfile.ZipFile(io.BytesIO(b"garbage"))),
    ("its part x.npy is damaged", lambda: np.load(damaged())["x"]),
    ("it ends too early: empty, or cut short", lambda: np.load(io.BytesIO(b""))),
    ("it is no file of NumPy arrays", lambda: np.load(io.BytesIO(b"garbage"))),
    (
        "an array in it holds Python objects, not numbers",
        lambda: np.load(io.BytesIO(arrays(x=np.array([{}]))))["x"],
    ),
    ("6 values do not fill the shape (4,2)", lambda: np.zeros(6).reshape(4, 2)),
    ("'a' is no number (column 2, 1 lines above it)", lambda: np.loadtxt(io.StringIO("1,2\n3,a"), delimiter=",")),
    ("line 2 has 1 columns, not 2", lambda: np.loadtxt(io.StringIO("1,2\n1"), delimiter=",")),
    ("'a' is no number", lambda: np.array(["a"]).astype(float)),
    ("arrays of (2,3) and (2,4) meet", lambda: np.zeros((2, 3)) + np.zeros((2, 4))),
    ("it is no HDF5 file, or a damaged one", lambda: hdf5(__file__)),
    ("it holds no 'batch'", lambda: hdf5("", "batch")),
    ("it is no PNG, JPEG, BMP, GIF, WebP, TIFF or PPM image, or a damaged one", lambda: image(b"garbage")),
    ("the image is cut short", lambda: image(cut_png()[:1000])),
    ("the image is damaged", lambda: image(flipped(cut_png()))),
    ("it is not whole XML", xml),
    ("line 2 is not TOML", lambda: tomllib.loads("a = 1\nb = x\n")),
    ("its end is not TOML: something is not closed", lambda: tomllib.loads("a = [1,")),
    ("a quotation mark is not closed", lambda: csv('a,b\n"x')),
    ("a cell of it is longer than 131072 characters", lambda: csv("a,b\n" + 200_000 * "x")),
    ("text stands behind a closing quotation mark", lambda: csv('a,b\n"x"y,1')),
    ("it is no pickle, or a damaged one", lambda: pickle.loads(b"garbage")),
    ("it is not UTF-8 text", lambda: b"\xff".decode()),
    ("it is cut short or damaged", flatbuffer),
    ("it is no serial port", lambda: serial("/dev/null")),
    ("-1 is no speed of a serial port", lambda: serial("/dev/null", -1)),
]
KINDS = (*FILES, *SERIAL)


@pytest.mark.parametrize(("expected", "call"), PROVOKED, ids=[expected for expected, _ in PROVOKED])
def test_a_message_is_told_in_our_words(expected: str, call: Call) -> None:
    said = words(raised(call))
    assert said.cause == expected and said.known


def test_every_known_kind_is_provoked() -> None:
    require_provoked(KINDS, [expected for expected, _ in PROVOKED])
