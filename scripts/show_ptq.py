"""What naive post-training quantization loses on badly scaled depthwise layers, and what wins it back.

    edgeforge build my_mobilenet.yaml        # model mobilenet_v2 with args {activation: relu}
    python scripts/show_ptq.py build/my_mobilenet

The channels behind each depthwise layer of the trained net are divided by random factors, which the next layer undoes:
the float net computes the same, as some trained MobileNets come, but one scale no longer serves all channels. Every
row is the full test split, in LiteRT.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from time import perf_counter

import numpy as np

from edgeforge.builder.key import key_of
from edgeforge.builder.publish import read_record
from edgeforge.data.representative import read_calibration
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.evaluate.statistics import sqnr_db
from edgeforge.pipeline import BuildFolder
from edgeforge.quantize.tflite.passes.equalize import pairs_of
from edgeforge.quantize.tflite.prepared import prepared
from edgeforge.quantize.tflite.ptq import Source
from edgeforge.recipe.sections.quantize import PTQ
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.flatbuffer import read_model, write_model

CORRECTIONS: tuple[dict[str, bool], ...] = (
    {},
    {"bias_correction": True},
    {"adaround": True},
    {"equalize": True},
    {"equalize": True, "bias_correction": True},
    {"equalize": True, "adaround": True, "bias_correction": True},
)


def badly_scaled(float_model: bytes, images: np.ndarray, decades: float, seed: int) -> bytes:
    """Return the same function with the channels behind depthwise layers spread over so many decades."""
    random = np.random.default_rng(seed)
    model = read_model(float_model)
    pairs = [p for p in pairs_of(model, float_model, images).pairs if p.first.kind == "DEPTHWISE_CONV_2D"]
    for pair in pairs:
        spread = 10 ** random.uniform(-decades / 2, decades / 2, pair.channels)
        pair.scale(np.where(pair.free, np.maximum(spread, pair.least), 1.0).astype(np.float32))
        pair.write(model)
    return write_model(model)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="a build folder that holds tflite/NAME_float32.tflite")
    parser.add_argument("--decades", type=float, default=2.0, help="how far the channels' scales are spread (2)")
    parser.add_argument("--samples", type=int, default=200, help="calibration images (200)")
    parser.add_argument("--iterations", type=int, default=300, help="of AdaRound, a layer (300)")
    parser.add_argument("--seed", type=int, default=42)
    arguments = parser.parse_args()
    data = artifact(arguments.build, "data")
    raw, labels = read_split(data, "test")
    test = read_preprocessing(data).apply(raw)
    images = read_calibration(artifact(arguments.build, "calibration"))[: arguments.samples]
    file = arguments.build / "tflite" / f"{arguments.build.name}_float32.tflite"
    trained = prepared(pure_flatbuffer(file.read_bytes()))
    spoilt = badly_scaled(trained, images, arguments.decades, arguments.seed)
    expected = logits(trained, test)
    print(f"{len(labels)} test images, {len(images)} for calibration, factors over {arguments.decades:g} decades\n")
    print(f"{'variant':68} top-1 %  SQNR dB  seconds")

    def show(name: str, model: bytes, seconds: float = 0.0) -> None:
        found = logits(model, test)
        accuracy, noise = 100 * (found.argmax(1) == labels).mean(), sqnr_db(expected, found)
        print(f"{name:68} {accuracy:7.2f} {'equal' if noise is None else f'{noise:.1f}':>8} {seconds:8.1f}", flush=True)

    show("float32, as trained", trained)
    show("float32, badly scaled", spoilt)
    for title, model in (("as trained", trained), ("badly scaled", spoilt)):
        source = Source(model, images, arguments.seed)
        for weights in ("per-tensor", "per-channel"):
            for corrections in CORRECTIONS if model is spoilt else CORRECTIONS[:1]:
                wanted = {"adaround": {"iterations": arguments.iterations}} if "adaround" in corrections else {}
                entry = PTQ.model_validate({"weights": weights, **corrections, **wanted})
                started = perf_counter()
                made = source.make(entry).model
                what = " + ".join(corrections) or "naive"
                show(f"{title}, {weights}: {what}", made, perf_counter() - started)


def artifact(build: Path, stage: str) -> Path:
    """Return the folder of a stage's result, as the last build left it."""
    found = BuildFolder(build.parent, build.name).store.get(stage, key_of(read_record(build)["ingredients"][stage]))
    assert found, f"{build}: the result of stage {stage} is gone; build the recipe again"
    return found.folder


def logits(model: bytes, images: np.ndarray) -> np.ndarray:
    """Return what LiteRT computes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(model)
        return LiteRTRunner(path).run(images)


if __name__ == "__main__":
    main()
