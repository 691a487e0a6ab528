"""A small real bundle: a network of one convolution and one dense layer for 8x8 digits, packed as a build packs it."""

import contextlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from places import ROOT
from tflite_models import quantized
from tflite_network import Network

from edgeforge.builder.stage import Job
from edgeforge.data import pixels
from edgeforge.inputs import image_file
from edgeforge.quantize.onnx.static import quantize_onnx
from edgeforge.recipe.schema import Recipe
from edgeforge.results.files import MEASUREMENTS_FILE, ONNX_FLOAT_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.report import Metrics, VariantRow
from edgeforge.results.variant import Variant, write_variants
from edgeforge.targets.raspberry_pi.bundle import pack_raspberry_pi

sys.modules.setdefault("pixels", pixels)  # which a bundle has beside its scripts
sys.modules.setdefault("image_file", image_file)
FIRMWARE = ROOT / "firmware" / "raspberry_pi"
RIGHT = {"onnx-fp32": 0.9, "onnx-static-int8": 0.875, "tflite-int8": 0.88}  # of the test split
CLASSES = (*map(str, range(9)), 'the "nine"')
PREPROCESSING = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), CLASSES)


def make_bundle(folder: Path, **settings: Any) -> Path:
    """Return the folder of an unpacked bundle; its archive lies in `out`. int8: False leaves int8 out."""
    int8 = settings.pop("int8", True)
    recipe = Recipe.model_validate(
        {"name": "digits", "data": {"source": "digits"}, "model": {"name": "m"}, "raspberry_pi": settings}
    )
    inputs = {name: folder / name for name in ("data", "onnx", "calibration", "onnx-int8", "tflite", "measure")}
    for path in (*inputs.values(), folder / "out", folder / "scratch"):
        path.mkdir(parents=True)
    from sklearn.datasets import load_digits

    raw = load_digits().images[:100, None].astype(np.uint8)
    np.savez(inputs["data"] / "data.npz", test_x=raw, test_y=load_digits().target[:100])
    (inputs["data"] / "preprocessing.json").write_text(PREPROCESSING.to_json())
    np.savez(inputs["calibration"] / "calibration.npz", x=PREPROCESSING.apply(raw), y=np.zeros(100, np.int64))
    onnx.save(network(), inputs["onnx"] / ONNX_FLOAT_FILE)
    write_variants(inputs["onnx"], [Variant("onnx-fp32", "onnxruntime", "fp32", ONNX_FLOAT_FILE)])
    job = Job("s", recipe, inputs, inputs["onnx-int8"], folder / "scratch", lambda share, text: None)
    if int8:
        quantize_onnx(job)
    else:
        write_variants(
            inputs["onnx-int8"], [Variant("onnx-static-int8", "onnxruntime", "int8", None, reason="refused")]
        )
    calibrated = PREPROCESSING.apply(raw)
    (inputs["tflite"] / "int8.tflite").write_bytes(quantized(tflite_network(), calibrated))
    write_variants(inputs["tflite"], [Variant("tflite-int8", "litert", "int8", "int8.tflite")])
    rows = [
        VariantRow(name=name, runtime="", precision="", metrics=Metrics(images=100, top1=right))
        for name, right in RIGHT.items()
    ]
    (inputs["measure"] / MEASUREMENTS_FILE).write_text(json.dumps([row.model_dump() for row in rows]))
    pack_raspberry_pi(Job("s", recipe, inputs, folder / "out", folder / "scratch", lambda share, text: None))
    with tarfile.open(folder / "out" / "digits.tar.gz") as archive:
        archive.extractall(folder / "unpacked", filter="data")
    return folder / "unpacked" / "digits"


def weights() -> dict[str, np.ndarray]:
    """Return those of a fixed seed."""
    rng = np.random.default_rng(0)
    return {
        "kernel": rng.standard_normal((4, 1, 3, 3)).astype(np.float32),
        "bias": rng.standard_normal(4).astype(np.float32),
        "dense": (rng.standard_normal((256, 10)) / 16).astype(np.float32),
        "offset": rng.standard_normal(10).astype(np.float32),
    }


def tflite_network() -> bytes:
    """Return the float .tflite of the same network."""
    found, net = weights(), Network(8, 8, 1)
    conv = net.conv(net.input, found["kernel"].transpose(0, 2, 3, 1), found["bias"], activation="RELU")
    dense = found["dense"].reshape(4, 8, 8, 10).transpose(3, 1, 2, 0).reshape(10, 256)  # of N,H,W,C
    return net.build(net.dense(conv, dense, found["offset"]))


def network() -> onnx.ModelProto:
    """Return conv 3x3 → ReLU → flatten → dense."""
    nodes = [
        helper.make_node("Conv", ["input", "kernel", "bias"], ["c"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "dense", "offset"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 1, 8, 8])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, 10])],
        [numpy_helper.from_array(value, name) for name, value in weights().items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def one_error(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that a failed script ends with."""
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, done.stderr
    return lines[0].removeprefix("error: ")


def edit_json(path: Path, change: Callable[[dict], None]) -> None:  # type: ignore[type-arg]
    """Change a JSON file in place."""
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


@contextlib.contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder, for tests that hypothesis runs many times."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
