"""Times what EdgeForge promises to be quick, side by side in one run. Run it on a quiet machine:

    .venv/bin/python scripts/bench_build.py            (about eight minutes)
    .venv/bin/python scripts/bench_build.py --quick    (without TensorFlow's conversion and the digits build)

Every figure is the wall time of a fresh process, its start and imports included.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edgeforge.pipeline import KEEP_MEMORY

ROOT = Path(__file__).parent.parent
DIGITS = ROOT / "recipes" / "digits.yaml"

# A network of the MNIST example's shape; the dense layer's width sets the number of parameters.
EXPORT = """
import sys, torch
from torch import nn
width, path = int(sys.argv[1]), sys.argv[2]
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
                    nn.Linear(9216, width), nn.ReLU(), nn.Linear(width, 10)).eval()
torch.onnx.export(net, (torch.zeros(1, 1, 28, 28),), path, dynamo=True, external_data=False, input_names=["input"],
                  output_names=["logits"], verbose=False)
print(sum(parameter.numel() for parameter in net.parameters()))
"""

CONVERT = """
import pathlib, sys
import numpy
from edgeforge.quantize.tflite.convert import convert_variants
from edgeforge.recipe.sections.quantize import TFLite
samples = numpy.random.default_rng(0).normal(size=(200, 1, 28, 28)).astype(numpy.float32)
made = convert_variants(pathlib.Path(sys.argv[1]), samples, TFLite(backend=sys.argv[2]), lambda share, text: None)
made = made.variants
for kind, outcome in made.items():
    if isinstance(outcome, Exception):
        raise outcome
print(len(made["int8"]))
"""


def timed(*command: str | Path, repeat: int = 1) -> tuple[float, str]:
    """Return the median wall time in seconds and the last line printed. Exits when the command fails."""
    times, last = [], ""
    for _ in range(repeat):
        started = time.perf_counter()
        # The environment of the build's own conversion stage.
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, env={**os.environ, **KEEP_MEMORY}
        )
        times.append(time.perf_counter() - started)
        if done.returncode:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
        last = (done.stdout.strip().splitlines() or [""])[-1]
    return statistics.median(times), last


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--quick", action="store_true", help="leave the slow parts out")
    quick = parser.parse_args().quick
    table = Table("what", "seconds", "promise", title="Wall time of fresh processes")
    edgeforge = (sys.executable, "-m", "edgeforge")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table.add_row("edgeforge --help", f"{timed(*edgeforge, '--help', repeat=7)[0]:.2f}", "0.3")
        if not quick:
            build = (*edgeforge, "build", DIGITS, "--out", folder / "build")
            table.add_row("build digits from nothing", f"{timed(*build)[0]:.1f}", "90")
            table.add_row("build digits again", f"{timed(*build, repeat=5)[0]:.2f}", "2")
            table.add_row("plan digits", f"{timed(*edgeforge, 'plan', *build[4:], repeat=5)[0]:.2f}", "1")
        small, large = folder / "small.onnx", folder / "large.onnx"
        sizes = [int(timed(sys.executable, "-c", EXPORT, str(w), p)[1]) for w, p in ((128, small), (512, large))]
        # In turn, so that both meet the same disturbances.
        turns = [[timed(sys.executable, "-c", CONVERT, path, "direct") for path in (small, large)] for _ in range(5)]
        direct, larger = (statistics.median(turn[place][0] for turn in turns) for place in (0, 1))
        direct_bytes = turns[0][0][1]
        slope = (larger - direct) / (sizes[1] - sizes[0]) * 1e6
        table.add_row(f"ONNX → four TFLite variants, {sizes[0]:,} parameters", f"{direct:.1f}", "1.5")
        table.add_row(f"the same, {sizes[1]:,} parameters", f"{larger:.1f}", "")
        table.add_row("growth, seconds a million parameters", f"{slope:.2f}", "1")
        if not quick:
            slow, slow_bytes = timed(sys.executable, "-c", CONVERT, small, "tensorflow")
            table.add_row(f"by TensorFlow, {sizes[0]:,} parameters", f"{slow:.1f}", "")
            table.add_row("times as fast", f"{slow / direct:.1f}×", "")
            ratio = 100 * (int(direct_bytes) / int(slow_bytes) - 1)
            table.add_row(
                "int8 bytes, direct against TensorFlow", f"{direct_bytes} / {slow_bytes} ({ratio:+.2f} %)", "±2 %"
            )
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
