"""Several columns of labels: of windows, of a table of pictures, and of arrays."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from edgeforge.builder.stage import Job
from edgeforge.data.sources.csv_table import load_csv
from edgeforge.data.sources.numpy_arrays import load_numpy
from edgeforge.data.splits import prepare, read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data, Recipe
from edgeforge.recipe.user_files import USER_DATA

HEADS = {
    "shape": {"task": "classes"},
    "hertz": {"task": "value", "unit": "Hz"},
    "loud": {"task": "binary", "label": "volume", "classes": ["quiet", "loud"], "threshold": 0.7},
}


def job(tmp_path: Path, root: Path, **data: Any) -> Job:
    values = {"root": str(root), "heads": HEADS, **data}
    recipe = Recipe.model_validate({"name": "r", "data": values, "model": {"name": "m"}})
    (tmp_path / "out").mkdir(exist_ok=True)
    return Job("data", recipe, {}, tmp_path / "out", tmp_path, lambda share, text: None, {USER_DATA: root})


def labels(place: int) -> tuple[str, float, str]:
    return ("sine", "square", "saw")[place % 3], 1 + place / 7, ("quiet", "loud")[place // 3 % 2]


def waves(path: Path, **changed: Any) -> Path:
    """Write recordings of 120 samples each, whose frequency changes with every sample, and whose shape does not."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["rec", "ax", "shape", "hertz", "volume"])
        for recording in range(24):
            shape, hertz, volume = labels(recording)
            for sample in range(120):
                said = changed.get("shape", shape), changed.get("hertz", round(hertz + sample / 1000, 3)), volume
                writer.writerow([recording, np.sin(hertz * sample / 8), *said])
    return path


def windows(tmp_path: Path, root: Path, **data: Any) -> Job:
    facts = {"source": "windows", "rate_hz": 50, "window": 50, "axes": ["ax"], "columns": {"recording": "rec"}}
    return job(tmp_path, root, **facts, **data)


def test_windows_of_three_heads(tmp_path: Path) -> None:
    prepare(windows(tmp_path, waves(tmp_path / "waves.csv")))
    found = read_preprocessing(tmp_path / "out")
    assert [(head.name, head.kind, head.size, head.unit) for head in found.heads] == [
        ("shape", "classes", 3, ""), ("hertz", "value", 1, "Hz"), ("loud", "yes_no", 1, ""),
    ]  # fmt: skip
    assert found.classes == ("saw", "sine", "square") and found.heads[2].threshold == 0.7
    assert found.heads[1].std > 0, "a value is normalised by the training windows'"
    x, y = read_split(tmp_path / "out", "train")
    assert y.dtype == np.float64 and y.shape == (len(x), 3)
    assert set(np.unique(y[:, 0])) == {0, 1, 2} and set(np.unique(y[:, 2])) == {0, 1}
    assert 1 < y[:, 1].min() < y[:, 1].max() < 5, "the last sample's, however it changes"


def test_a_table_of_pictures_and_arrays_have_the_same_heads(tmp_path: Path) -> None:
    lines = ["path,shape,hertz,volume"]
    for place in range(24):
        Image.new("L", (8, 8), place).save(tmp_path / f"{place}.png")
        shape, hertz, volume = labels(place)
        lines.append(f"{place}.png,{shape},{hertz:.3f},{volume}")
    (tmp_path / "table.csv").write_text("\n".join(lines))
    table = load_csv(job(tmp_path, tmp_path / "table.csv", source="csv", size=[8, 8], channels=1))
    y = np.array([[str(one) for one in labels(place)] for place in range(24)])
    np.savez(tmp_path / "a.npz", x=np.zeros((24, 8, 8), np.uint8), y=y)
    arrays = load_numpy(job(tmp_path, tmp_path / "a.npz", source="numpy"))
    assert table.heads == arrays.heads and [head.name for head in table.heads] == ["shape", "hertz", "loud"]
    assert np.allclose(table.labels, arrays.labels, atol=1e-3)
    numbers = np.array([[place % 3, 1 + place / 7, place // 3 % 2] for place in range(24)])
    np.savez(tmp_path / "b.npz", x=np.zeros((24, 8, 8), np.uint8), y=numbers)
    heads = {"shape": {"task": "classes"}, "hertz": {"task": "value"}, "loud": {"task": "binary"}}
    found = load_numpy(job(tmp_path, tmp_path / "b.npz", source="numpy", heads=heads))
    assert found.classes == ("0", "1", "2") and np.allclose(found.labels, numbers)


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"hertz: the label 'high' is no number, as data.heads.hertz.task") as caught:
        prepare(windows(tmp_path, waves(tmp_path / "a.csv", hertz="high")))
    assert "data.heads.hertz.task: classes" in caught.value.fix
    with pytest.raises(RecipeError, match="shape: one class only, 'saw'"):
        prepare(windows(tmp_path, waves(tmp_path / "b.csv", shape="saw")))
    heads = {"shape": {"task": "classes"}, "age": {"task": "value"}}
    with pytest.raises(RecipeError, match="there is no column 'age'") as caught:
        prepare(windows(tmp_path, waves(tmp_path / "c.csv"), heads=heads))
    assert "data.heads" in caught.value.fix
    np.savez(tmp_path / "a.npz", x=np.zeros((24, 8, 8), np.uint8), y=np.zeros((24, 2)))
    with pytest.raises(RecipeError, match=r"y has the shape \(24, 2\), data.heads names 3: shape, hertz, loud"):
        load_numpy(job(tmp_path, tmp_path / "a.npz", source="numpy"))


@pytest.mark.parametrize(
    "changed, fault",
    [
        ({"task": "value"}, "task and heads"),
        ({"classes": ["a", "b"]}, "classes and heads"),
        ({"columns": {"label": "shape"}}, "columns.label and heads"),
        ({"heads": {}}, "name one at least"),
        (
            {"heads": {"a": {"task": "value", "label": "x"}, "b": {"task": "classes", "label": "x"}}},
            "two are of the column",
        ),
        ({"heads": {"a": {"task": "classes", "unit": "mm"}}}, "unit belongs to task value"),
        ({"source": "image_folder", "columns": {}}, "heads belongs to source csv, numpy and windows"),
    ],
)
def test_what_contradicts_heads(changed: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        Data.model_validate({"source": "csv", "root": "a.csv", "size": [8, 8], "heads": HEADS} | changed)
