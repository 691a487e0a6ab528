"""A small student with and without a teacher, on MNIST: mean and spread of the test accuracy over seeds.

    python scripts/show_distillation.py --teacher build/mnist/train/model.ckpt --data FOLDER_OF_MNIST

Both have the same images, order of batches, first weights and steps; the teacher is all that differs. It has learned
from all of MNIST, the student sees --images of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch

from edgeforge.api import build
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.recipe.schema import Model
from edgeforge.results.files import CHECKPOINT
from edgeforge.train.network.load import load_weights, make_network

ROOT = Path(__file__).parent.parent


def accuracy(result: Any, model: Model) -> tuple[float, int]:
    """Return the share of test images that a trained student gets right, and its parameters."""
    network = make_network(model, ROOT / "models" / f"{model.name}.py")
    load_weights(network, result.artifacts["train"].folder / CHECKPOINT)
    data = result.artifacts["data"].folder
    raw, labels = read_split(data, "test")
    images = torch.from_numpy(read_preprocessing(data).apply(raw))
    with torch.inference_mode():
        found = torch.cat([network.eval()(part) for part in images.split(1000)]).argmax(1).numpy()
    return float((found == labels).mean()), sum(parameter.numel() for parameter in network.parameters())


def subset(root: Path, out: Path, images: int) -> Path:
    """Write MNIST's first images, and its whole test split, as arrays; return the file."""
    from edgeforge.torchvision_import import import_torchvision

    import_torchvision()
    from torchvision.datasets import MNIST

    train, test = MNIST(root, train=True), MNIST(root, train=False)
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"mnist-{images}.npz"
    np.savez(path, x=train.data[:images].numpy(), y=train.targets[:images].numpy(),
             x_test=test.data.numpy(), y_test=test.targets.numpy())  # fmt: skip
    return path


def main() -> None:
    """Train the students and print a row a seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, required=True, help="checkpoint of mnist_cnn")
    parser.add_argument("--data", type=Path, required=True, help="folder that holds MNIST/raw")
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--images", type=int, default=2000, help="for training and validation: MNIST's first")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--width", type=int, default=8)
    parser.add_argument("--temperature", type=float, default=4.0)
    parser.add_argument("--weight", type=float, default=0.7)
    options = parser.parse_args()
    student = Model(name="mnist_small", args={"width": options.width})
    common: dict[str, Any] = {
        "model": student.model_dump(exclude_none=True),
        "train": {"epochs": options.epochs, "batch_size": 64, "lr": 0.004, "schedule": "cosine", "keep": "last"},
        "data.source": "numpy",
        "data.root": str(subset(options.data, options.out, options.images).resolve()),
    }
    teacher = {"name": "mnist_cnn", "weights": str(options.teacher.resolve())}
    taught = {"distill": {"teacher": teacher, "temperature": options.temperature, "weight": options.weight}}
    found: dict[str, list[float]] = {"alone": [], "distilled": []}
    for seed in options.seeds:
        for name, further in (("alone", {}), ("distilled", taught)):
            changes = common | further | {"seed": seed, "name": f"student-{name}"}
            share, parameters = accuracy(
                build(ROOT / "recipes/mnist.yaml", options.out, changes=changes, until="train"), student
            )
            found[name].append(100 * share)
            print(f"seed {seed}  {name:<10} {parameters:,} parameters  {100 * share:.2f} %", flush=True)
    for name, shares in found.items():
        print(f"{name:<10} {mean(shares):.2f} ± {stdev(shares) if len(shares) > 1 else 0:.2f} %")
    gains = [b - a for a, b in zip(found["alone"], found["distilled"], strict=True)]
    print(f"gain, seed by seed: {', '.join(f'{gain:+.2f}' for gain in gains)}; mean {mean(gains):+.2f} points")


if __name__ == "__main__":
    main()
