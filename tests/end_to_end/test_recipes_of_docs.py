"""The ten-line recipes of docs/data.md, as they stand there, on scikit-learn's tables."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from builds import open_folder

from edgeforge.builder.run import Watcher
from edgeforge.pipeline import build
from edgeforge.recipe.load import load_recipe

DOCS = (Path(__file__).parents[2] / "docs" / "data.md").read_text()


def recipe_of(name: str, folder: Path) -> Path:
    """Write a table beside the recipe of that name in the docs, and return the recipe."""
    from sklearn.datasets import load_breast_cancer, load_diabetes

    table = {"cancer": load_breast_cancer, "diabetes": load_diabetes}[name]()
    labels = np.where(table.target, "benign", "malignant") if name == "cancer" else table.target
    names = [*(re.sub(r"\W", "_", str(one)) for one in table.feature_names), "label"]
    lines = [",".join(map(str, (*values, label))) for values, label in zip(table.data, labels, strict=True)]
    (folder / f"{name}.csv").write_text("\n".join((",".join(names), *lines)) + "\n")
    found = re.search(rf"```yaml\n(name: {name}\n.*?)```", DOCS, flags=re.S)
    assert found
    (folder / f"{name}.yaml").write_text(found.group(1))
    return folder / f"{name}.yaml"


def test_yes_or_no_of_one_head_trains(tmp_path: Path) -> None:
    out = open_folder(tmp_path / "build", tmp_path / "store")
    made = build(load_recipe(recipe_of("cancer", tmp_path), ("train.epochs=1",)), out, Watcher(), until="train")
    head = json.loads((made.artifacts["train"].folder / "head.json").read_text())
    assert 0 < head["threshold"] < 1


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "figure", "least"), [("cancer", "top1", 0.93), ("cancer", "auroc", 0.97), ("diabetes", "r2", 0.3)]
)
def test_every_runtime_is_about_as_good(
    name: str, figure: str, least: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"recipes-of-docs-{name}"  # one build for two figures
    folder.mkdir(exist_ok=True)
    out = open_folder(folder / "build", folder / "store")
    build(load_recipe(recipe_of(name, folder)), out, Watcher())
    variants = json.loads((out / name / "report.json").read_text())["variants"]
    found = {one["name"]: one["metrics"][figure] for one in variants if one["status"] == "ok"}
    assert {"torch-fp32", "onnx-fp32", "tflite-int8", "tflm-int8"} <= found.keys(), variants
    assert min(found.values()) >= least, found
