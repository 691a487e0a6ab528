"""The ready networks in figures: multiply-accumulates, parameters, int8 bytes and tensor arena.

    python scripts/measure_tiny_nets.py           (prints, and writes docs/tiny_nets.md)

Weights are random: none of these figures depends on them. The arena is TFLM's own count on this desk, whose pointers
are longer than a board's. MLPerf Tiny's files are those of its reference submission (github.com/mlcommons/tiny).
"""

from __future__ import annotations

import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

MODELS = Path(__file__).parents[1] / "models"
TABLE = Path(__file__).parents[1] / "docs" / "tiny_nets.md"

# File in models/, what it is for, arguments, input C,H,W, bytes of MLPerf Tiny's int8 reference file.
NETS: tuple[tuple[str, str, dict[str, Any], tuple[int, int, int], int | None], ...] = (
    ("mnist_separable", "digits, 10 classes", {}, (1, 28, 28), None),
    ("resnet8", "images, 10 classes", {}, (3, 32, 32), 98_496),
    ("ds_cnn", "keywords, 12 classes", {}, (1, 49, 10), 53_936),
    ("ds_cnn_1d", "a wake word in a stream", {}, (40, 30, 1), 74_520),
    ("mobilenet_v1", "a person or none, width 0.25", {}, (3, 96, 96), 333_288),
    ("autoencoder", "unusual sounds, 640 values", {}, (1, 1, 640), 276_976),
    ("mobilenet_v2", "width 0.35", {"channels": 3}, (3, 96, 96), None),
    ("mobilenet_v3_small", "width 0.5", {"width": 0.5}, (3, 96, 96), None),
    ("mcunet_block", "kernels 3, 5 and 7", {}, (3, 64, 64), None),
    ("once_for_all", "a search, smallest of its space", {}, (3, 64, 64), None),
    ("efficientnet_v2", "width 0.25, depth 0.35, 100 classes", {"classes": 100, "width": 0.25, "depth": 0.35,
     "last_channels": 320, "activation": "hardswish", "gate": "hardsigmoid"}, (3, 64, 64), None),
)  # fmt: skip

HEADER = """# The ready networks

`scripts/measure_tiny_nets.py` writes this table. Weights are random: none of the figures depends on them. int8 bytes
are the whole .tflite file with int8 input and output; the arena is what TFLM takes on this desk, more than on a 32-bit
board.
MLPerf Tiny's column is the size of its reference's int8 file of the same network.

| model | for | input | MACs | parameters | int8 bytes | MLPerf Tiny | arena bytes | operators |
|---|---|---|---|---|---|---|---|---|
"""


def model_class(name: str) -> Any:
    """Return the public class of a file in models/."""
    found = runpy.run_path(str(MODELS / f"{name}.py"), run_name=name)
    return next(kind for kind in found.values() if isinstance(kind, type) and kind.__module__ == name
                and not kind.__name__.startswith("_"))  # fmt: skip


def row(name: str, what: str, arguments: dict[str, Any], shape: tuple[int, int, int], reference: int | None) -> str:
    """Return one network's row as Markdown."""
    import torch

    from edgeforge.errors import StageFailed
    from edgeforge.quantize.tflite.network import convert_network
    from edgeforge.recipe.sections.quantize import TFLite
    from edgeforge.runtimes.tflm import TFLMRunner
    from edgeforge.tflite.figures.costs import macs
    from edgeforge.tflite.flatbuffer import operators

    torch.manual_seed(0)
    network = model_class(name)(**arguments).eval()
    inputs = np.random.default_rng(0).normal(size=(16, *shape)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        made = convert_network(network, inputs, Path(folder), TFLite(variants=("int8",)))
        model = made.tflite["int8"].read_bytes()
        try:
            runner = TFLMRunner(made.tflite["int8"])
            runner.run(inputs[:1])
            arena = f"{runner.arena().total:,}"
        except StageFailed as error:
            arena = error.reason
    cells = [
        f"`{name}`", what, "×".join(map(str, shape)), f"{macs(model):,}",
        f"{sum(p.numel() for p in network.parameters()):,}", f"{len(model):,}",
        f"{reference:,}" if reference else "", arena, ", ".join(sorted(operators(model))),
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print and write the table."""
    wanted = sys.argv[1:]
    rows = []
    for net in NETS:
        if not wanted or net[0] in wanted:
            rows.append(row(*net))
            print(rows[-1], flush=True)
    if wanted:
        return
    TABLE.write_text(HEADER + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
