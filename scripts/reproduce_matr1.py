"""Battery life on MATR1 and MATR2, ten seeds: RMSE in cycles of float and int8 beside what BatteryML publishes.

    python scripts/reproduce_matr1.py FOLDER [--seeds 10] [--out build]

FOLDER holds the MATR1 data (see recipes/matr1.yaml). Each seed is a build of the recipe up to its TFLite outputs; what
is built stays, so that a second call is quick. Nothing was chosen by the test cells.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeforge.builder.run import Watcher
from edgeforge.data.labels import head_labels
from edgeforge.data.sources.matr1.cell import FIRST, LAST, SPLITS, Cell
from edgeforge.data.sources.matr1.source import EARLY, LEFT_OUT, read_cells
from edgeforge.data.splits import read_preprocessing, read_split
from edgeforge.evaluate.predict import ON, read_predictions
from edgeforge.pipeline import build
from edgeforge.recipe.load import load_recipe

RECIPE = Path(__file__).parents[1] / "recipes" / "matr1.yaml"
# BatteryML (Zhang et al. 2023, arXiv:2310.14714, table of MATR): RMSE in cycles, MATR1 and MATR2.
PUBLISHED = {"BatteryML CNN": ("102 ± 94", "228 ± 104"), "BatteryML variance model": ("136", "211"),
             "BatteryML PCR": ("90", "187")}  # fmt: skip
SETS = {"": "test", f"{ON}matr2": "matr2"}


def rmse(found: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the root mean square error."""
    return float(np.sqrt(np.mean((found - truth) ** 2)))


def variance_model(cells: dict[str, list[Cell]]) -> list[float]:
    """Return RMSE on MATR1 and MATR2 of log life, linear in the log variance of cycle 100 minus cycle 10."""

    def feature(split: str) -> NDArray[np.float64]:
        changes = [cell.capacity[:, LAST - FIRST] - cell.capacity[:, EARLY - FIRST] for cell in cells[split]]
        return np.log10(np.var(changes, axis=1))

    lives = {split: np.array([cell.life for cell in cells[split]]) for split in SPLITS}
    line = np.polyfit(feature("train"), np.log10(lives["train"]), 1)
    errors = []
    for split in ("test1", "test2"):
        kept = lives[split] != LEFT_OUT
        errors.append(rmse(10 ** np.polyval(line, feature(split))[kept], lives[split][kept]))
    return errors


def one_seed(root: Path, seed: int, out: Path) -> dict[tuple[str, str], float]:
    """Build one seed; return RMSE by variant and set, and the accuracy of long_lived."""
    changes = (f"data.root={root}", f"seed={seed}", f"name=matr1-{seed}", "quantize.tflite.variants=[float32, int8]")
    loaded = load_recipe(RECIPE, changes)
    artifacts = build(loaded, out, Watcher(), until="predict-tflite").artifacts
    data = artifacts["data"].folder
    heads, outputs = read_preprocessing(data).heads, read_predictions(artifacts["predict-tflite"].folder)
    found = {}
    for variant in ("tflite-float32", "tflite-int8"):
        for suffix, split in SETS.items():
            labels, rows = read_split(data, split)[1], outputs[variant + suffix]
            found[variant, split] = rmse(heads[0].value(rows[:, 0]), head_labels(labels, heads, 0))
            right = rows[:, 1:].argmax(1) == head_labels(labels, heads, 1)
            found[variant, f"{split} long_lived"] = 100 * float(right.mean())
    return found


def main() -> None:
    """Print one line a seed, then the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path("build"))
    arguments = parser.parse_args()
    rows = []
    for seed in range(arguments.seeds):
        rows.append(one_seed(arguments.root, seed, arguments.out))
        print(
            f"seed {seed}: " + ", ".join(f"{' '.join(key)} {value:.1f}" for key, value in rows[-1].items()), flush=True
        )

    def mean(variant: str, split: str, digits: int = 1) -> str:
        values = [row[variant, split] for row in rows]
        spread = statistics.stdev(values) if len(values) > 1 else 0.0
        return f"{statistics.mean(values):.{digits}f} ± {spread:.{digits}f}"

    print(f"\nRMSE in cycles, {len(rows)} seeds\n{'':26}{'MATR1':>14}{'MATR2':>16}")
    for variant in ("tflite-float32", "tflite-int8"):
        print(f"{variant:26}{mean(variant, 'test'):>14}{mean(variant, 'matr2'):>16}")
    variance = variance_model(read_cells(arguments.root))
    print(f"{'variance model, here':26}{variance[0]:>14.1f}{variance[1]:>16.1f}")
    for name, figures in PUBLISHED.items():
        print(f"{name:26}{figures[0]:>14}{figures[1]:>16}")
    worst = max(
        abs(row["tflite-int8", split] - row["tflite-float32", split]) for row in rows for split in SETS.values()
    )
    print(f"\nint8 against float: at most {worst:.2f} cycles of RMSE apart in any seed")
    for variant in ("tflite-float32", "tflite-int8"):
        print(f"long_lived, {variant}: {mean(variant, 'test long_lived')} % on MATR1, "
              f"{mean(variant, 'matr2 long_lived')} % on MATR2")  # fmt: skip


if __name__ == "__main__":
    main()
