"""Crops of blood cells: one scale, named faults, and no photograph in two splits."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edgeforge.builder.stage import Job
from edgeforge.data.sources.cells import SIDE, WINDOW, cells_files, crop, load_cells, read_boxes
from edgeforge.data.splits import prepare, read_findings, read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.user_files import USER_DATA

BOX = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def write_bccd(root: Path, photographs: int = 8) -> Path:
    """A folder laid out as BCCD, each photograph of a grey of its own."""
    for name in ("Annotations", "JPEGImages"):
        (root / "BCCD" / name).mkdir(parents=True)
    for number in range(photographs):
        image = Image.new("RGB", (320, 240), (20 * number,) * 3)
        image.save(root / "BCCD" / "JPEGImages" / f"p{number}.jpg")
        boxes = BOX.format("RBC", 50, 60, 150, 160) + BOX.format("Platelets", 200, 100, 235, 135)
        boxes += BOX.format("WBC", 7, 7, 7, 7) if number == 0 else ""
        (root / "BCCD" / "Annotations" / f"p{number}.xml").write_text(f"<annotation>{boxes}</annotation>")
    return root


def job(root: Path, out: Path) -> Job:
    recipe = Recipe(name="x", data=Data(source="cells", root=str(root)), model=Model(name="cells_cnn"))
    out.mkdir(exist_ok=True)
    return Job("data", recipe, {}, out, out, lambda share, text: None, files={USER_DATA: root})


def test_no_photograph_is_in_two_splits(tmp_path: Path) -> None:
    prepare(job(write_bccd(tmp_path / "data"), tmp_path / "out"))
    greys = [set(read_split(tmp_path / "out", split)[0].mean((1, 2, 3)).round().tolist()) for split in
             ("train", "val", "test")]  # fmt: skip
    assert all(greys) and not greys[0] & greys[1] and not greys[0] & greys[2] and not greys[1] & greys[2]
    preprocessing = read_preprocessing(tmp_path / "out")
    assert [head.name for head in preprocessing.heads] == ["type", "size"] and preprocessing.outputs == 6
    (finding,) = read_findings(tmp_path / "out")
    assert "p0 object 3: its box has no area" in finding.what


def test_a_photograph_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    root = write_bccd(tmp_path / "data")
    (root / "BCCD" / "JPEGImages" / "p3.jpg").write_bytes(b"no image")
    source = load_cells(job(root, tmp_path / "out"))
    assert any("p3" in finding.what for finding in source.findings)
    assert len(source.images) == 14


def test_boxes_outside_the_photograph_and_unknown_cells_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text(f"<a>{BOX.format('RBC', -4, 0, 50, 50)}{BOX.format('yeast', 1, 1, 9, 9)}</a>")
    boxes, odd = read_boxes(path, 320, 240)
    assert not boxes and odd == ["a object 1: its box leaves the photograph", "a object 2: unknown cell 'yeast'"]


def test_crops_have_one_scale_and_go_on_at_the_border() -> None:
    photograph = np.zeros((240, 320, 3), np.uint8)
    photograph[100:124, 150:174] = 255  # 24 px wide: a third of that in the crop
    found = crop(photograph, 162, 112)
    assert found.shape == (3, SIDE, SIDE)
    assert (found[0] > 127).sum() == (24 * SIDE // WINDOW) ** 2
    photograph[:, 0] = 200
    assert (crop(photograph, 0, 120)[0, :, : SIDE // 2] == 200).all()


def test_a_folder_without_bccd_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no BCCD"):
        cells_files(tmp_path)


@pytest.mark.skipif("EDGEFORGE_DATA" not in os.environ, reason="EDGEFORGE_DATA names no folder with BCCD")
def test_the_two_boxes_without_area_of_bccd_are_named(tmp_path: Path) -> None:
    folder = Path(os.environ["EDGEFORGE_DATA"]) / "BCCD" / "Annotations"
    boxes, odd = read_boxes(folder / "BloodImage_00338.xml", 640, 480)
    assert boxes and len(odd) == 1 and "no area" in odd[0]
