"""Small real bundles: a network of one convolution and one dense layer for 8x8 digits, packed as a build packs it.

The same network hears: eight frames of eight bands are 8x8 too; and with 64 outputs it gives its input again.
"""

import contextlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from places import ROOT
from sounds import chirp
from tflite_models import quantized
from tflite_network import Network

from edgeforge.builder.stage import Job
from edgeforge.features.compiled import Features
from edgeforge.features.settings import FeatureSettings
from edgeforge.quantize.onnx.static import quantize_onnx
from edgeforge.recipe.schema import Recipe
from edgeforge.results.files import CLIPS_FILE, LISTENING_FILE, MEASUREMENTS_FILE, ONNX_FLOAT_FILE
from edgeforge.results.head import USUAL_UNUSUAL, Head
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.report import Metrics, VariantRow
from edgeforge.results.rows.sound.listening import HeardRow, ListeningRow
from edgeforge.results.variant import Variant, write_variants
from edgeforge.targets.raspberry_pi.bundle import SHARED, pack_raspberry_pi

for shared in SHARED:  # which a bundle has beside its scripts
    sys.modules.setdefault(shared.__name__.rpartition(".")[2], shared)
FIRMWARE = ROOT / "firmware" / "raspberry_pi"
RIGHT = {"onnx-fp32": 0.9, "onnx-static-int8": 0.875, "tflite-int8": 0.88}  # of the test split
CLASSES = (*map(str, range(9)), 'the "nine"')
PREPROCESSING = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), CLASSES)
SOUND = FeatureSettings("log-mel", 16_000, 480, 320, 8, 125.0, 7500.0)
CLIP = 2720  # samples: eight frames
HEARD = Preprocessing((1, 8, 8), 255.0, (0.5,), (0.2,), CLASSES, sound=SOUND)
NOTHING = HeardRow(minutes=1, words=0, detected=0, false_alarms=0)
LISTENING = ListeningRow(
    every_ms=100, smoothed=2, pause=4, thresholds=dict.fromkeys(CLASSES, 60), wanted=0.9, validation=NOTHING,
    test=NOTHING,
)  # fmt: skip
AGAIN = replace(
    PREPROCESSING, classes=USUAL_UNUSUAL,
    heads=(Head("error", USUAL_UNUSUAL, kind="reconstruction", shape=(8, 8, 1), threshold=5.8),),
)  # fmt: skip
SEVERAL = replace(
    PREPROCESSING, classes=("low", "high", "even", 'an "odd" one'),
    heads=(
        Head("kind", ("low", "high", "even", 'an "odd" one')), Head("size, about", unit="mm²", mean=12.0, std=3.5),
        Head("curved", ("straight", "curved"), kind="yes_no", threshold=0.37),
        Head("age", unit="s", mean=1.2, log=True),
    ),
)  # fmt: skip


def make_bundle(folder: Path, **settings: Any) -> Path:
    """Return the folder of an unpacked bundle; its archive lies in `out`.

    int8: False leaves int8 out. preprocessing: HEARD, AGAIN or SEVERAL for those.
    """
    int8, said = settings.pop("int8", True), settings.pop("preprocessing", PREPROCESSING)
    data: dict[str, Any] = {"source": "wav", "root": "x", "sound": {"clip_ms": 170, "bands": 8}} if said.sound else {}
    recipe = Recipe.model_validate(
        {"name": "digits", "data": data or {"source": "digits"}, "model": {"name": "m"}, "raspberry_pi": settings}
    )
    stages = ("data", "onnx", "calibration", "onnx-int8", "tflite", "measure", "listen")
    inputs = {name: folder / name for name in stages}
    for path in (*inputs.values(), folder / "out", folder / "scratch"):
        path.mkdir(parents=True)
    from sklearn.datasets import load_digits

    raw = load_digits().images[:100, None].astype(np.uint8)
    if said.sound:
        clips = chirp(100 * CLIP).reshape(100, CLIP)
        raw = np.stack([Features(SOUND).of_clip(clip)[None] for clip in clips])
        np.savez(inputs["data"] / CLIPS_FILE, places=np.arange(0, 100, 25), samples=clips[::25])
        (inputs["listen"] / LISTENING_FILE).write_text(LISTENING.model_dump_json())
    else:
        del inputs["listen"]
    np.savez(inputs["data"] / "data.npz", test_x=raw, test_y=load_digits().target[:100])
    (inputs["data"] / "preprocessing.json").write_text(said.to_json())
    np.savez(inputs["calibration"] / "calibration.npz", x=said.apply(raw), y=np.zeros(100, np.int64))
    onnx.save(network(said.outputs), inputs["onnx"] / ONNX_FLOAT_FILE)
    write_variants(inputs["onnx"], [Variant("onnx-fp32", "onnxruntime", "fp32", ONNX_FLOAT_FILE)])
    job = Job("s", recipe, inputs, inputs["onnx-int8"], folder / "scratch", lambda share, text: None)
    if int8:
        quantize_onnx(job)
    else:
        write_variants(
            inputs["onnx-int8"], [Variant("onnx-static-int8", "onnxruntime", "int8", None, reason="refused")]
        )
    (inputs["tflite"] / "int8.tflite").write_bytes(quantized(tflite_network(said.outputs), said.apply(raw)))
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


def weights(outputs: int) -> dict[str, np.ndarray]:
    """Return those of a fixed seed."""
    rng = np.random.default_rng(0)
    return {
        "kernel": rng.standard_normal((4, 1, 3, 3)).astype(np.float32),
        "bias": rng.standard_normal(4).astype(np.float32),
        "dense": (rng.standard_normal((256, outputs)) / 16).astype(np.float32),
        "offset": rng.standard_normal(outputs).astype(np.float32),
    }


def tflite_network(outputs: int = 10) -> bytes:
    """Return the float .tflite of the same network."""
    found, net = weights(outputs), Network(8, 8, 1)
    conv = net.conv(net.input, found["kernel"].transpose(0, 2, 3, 1), found["bias"], activation="RELU")
    dense = found["dense"].reshape(4, 8, 8, outputs).transpose(3, 1, 2, 0).reshape(outputs, 256)  # of N,H,W,C
    return net.build(net.dense(conv, dense, found["offset"]))


def network(outputs: int = 10) -> onnx.ModelProto:
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
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, outputs])],
        [numpy_helper.from_array(value, name) for name, value in weights(outputs).items()],
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


def client_of(folder: Path, **settings: Any) -> Any:
    """Return a client of the bundle's server, in this process; for a `with`."""
    from fastapi.testclient import TestClient

    with on_path(FIRMWARE):
        from bundle import Bundle
        from classifier import Classifier
        from server import create_app
    return TestClient(create_app(Classifier(Bundle.read(folder)), **settings))


@contextlib.contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """Let modules be imported from a folder, for tests that hypothesis runs many times."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
