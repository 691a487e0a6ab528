"""Recordings of a sensor, small: a folder of csv files, and what the source `windows` says of it."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.windows.source import load_windows
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.user_files import USER_DATA

AXES = ("ax", "ay", "az")
RATE = 50.0


def motion(label: str, seed: int, samples: int = 240) -> np.ndarray:
    """Return samples,3 of a motion: another frequency for each label."""
    random = np.random.default_rng((seed, len(label)))
    time = np.arange(samples) / RATE
    wave = np.sin(2 * np.pi * (1 + len(label)) * time + random.uniform(0, 6))
    return np.stack([wave, 0.5 * wave, np.ones(samples)], 1) + 0.1 * random.standard_normal((samples, 3))


def write(path: Path, values: np.ndarray, names: tuple[str, ...] = AXES, **columns: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*columns, *names])
        for row, one in enumerate(values):
            writer.writerow([*(column[row] for column in columns.values()), *one])
    return path


def recordings(root: Path, each: int = 4) -> Path:
    for label in ("run", "walk", "rest-"):
        for number in range(each):
            write(root / label / f"{number}.csv", motion(label, number))
    return root


def job(tmp_path: Path, root: Path, **data: Any) -> Job:
    values = {"source": "windows", "root": str(root), "rate_hz": RATE, "window": 50, **data}
    recipe = Recipe.model_validate({"name": "r", "data": values, "model": {"name": "m"}})
    out = tmp_path / "out"
    out.mkdir(exist_ok=True)
    return Job("data", recipe, {}, out, tmp_path, lambda share, text: None, {USER_DATA: root})


def refused(tmp_path: Path, root: Path, **data: Any) -> RecipeError:
    with pytest.raises(RecipeError) as caught:
        load_windows(job(tmp_path, root, **data))
    return caught.value


def said(source: Source, text: str) -> str:
    found = [finding.what for finding in source.findings if text in finding.what]
    assert len(found) == 1, source.findings
    return found[0]
