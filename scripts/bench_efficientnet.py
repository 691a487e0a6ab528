"""EfficientNetV2-B0 at 224x224: sizes, conversion times and single-image latency, with random weights.

    python scripts/bench_efficientnet.py [OUT] [--quick]      (OUT, default build/efficientnet_v2, gets the files)

Neither depends on what the weights are. Accuracy does: see scripts/lite0_agreement.py and docs/efficientnet_v2.md.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from edgeforge.builder.stage import Job
from edgeforge.evaluate.bench import bench_models
from edgeforge.quantize.onnx.static import quantize_onnx
from edgeforge.quantize.tflite.network import convert_network
from edgeforge.recipe.schema import Recipe
from edgeforge.results.files import ONNX_FLOAT_FILE, ONNX_INT8_FILE, PREPROCESSING_FILE
from edgeforge.results.preprocessing import Preprocessing

NAME, SHAPE = "efficientnet_v2", (3, 224, 224)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CALIBRATION = 16


def main() -> None:
    """Convert, quantize and measure."""
    import torch

    out = Path(next((a for a in sys.argv[1:] if not a.startswith("-")), f"build/{NAME}"))
    out.mkdir(parents=True, exist_ok=True)
    sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
    from efficientnet_v2 import EfficientNetV2

    torch.manual_seed(0)
    network = EfficientNetV2(image_size=224)
    images = np.random.default_rng(0).integers(0, 256, (CALIBRATION, *SHAPE), dtype=np.uint8)
    preprocessing = Preprocessing(SHAPE, 255.0, MEAN, STD, tuple(f"class {number}" for number in range(1000)))
    inputs = preprocessing.apply(images)
    # Batch norm's own statistics, taken once: without them random weights make each layer's output smaller.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.from_numpy(inputs))
    started = time.monotonic()
    made = convert_network(network.eval(), inputs, out)
    print(f"PyTorch to ONNX and to {len(made.tflite)} TFLite variants: {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    files = [out / "model.onnx", _onnx_int8(out, inputs, preprocessing), *made.tflite.values()]
    print(f"ONNX Runtime's static int8: {time.monotonic() - started:.0f} s")
    quick = "--quick" in sys.argv
    rows = bench_models(files, threads=1, runs=20 if quick else 100, warmup=3 if quick else 10)
    largest = {
        suffix: max(row.size_bytes for row in rows if row.file.endswith(suffix)) for suffix in (".onnx", ".tflite")
    }
    for row in rows:
        times = largest[Path(row.file).suffix] / row.size_bytes
        print(f"{Path(row.file).name:24} {row.size_bytes:>12,} bytes, {times:.2f} times smaller, "
              f"p50 {row.p50:.1f} ms, p99 {row.p99:.1f} ms, 1 thread")  # fmt: skip


def _onnx_int8(out: Path, inputs: np.ndarray, preprocessing: Preprocessing) -> Path:
    recipe = Recipe.model_validate({"name": NAME, "data": {"source": "digits"}, "model": {"name": NAME}})
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("data", "onnx", "calibration")}
        for folder in folders.values():
            folder.mkdir()
        (folders["data"] / PREPROCESSING_FILE).write_text(preprocessing.to_json())
        np.savez(folders["calibration"] / "calibration.npz", x=inputs[:8], y=np.zeros(8, np.int64))
        (folders["onnx"] / ONNX_FLOAT_FILE).write_bytes((out / "model.onnx").read_bytes())
        quantize_onnx(Job("onnx-int8", recipe, folders, out, Path(scratch), lambda share, text: None))
    return out / ONNX_INT8_FILE


if __name__ == "__main__":
    main()
