"""Which architectures go through: torchvision's and timm's, small and with random weights, to int8 TFLite.

    python scripts/conversion_matrix.py [NAME…] [--write docs/conversion.md]

Each is exported to ONNX, converted to float32 and full-integer TFLite, run beside PyTorch on crops of scikit-learn's
two photographs, and loaded into TFLM.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

TABLE = Path(__file__).parents[1] / "docs" / "conversion.md"
PASSES = "passes"
FLOAT_TOLERANCE = 1e-3  # of the logits' range
LEAST_DB, LEAST_CORRELATION = 15.0, 0.98  # of the int8 model's logits with PyTorch's
IMAGES, CALIBRATION = 16, 32
WORKERS = 2

Factory = Callable[[], Any]


@dataclass(frozen=True)
class Outcome:
    """One architecture's row."""

    name: str
    shape: str
    parameters: int
    float_error: float | None = None
    int8_db: float | None = None
    correlation: float | None = None
    int8_bytes: int | None = None
    tflm: str = "–"
    status: str = PASSES
    seconds: float = 0.0

    def line(self) -> str:
        """Return the row as Markdown."""
        numbers = [
            "–" if value is None else form.format(value)
            for value, form in ((self.float_error, "{:.0e}"), (self.int8_db, "{:.0f}"), (self.correlation, "{:.3f}"),
                                (self.int8_bytes, "{:,}"))
        ]  # fmt: skip
        cells = [self.name, self.shape, f"{self.parameters:,}", *numbers, self.tflm, self.status]
        return f"| {' | '.join(cells)} |"


def architectures() -> dict[str, tuple[int, Factory]]:
    """Return name → pixels and constructor; narrow or shallow where the constructor lets it be."""
    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    import timm
    import torchvision.models as tv
    from timm.models.mlp_mixer import MlpMixer
    from torchvision.models.convnext import CNBlockConfig, ConvNeXt
    from torchvision.models.efficientnet import _efficientnet_conf
    from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet
    from torchvision.models.swin_transformer import SwinTransformer
    from torchvision.models.vision_transformer import VisionTransformer

    def efficientnet() -> Any:
        settings, _ = _efficientnet_conf("efficientnet_b0", width_mult=0.35, depth_mult=0.35)
        return tv.EfficientNet(settings, dropout=0.2, last_channel=320, num_classes=10)

    def named(name: str, **arguments: Any) -> Factory:
        return lambda: timm.create_model(name, num_classes=10, **arguments)

    few = {"num_classes": 10}
    return {
        "torchvision resnet (18 narrowed)": (32, lambda: ResNet(BasicBlock, [1, 1, 1, 1], width_per_group=64, **few)),
        "torchvision resnext (bottlenecks)": (
            32, lambda: ResNet(Bottleneck, [1, 1, 1, 1], groups=8, width_per_group=4, **few)),
        "torchvision vgg11_bn (features)": (32, lambda: _vgg(tv)),
        "torchvision mobilenet_v2": (32, lambda: tv.mobilenet_v2(width_mult=0.35, **few)),
        "torchvision mobilenet_v3_small": (32, lambda: tv.mobilenet_v3_small(width_mult=0.5, **few)),
        "torchvision shufflenet_v2_x0_5": (64, lambda: tv.shufflenet_v2_x0_5(**few)),
        "torchvision squeezenet1_1": (64, lambda: tv.squeezenet1_1(**few)),
        "torchvision mnasnet0_5": (32, lambda: tv.mnasnet0_5(**few)),
        "torchvision densenet (shallow)": (
            32, lambda: tv.DenseNet(growth_rate=8, block_config=(2, 2, 2, 2), num_init_features=16, **few)),
        "torchvision googlenet": (64, lambda: tv.googlenet(aux_logits=False, init_weights=False, **few)),
        "torchvision regnet_y_400mf": (32, lambda: tv.regnet_y_400mf(**few)),
        "torchvision efficientnet_b0 (narrow)": (32, efficientnet),
        "torchvision convnext (narrow)": (
            32, lambda: ConvNeXt([CNBlockConfig(16, 32, 1), CNBlockConfig(32, None, 1)], **few)),
        "torchvision vit (2 layers)": (
            32, lambda: VisionTransformer(image_size=32, patch_size=8, num_layers=2, num_heads=2, hidden_dim=32,
                                          mlp_dim=64, **few)),
        "torchvision swin (narrow)": (
            32, lambda: SwinTransformer(patch_size=[2, 2], embed_dim=16, depths=[2, 2], num_heads=[2, 4],
                                        window_size=[4, 4], **few)),
        "timm ghostnet_050": (32, named("ghostnet_050")),
        "timm mobilenetv4_conv_small_035": (32, named("mobilenetv4_conv_small_035")),
        "timm lcnet_035": (32, named("lcnet_035")),
        "timm mixer (2 blocks)": (
            32, lambda: MlpMixer(img_size=32, patch_size=8, num_blocks=2, embed_dim=32, **few)),
        "timm tinynet_e": (32, named("tinynet_e")),
        "timm edgenext_xx_small": (64, named("edgenext_xx_small")),
    }  # fmt: skip


def _vgg(tv: Any) -> Any:
    """vgg11_bn's features at a quarter of its width; its own classifier has 100 million weights."""
    from torch import nn
    from torchvision.models.vgg import make_layers

    features = make_layers([16, "M", 32, "M", 64, 64, "M", 128, 128, "M"], batch_norm=True)
    return nn.Sequential(features, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(512, 10))


def photographs(size: int, count: int) -> np.ndarray:
    """Return crops of scikit-learn's two photographs, N,3,size,size float32, about zero mean and unit variance."""
    from sklearn.datasets import load_sample_images

    random = np.random.default_rng(0)
    crops = []
    for number in range(count):
        photo = load_sample_images().images[number % 2][::4, ::4]
        top, left = (int(random.integers(0, length - size + 1)) for length in photo.shape[:2])
        crops.append(photo[top : top + size, left : left + size].transpose(2, 0, 1))
    return ((np.stack(crops) / 127.5 - 1) / 0.5).astype(np.float32)


def export_one(name: str, path: Path) -> Outcome:
    """Write PATH.onnx and PATH.npz (inputs and PyTorch's logits) of one architecture."""
    import torch

    from edgeforge.errors import EdgeForgeError
    from edgeforge.quantize.tflite.network import export_network

    torch.set_num_threads(1)
    torch.manual_seed(0)
    size, factory = architectures()[name]
    started = time.monotonic()
    network, status = factory(), PASSES
    inputs = photographs(size, CALIBRATION)
    _settle(network, inputs)
    parameters = sum(p.numel() for p in network.parameters())
    try:
        with quiet():
            logits = export_network(network, inputs, path.with_suffix(".onnx"))
        np.savez(path.with_suffix(".npz"), inputs=inputs, logits=logits)
    except EdgeForgeError as error:
        status = _short(error.reason)
    return Outcome(name, f"3×{size}×{size}", parameters, status=status, seconds=time.monotonic() - started)


def convert_one(exported: Outcome, path: Path) -> Outcome:
    """Return one architecture's row. What fails is a row with the reason."""
    from edgeforge.errors import EdgeForgeError

    if exported.status != PASSES:
        return exported
    started = time.monotonic()
    try:
        with quiet():
            found = _measured(path)
    except EdgeForgeError as error:
        found = {"status": _short(error.reason)}
    return replace(exported, **found, seconds=exported.seconds + time.monotonic() - started)


def _measured(path: Path) -> dict[str, Any]:
    from edgeforge.errors import StageFailed
    from edgeforge.evaluate.statistics import sqnr_db
    from edgeforge.quantize.tflite.network import convert_file, correlation, relative_error
    from edgeforge.recipe.sections.quantize import TFLite
    from edgeforge.runtimes.litert import LiteRTRunner
    from edgeforge.runtimes.tflm import TFLMRunner

    with np.load(path.with_suffix(".npz")) as arrays:
        inputs, expected = arrays["inputs"], arrays["logits"][:IMAGES]
    made = convert_file(path.with_suffix(".onnx"), inputs, TFLite(variants=("float32", "int8")))
    if "float32" not in made.tflite:
        return {"status": f"TFLite float32: {made.refused['float32']}"}
    found: dict[str, Any] = {}
    found["float_error"] = relative_error(LiteRTRunner(made.tflite["float32"]).run(inputs[:IMAGES]), expected)
    if not found["float_error"] <= FLOAT_TOLERANCE:
        return found | {"status": f"float32 differs from PyTorch by {found['float_error']:.1e}"}
    if "int8" not in made.tflite:
        return found | {"status": f"TFLite int8: {made.refused['int8']}"}
    int8 = made.tflite["int8"]
    logits = LiteRTRunner(int8).run(inputs[:IMAGES])
    found |= {
        "int8_bytes": int8.stat().st_size,
        "int8_db": sqnr_db(expected, logits),
        "correlation": correlation(logits, expected),
    }
    try:
        TFLMRunner(int8).run(inputs[:1])
        found["tflm"] = "runs"
    except StageFailed as error:
        found["tflm"] = _operator(error.reason)
    if found["int8_db"] < LEAST_DB or found["correlation"] < LEAST_CORRELATION:
        found["status"] = _numeric_reason(made, inputs)
    return found


def _numeric_reason(made: Any, inputs: np.ndarray) -> str:
    """Name the layer that costs an int8 model most, by the layer-by-layer comparison."""
    from edgeforge.evaluate.parity.layers import layer_parity

    rows = layer_parity(made.tflite["float32"].read_bytes(), made.tflite["int8"].read_bytes(), inputs[:4])
    measured = [row for row in rows if row.cost is not None]
    if not measured:
        return "int8 keeps too little; no layer could be compared"
    worst = max(measured, key=lambda row: row.cost or 0.0)
    return f"int8 keeps too little: {100 * (worst.cost or 0):.0f} % of the noise is from {worst.name}"


def _short(reason: str) -> str:
    return re.sub(r"\S*/(?=\w+\.tflite)", "", reason.partition(" (onnx2tf: ")[0])


def _operator(reason: str) -> str:
    found = re.search(r"operator '(\w+)'", reason)
    return f"no {found[1]}" if found else reason.removeprefix("TFLM refuses the model: ")[:60]


def _settle(network: Any, inputs: np.ndarray) -> None:
    """Give random weights the signal that trained ones have: no zero head, and unit power behind each batch norm.

    One variance a layer, not a channel: dividing each random channel by its own makes deep networks chaotic, so that
    float32's own rounding comes out tens of times larger. Means stay 0, or little but int8's noise would be left.
    """
    import torch

    def scale(module: Any, values: tuple[Any, ...]) -> None:
        module.running_mean.zero_()
        module.running_var.fill_(values[0].square().mean())

    for parameter in network.parameters():
        if parameter.dim() > 1 and not parameter.any():
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    norms = [module for module in network.eval().modules() if isinstance(module, torch.nn.BatchNorm2d)]
    hooks = [module.register_forward_pre_hook(scale) for module in norms]
    with torch.no_grad():
        network(torch.from_numpy(inputs))
    for hook in hooks:
        hook.remove()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep TensorFlow's and the exporter's chatter off the terminal."""
    saved = os.dup(1), os.dup(2)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)
        os.dup2(nothing.fileno(), 2)
        try:
            yield
        finally:
            for place, descriptor in enumerate(saved, start=1):
                os.dup2(descriptor, place)
                os.close(descriptor)


def run(names: list[str]) -> Iterator[Outcome]:
    """Yield the rows: first two processes with PyTorch, then two with TensorFlow, which never share one."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(len(names))]
        with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
            exported = list(pool.map(export_one, names, paths))
        with ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
            yield from pool.map(convert_one, exported, paths)


HEADER = """# Conversion matrix

Architectures of torchvision and timm with random weights, small enough for CI: PyTorch → ONNX → TFLite float32 and
full-integer int8. `float32` is the largest difference of its logits from PyTorch's, as a share of their range (at most
1e-3 allowed); `int8 dB` and `corr.` compare the int8 model's logits with PyTorch's (at least 15 dB and 0.98 to pass).
16 crops of scikit-learn's two photographs, 32 for calibration. `TFLM`: whether TensorFlow Lite Micro here runs the
int8 model, or what it lacks. A row that does not pass names the operator, or the layer whose rounding costs most.

Random weights are hard on int8: nothing was trained to keep the values of a layer in one range. Each batch norm has the
one variance that gives its layer unit power, and means of 0.

Written by `scripts/conversion_matrix.py`; a test compares what it finds with this table.

| architecture | input | parameters | float32 | int8 dB | corr. | int8 bytes | TFLM | outcome |
|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Convert and print; write the table when all were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="architectures; default: all")
    parser.add_argument("--write", type=Path, default=TABLE, metavar="PATH", help="where the table goes")
    arguments = parser.parse_args()
    known = list(architectures())
    wrong = [name for name in arguments.names if name not in known]
    if wrong:
        parser.error(f"no architecture {wrong[0]!r}; there are: {', '.join(known)}")
    rows = []
    for row in run(arguments.names or known):
        rows.append(row)
        print(row.line(), f"{row.seconds:.1f} s", flush=True)
    if not arguments.names:
        arguments.write.write_text(HEADER + "\n".join(row.line() for row in rows) + "\n")


if __name__ == "__main__":
    main()
