"""Pictures and masks: every way of painting one is the same data, every mistake is one error that names the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from edgeforge.builder.stage import Job
from edgeforge.data.labels import head_labels, truths
from edgeforge.data.representative import choose
from edgeforge.data.sources.masks.read import MaskRefused, read_mask
from edgeforge.data.splits import prepare, read_findings, read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.sections.training import Train
from edgeforge.recipe.user_files import USER_DATA
from edgeforge.results.files import CALIBRATION_ROW_FILE
from edgeforge.results.head import IGNORED

CLASSES = ("ground", "square", "disc")
RANDOM = np.random.default_rng(0)


def painted(count: int = 12, classes: int = 3, size: int = 16) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures (N,size,size uint8) and masks (the same) of bright blocks on a dark ground."""
    masks = np.zeros((count, size, size), np.uint8)
    for place, mask in enumerate(masks):
        left, top = RANDOM.integers(1, size // 2, 2)
        mask[top : top + 5, left : left + 6] = place % (classes - 1) + 1
    return (40 + 70 * masks + RANDOM.integers(0, 9, masks.shape)).astype(np.uint8), masks


def write(root: Path, pictures: np.ndarray, masks: np.ndarray, split: str = "") -> Path:
    for name, arrays in (("images", pictures), ("masks", masks)):
        (root / split / name).mkdir(parents=True, exist_ok=True)
        for place, array in enumerate(arrays):
            Image.fromarray(array).save(root / split / name / f"{place:02}.png")
    return root


def run(out: Path, root: Path, **keys: object) -> Path:
    """Run the data stage; return its folder."""
    keys = {"size": (16, 16), "channels": 1, "classes": CLASSES} | keys
    recipe = Recipe(
        name="x", data=Data(source="masks", root=str(root), **keys), model=Model(name="unet_tiny")  # type: ignore[arg-type]
    )  # fmt: skip
    out.mkdir(exist_ok=True)
    prepare(Job("data", recipe, {}, out, out, lambda share, text: None, files={USER_DATA: root}))
    return out


def reason(out: Path, root: Path, **keys: object) -> str:
    with pytest.raises(RecipeError) as caught:
        run(out, root, **keys)
    assert caught.value.fix
    return f"{caught.value.reason} -> {caught.value.fix}".replace(str(out.parent), "")


def test_masks_are_the_labels_of_their_pictures(tmp_path: Path) -> None:
    pictures, masks = painted()
    made = run(tmp_path / "out", write(tmp_path / "data", pictures, masks))
    head = read_preprocessing(made).heads[0]
    assert (head.kind, head.shape, head.classes, head.size) == ("map", (16, 16, 3), CLASSES, 768)
    for split, count in (("train", 8), ("val", 1), ("test", 3)):
        x, y = read_split(made, split)
        assert len(x) == count and y.shape == (count, 256) and y.dtype == np.uint8
        brightness = np.array([40, 110, 180])[head_labels(y, (head,))]
        assert (abs(x.reshape(count, -1).astype(int) - brightness) < 10).all(), "each beside its own mask"
    assert truths(read_split(made, "test")[1], (head,))[0] in ("ground and square", "ground and disc")
    assert "pixels by class: ground 8" in read_findings(made)[0].what
    recipe = Recipe(name="x", data=Data(source="digits"), model=Model(name="unet_tiny"))
    choose(Job("calibration", recipe, {"data": made}, made, made, lambda share, text: None))
    assert '"ground": 8' in (made / CALIBRATION_ROW_FILE).read_text()


def test_splits_may_be_folders(tmp_path: Path) -> None:
    pictures, masks = painted(8)
    for split, part in (("train", slice(0, 5)), ("test", slice(5, 8))):
        write(tmp_path / "data", pictures[part], masks[part], split)
    made = run(tmp_path / "out", tmp_path / "data", validation=0.2)
    assert [len(read_split(made, split)[1]) for split in ("train", "val", "test")] == [4, 1, 3]
    assert np.array_equal(read_split(made, "test")[1], masks[5:].reshape(3, -1))


def test_every_way_of_painting_a_mask_is_the_same(tmp_path: Path) -> None:
    _, (mask, *_) = painted(1)
    picture = tmp_path / "picture.png"
    Image.fromarray(mask).save(picture)
    palette = Image.fromarray(mask, mode="P")
    palette.putpalette([9, 9, 9, 200, 0, 0, 0, 0, 250])
    ways = {
        "gray": Image.fromarray(mask),
        "palette": palette,
        "deep": Image.fromarray(mask.astype(np.uint16)),
        "rgb": Image.fromarray(np.stack([mask] * 3, 2)),
    }
    for name, image in ways.items():
        image.save(tmp_path / f"{name}.png")
        assert np.array_equal(read_mask(tmp_path / f"{name}.png", picture, (16, 16), CLASSES), mask), name
    two = mask > 0
    for name, image in {"bits": Image.fromarray(two), "white": Image.fromarray(two.astype(np.uint8) * 255),
                        "ones": Image.fromarray(two.astype(np.uint8))}.items():  # fmt: skip
        image.save(tmp_path / f"{name}.png")
        assert np.array_equal(read_mask(tmp_path / f"{name}.png", picture, (16, 16), CLASSES[:2]), two), name


def test_pixels_of_no_class_are_known_by_their_number(tmp_path: Path) -> None:
    picture, mask = tmp_path / "mask.png", np.array([[0, 1, 2, 255]] * 4, np.uint8)
    Image.fromarray(mask).save(picture)
    assert read_mask(picture, picture, (4, 4), CLASSES, 255)[0].tolist() == [0, 1, 2, IGNORED]
    Image.fromarray(mask[:, [0, 1, 2, 0]]).save(picture)
    assert read_mask(picture, picture, (4, 4), CLASSES[:2], 0)[0].tolist() == [IGNORED, 0, 1, IGNORED]
    with pytest.raises(ValueError, match="it has pixels of 2, and there are 2 classes, from 0 on"):
        read_mask(picture, picture, (4, 4), CLASSES[:2])


def test_pixels_of_no_class_are_left_out(tmp_path: Path) -> None:
    pictures, masks = painted()
    masks[:, :, :3] = 255
    masks[5] = 255
    root = write(tmp_path / "data", pictures, masks)
    assert "it has pixels of 255" in (said := reason(tmp_path / "bad", root)) and "data.ignore: 255" in said
    made = run(tmp_path / "out", root, ignore=255)
    assert [len(read_split(made, split)[1]) for split in ("train", "val", "test")] == [7, 1, 3]
    labels = read_split(made, "train")[1]
    assert (
        set(np.unique(labels)) == {0, 1, 2, IGNORED} and "ground" in truths(labels, read_preprocessing(made).heads)[0]
    )
    left_out, shares = (finding.what for finding in read_findings(made)[:2])
    assert "1 of 12 masks have no pixel of a class" in left_out and "05.png" in left_out
    assert shares.endswith("% of all are of none") and "ground" in shares
    assert "05.png" in reason(tmp_path / "strict", root, ignore=255, corrupt="refuse")


def test_a_mask_is_cut_as_its_picture_is_and_keeps_its_numbers(tmp_path: Path) -> None:
    mask = np.zeros((20, 60), np.uint8)
    mask[:, 20:40] = 2  # the middle, which alone is kept
    mask[:10, 30:40] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    found = read_mask(tmp_path / "mask.png", tmp_path / "mask.png", (10, 10), CLASSES)
    assert found[:5, 5:].tolist() == [[1] * 5] * 5 and (found == 2).sum() == 75


def test_a_picture_that_a_camera_turned_has_an_upright_mask(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("L", (20, 10)).save(tmp_path / "turned.jpg", exif=exif)
    Image.new("L", (10, 20), 1).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", tmp_path / "turned.jpg", (4, 2), CLASSES).tolist() == [[1, 1]] * 4


def test_mistakes_are_named(tmp_path: Path) -> None:
    pictures, masks = painted()
    data = write(tmp_path / "data", pictures, masks)
    out = tmp_path / "out"

    def again(name: str, mask: np.ndarray) -> None:
        Image.fromarray(mask).save(data / "masks" / f"{name}.png")

    again("03", masks[3][:8])
    again("04", masks[4] + 5)
    again("05", RANDOM.integers(0, 255, (16, 16, 3)).astype(np.uint8))
    (data / "masks" / "06.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    said = reason(out, data)
    assert "4 of 12 masks are wrong: 03.png: it has 16 x 8 pixels, its picture 16 x 16" in said
    assert "04.png: it has pixels of 6, and there are 3 classes, from 0 on" in said
    assert "05.png: its pixels are colours" in said and "06.png: " in said
    assert "numbers: 0 ground, 1 square, 2 disc (data.classes)" in said
    for place in range(3, 7):
        again(f"{place:02}", masks[place])
    assert "no mask has a pixel of tree -> paint some" in reason(out, data, classes=(*CLASSES, "tree"))
    (data / "images" / "07.png").rename(data / "images" / "apart.png")
    assert "1 of 12 pictures have no mask: apart -> paint them" in reason(out, data)
    (data / "images" / "apart.png").unlink()
    assert "1 of 12 masks have no picture: 07" in reason(out, data)
    Image.fromarray(pictures[7]).save(data / "images" / "07.png")
    Image.fromarray(pictures[7]).save(data / "images" / "07.jpg")
    assert "1 names are of two files: 07" in reason(out, data)
    (data / "images" / "07.jpg").unlink()
    for path in sorted((data / "masks").glob("*")):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    assert "save masks as PNG: JPEG changes a pixel's number (00.jpg" in reason(out, data)
    assert "holds no folder images" in reason(out, tmp_path)


def test_numbers_that_cannot_be_a_class(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "picture.png")
    kinds = ((-1, np.int32, "pixels of -1"), (0.5, np.float32, "no whole numbers"), (np.nan, np.float32, "no whole"),
             (np.inf, np.float32, "no whole"), (1e30, np.float32, "pixels of 1"),
             (300, np.uint16, "pixels of 300"))  # fmt: skip
    for value, kind, said in kinds:
        Image.fromarray(np.full((4, 4), value, kind)).save(tmp_path / "mask.tif")
        with pytest.raises(MaskRefused, match=said):
            read_mask(tmp_path / "mask.tif", tmp_path / "picture.png", (4, 4), CLASSES)


def test_masks_of_one_class_teach_nothing(tmp_path: Path) -> None:
    pictures, masks = painted()
    said = reason(tmp_path / "out", write(tmp_path / "data", pictures, 0 * masks), classes=CLASSES[:2])
    assert "no mask has a pixel of square: every pixel is 'ground'" in said


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"source": "image_folder", "task": "map"}, "source masks has them, image_folder has one label an input"),
        ({"task": "value"}, "source masks is of task map; this is task value"),
        ({"classes": None}, "source masks needs classes: what a pixel of 0, 1, … is"),
        ({"classes": ("a", "a")}, "different ones"),
        ({"threshold": 0.3}, "threshold belongs to masks of two classes; these have 3"),
        ({"unit": "mm"}, "unit belongs to source"),
    ],
)
def test_what_makes_no_sense_of_masks(keys: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Data(**({"source": "masks", "root": "x", "size": (8, 8), "classes": CLASSES} | keys))  # type: ignore[arg-type]


def test_changes_that_would_leave_pixels_without_a_class_are_refused() -> None:
    data = Data(source="masks", root="x", size=(8, 8), classes=CLASSES)
    with pytest.raises(ValidationError, match="shift and rotate by degrees would leave pixels without a class"):
        Recipe(name="x", data=data, model=Model(name="unet_tiny"), train=Train(augment={"shift": 0.1, "rotate": 5}))  # type: ignore[arg-type]
