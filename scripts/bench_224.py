"""Pack and measure a bundle of a 224x224 net: torchvision's MobileNetV2, for its latency.

    python scripts/bench_224.py [OUT]        (OUT, default build/mobilenet_v2, gets mobilenet_v2.tar.gz and desk.json)

Its weights and images are random: its latency is that of a trained one, its accuracy is none. The bundle is made by
the same stages as any other: ONNX, ONNX Runtime's static INT8, raspberry-pi, raspberry-pi-bench.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from edgeforge.builder.stage import Job
from edgeforge.quantize.onnx.static import quantize_onnx
from edgeforge.recipe.schema import Recipe
from edgeforge.report.sentences.raspberry_pi import devices_table
from edgeforge.results.devices import read_device
from edgeforge.results.files import MEASUREMENTS_FILE, ONNX_FLOAT_FILE, PREPROCESSING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.variant import Variant, write_variants
from edgeforge.targets.raspberry_pi.bench import bench_on_desk
from edgeforge.targets.raspberry_pi.bundle import pack_raspberry_pi

NAME, SHAPE = "mobilenet_v2", (3, 224, 224)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main() -> None:
    """Run the four stages one after the other."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else f"build/{NAME}")
    out.mkdir(parents=True, exist_ok=True)
    recipe = Recipe.model_validate({
        "name": NAME, "data": {"source": "digits"}, "model": {"name": NAME},
        "raspberry_pi": {"variants": ["onnx-fp32", "onnx-static-int8"]},
        "measure": {"runs": 100, "warmup": 10},
    })  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        folders = {name: Path(scratch) / name for name in ("data", "onnx", "calibration", "onnx-int8", "measure")}
        for folder in folders.values():
            folder.mkdir()
        prepare(folders)
        (folders["measure"] / MEASUREMENTS_FILE).write_text("[]")  # random weights are right by chance alone

        def run(stage: str, function: Any, output: Path) -> None:
            work = Path(scratch) / f"{stage}-scratch"
            work.mkdir()
            function(Job(stage, recipe, folders, output, work, lambda share, text: None))

        run("onnx-int8", quantize_onnx, folders["onnx-int8"])
        run("raspberry-pi", pack_raspberry_pi, out)
        folders["raspberry-pi"] = out
        run("raspberry-pi-bench", bench_on_desk, out)
    device = read_device(out / "desk.json")
    Console(width=110).print(devices_table([device]))
    for row in device.latency:
        print(
            f"{row.variant} {row.threads} threads: p50 {row.p50_ms:.2f}, p90 {row.p90_ms:.2f}, p99 {row.p99_ms:.2f} ms"
        )
    for load in device.load:
        print(f"{load.clients} clients: p50 {load.p50_ms:.1f}, p99 {load.p99_ms:.1f} ms, "
              f"{load.requests_per_second:.1f} requests/s, {load.statuses}")  # fmt: skip


def prepare(folders: dict[str, Path]) -> None:
    """Write random images, as test split and as calibration, and the network as ONNX."""
    import torch

    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.models import mobilenet_v2

    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (32, *SHAPE), dtype=np.uint8)
    preprocessing = Preprocessing(SHAPE, 255.0, MEAN, STD, tuple(f"class {number}" for number in range(1000)))
    np.savez(folders["data"] / "data.npz", test_x=images, test_y=np.zeros(len(images), np.int64))
    (folders["data"] / PREPROCESSING_FILE).write_text(preprocessing.to_json())
    np.savez(folders["calibration"] / "calibration.npz", x=preprocessing.apply(images[:16]), y=np.zeros(16, np.int64))
    torch.manual_seed(0)
    network = mobilenet_v2(weights=None)
    # Batch norm's own statistics, taken once: without them random weights make each layer's output smaller.
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        network.train()(torch.from_numpy(preprocessing.apply(images[:16])))
    program = torch.onnx.export(network.eval(), (torch.zeros(1, *SHAPE),), dynamo=True,
                                input_names=["input"], output_names=["logits"], verbose=False)  # fmt: skip
    assert program is not None
    (folders["onnx"] / ONNX_FLOAT_FILE).write_bytes(program.model_proto.SerializeToString())
    write_variants(folders["onnx"], [Variant("onnx-fp32", "onnxruntime", "fp32", ONNX_FLOAT_FILE)])


if __name__ == "__main__":
    main()
