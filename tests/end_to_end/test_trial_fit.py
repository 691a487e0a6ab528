"""What the untrained network is told to take, the trained one takes: every ready network, trained for real.

One of each kind is a proof; the others, of blocks that these have too, are soaked.
"""

from pathlib import Path

import numpy as np
import pytest
from builds import open_folder

from edgeforge.builder.run import Watcher
from edgeforge.pipeline import build
from edgeforge.recipe.load import load_recipe
from edgeforge.targets.fit.stage import read_fit

# Network, its arguments, the shape of its images (C,H,W) and what else its recipe says.
NETWORKS: list[tuple[str, str, tuple[int, int, int], str]] = [
    ("digits_cnn", "{classes: 3}", (1, 8, 8), ""),
    (
        "digits_cnn",
        "{width: 16, classes: 3}",
        (1, 8, 8),
        "prune: {method: channels, ratio: 0.4, epochs: 1, rounds: 2}\n",
    ),
    ("digits_cnn", "{classes: 3}", (1, 8, 8), "quantize: {qat: {epochs: 1}}\n"),
    ("digits_cnn", "{classes: 3}", (1, 8, 8), "quantize: {ptq: [{scheme: int16x8}], ship: tflite-int16x8}\n"),
    ("mnist_small", "{classes: 3}", (1, 28, 28), ""),
    ("mnist_cnn", "{classes: 3}", (1, 28, 28), ""),
    ("mnist_separable", "{classes: 3}", (1, 28, 28), ""),
    ("cells_cnn", "{classes: 3}", (3, 48, 48), ""),
    ("resnet8", "{classes: 3}", (3, 32, 32), ""),
    ("ds_cnn", "{classes: 3}", (1, 49, 10), ""),
    ("matr1_cnn", "{}", (1, 100, 99), ""),
    ("mobilenet_v1", "{classes: 3, channels: 3}", (3, 96, 96), ""),
    ("mobilenet_v2", "{classes: 3, channels: 3}", (3, 64, 64), ""),
    ("mobilenet_v3_small", "{classes: 3, channels: 3}", (3, 64, 64), ""),
    ("mcunet_block", "{classes: 3, channels: 3}", (3, 64, 64), ""),
    ("once_for_all", "{classes: 3, kernel1: 7, expansion2: 6, depth3: 4}", (3, 64, 64), ""),
    ("efficientnet_v2", "{classes: 3, channels: 3, image_size: 64}", (3, 64, 64), ""),
    ("timm_model", "{name: mobilenetv3_small_050, classes: 3}", (3, 64, 64), ""),
]


SOAKED = {"mnist_small", "mnist_cnn", "cells_cnn", "resnet8", "mobilenet_v1", "mobilenet_v3_small", "mcunet_block"}


@pytest.mark.parametrize(
    ("network", "arguments", "shape", "more"),
    [pytest.param(*row, marks=pytest.mark.soak if row[0] in SOAKED else pytest.mark.proof) for row in NETWORKS],
    ids=[f"{network}{more[:12]}" for network, _, _, more in NETWORKS],
)
def test_before_training_and_after(
    network: str, arguments: str, shape: tuple[int, int, int], more: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    labels = np.arange(60) % 3
    images = (random.random((60, *shape[1:], shape[0])) * 90 + 80 * labels[:, None, None, None]).astype(np.uint8)
    np.savez(tmp_path / "data.npz", x=images, y=labels, x_test=images[:20], y_test=labels[:20])
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        f"name: net\ndata: {{source: numpy, root: data.npz}}\nmodel: {{name: {network}, args: {arguments}}}\n"
        f"train: {{epochs: 2, batch_size: 8}}\n{more}targets: [arduino-giga-r1, esp32-s3]\non_misfit: report\n"
    )
    out = open_folder(tmp_path / "build", tmp_path / "store")
    made = build(load_recipe(recipe), out, Watcher(), until="fit").artifacts
    before, after = (read_fit(made[stage].folder) for stage in ("trial-fit", "fit"))
    assert before.keys() == after.keys() and after
    for key, row in after.items():
        assert before[key].arena.needed_bytes == row.arena.needed_bytes
        assert before[key].operators == row.operators
        assert abs(before[key].flash.total - row.flash.total) <= 0.01 * row.flash.total, (before[key].flash, row.flash)
