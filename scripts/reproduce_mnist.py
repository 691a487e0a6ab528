"""PyTorch's MNIST network as published and as built here: accuracy, sizes and losses side by side.

    python scripts/reproduce_mnist.py --data FOLDER_OF_MNIST

Ends with 1 when a claim is not met.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from edgeforge.api import build, read_report

ROOT = Path(__file__).parent.parent
# Published for this network: Conv 32, Conv 64, max-pool, 128, 10; three epochs.
PUBLISHED = {"torch-fp32": (98.97, 4690.61), "torch-dynamic-int8": (98.98, 1232.20)}  # top-1 %, KB
PUBLISHED_LOSSES = (0.17, 0.057, 0.040)
LEAST_TOP1, SIZE_TOLERANCE = 98.9, 0.01


def main() -> int:
    """Build recipes/mnist.yaml and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder that holds MNIST/raw; default: download")
    parser.add_argument("--out", type=Path, default=Path("build"))
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    changes = {"seed": options.seed} | ({"data.root": options.data} if options.data else {})
    report = read_report(build(ROOT / "recipes" / "mnist.yaml", options.out, changes=changes).folder)
    rows = {row.name: row for row in report.variants}
    table = Table("", "published", "here", "claim", "", box=None, title=f"MNIST, seed {options.seed}")
    met = []

    def line(what: str, published: str, here: str, claim: str, holds: bool | None) -> None:
        if holds is not None:
            met.append(holds)
        table.add_row(what, published, here, claim, {None: "", True: "met", False: "not met"}[holds])

    for name, (top1, kilobytes) in PUBLISHED.items():
        row = rows[name]
        assert row.metrics and row.size_bytes and row.drop
        here, size = 100 * row.metrics.top1, row.size_bytes / 1024
        line(f"{name}, top-1 %", f"{top1:.2f}", f"{here:.2f}", f"at least {LEAST_TOP1}", here >= LEAST_TOP1)
        close = abs(size / kilobytes - 1) <= SIZE_TOLERANCE
        line(f"{name}, KB", f"{kilobytes:.2f}", f"{size:.2f}", "within 1 %", close)
    drop = rows["torch-dynamic-int8"].drop
    assert drop
    line("drop of dynamic int8, points", "-0.01", f"{drop.points:+.2f}", "none (McNemar)", drop.verdict != "worse")
    for epoch, loss in zip(report.training.epochs, PUBLISHED_LOSSES, strict=False):
        line(f"training loss, epoch {epoch.epoch + 1}", f"{loss}", f"{epoch.train_loss:.3f}", "", None)
    Console().print(table)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
