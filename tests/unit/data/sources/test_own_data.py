"""The user's own images: every layout is read to the same pixels, every mistake is one error that names the place."""

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from edgeforge.builder.stage import Job
from edgeforge.data.registry import data_digest
from edgeforge.data.sources import decode as decoding
from edgeforge.data.sources.decode import decode, is_deep, read_deep, read_image
from edgeforge.data.splits import prepare, read_findings, read_preprocessing, read_split
from edgeforge.errors import MissingDependency, RecipeError
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.user_files import USER_DATA

DIGITS = load_digits()
PIXELS = (DIGITS.images * 15).astype(np.uint8)[:120]  # real digits, 8x8, lossless
LABELS = DIGITS.target[:120] % 3
NAMES = ("cat", "dog", "snow owl")


def write_folder(root: Path, indices: range = range(120), suffix: str = "png") -> Path:
    for index in indices:
        place = root / NAMES[LABELS[index]] / "deeper" / f"{index:03}.{suffix}"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(PIXELS[index]).save(place)
    return root


def run(out: Path, root: Path, source: str, **keys: object) -> Path:
    """Run the data stage; return its folder."""
    if source != "numpy":
        keys = {"size": (8, 8), "channels": 1} | keys
    data = Data(source=source, root=str(root), **keys)  # type: ignore[arg-type]
    recipe = Recipe(name="x", data=data, model=Model(name="digits_cnn"))
    out.mkdir(exist_ok=True)
    prepare(Job("data", recipe, {}, out, out, lambda share, text: None, files={USER_DATA: root}))
    return out


def reason(out: Path, root: Path, source: str = "image_folder", **keys: object) -> str:
    with pytest.raises(RecipeError) as caught:
        run(out, root, source, **keys)
    assert caught.value.fix
    return caught.value.reason.replace(str(out.parent), "")


def sorted_pixels(folder: Path) -> bytes:
    rows = [read_split(folder, split) for split in ("train", "val", "test")]
    return b"".join(sorted(x.tobytes() + bytes([label]) for xs, ys in rows for x, label in zip(xs, ys, strict=True)))


def test_folder_csv_and_arrays_of_the_same_images_are_the_same_data(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "photos")
    with (tmp_path / "list.csv").open("w", newline="", encoding="utf-8-sig") as file:  # as a spreadsheet writes it
        writer = csv.writer(file, delimiter=";")
        writer.writerow(["kind", "file"])
        writer.writerows(
            (path.parent.parent.name, path.relative_to(tmp_path)) for path in sorted(folder.rglob("*.png"))
        )
    order = np.argsort(LABELS, kind="stable")
    np.savez(tmp_path / "a.npz", x=PIXELS[order], y=np.array(NAMES)[LABELS[order]])
    (tmp_path / "arrays").mkdir()
    np.save(tmp_path / "arrays" / "x.npy", PIXELS[order][..., None])
    np.save(tmp_path / "arrays" / "y.npy", LABELS[order])
    made = [
        run(tmp_path / "1", folder, "image_folder"),
        run(tmp_path / "2", tmp_path / "list.csv", "csv", columns={"path": "file", "label": "kind"}),
        run(tmp_path / "3", tmp_path / "a.npz", "numpy"),
        run(tmp_path / "4", tmp_path / "arrays", "numpy", classes=NAMES),
    ]
    expected = b"".join(sorted(p.tobytes() + bytes([label]) for p, label in zip(PIXELS, LABELS, strict=True)))
    for place in made:
        assert read_preprocessing(place) == read_preprocessing(made[0])
        assert sorted_pixels(place) == expected
        assert [len(read_split(place, split)[1]) for split in ("train", "val", "test")] == [81, 9, 30]
        assert read_findings(place) == []
    preprocessing = read_preprocessing(made[0])
    assert preprocessing.classes == NAMES and preprocessing.shape == (1, 8, 8)
    training = read_split(made[0], "train")[0] / 255
    assert preprocessing.mean[0] == pytest.approx(training.mean(), abs=1e-4)
    assert preprocessing.std[0] == pytest.approx(training.std(), abs=1e-4)


def test_the_order_of_the_classes_may_be_given(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos")
    given = ("snow owl", "cat", "dog")
    assert read_preprocessing(run(tmp_path / "1", root, "image_folder", classes=given)).classes == given
    assert "has snow owl, other than data.classes says" in reason(tmp_path / "2", root, classes=("cat", "dog"))
    assert "has no image of emu" in reason(tmp_path / "3", root, classes=(*given, "emu"))


def test_the_user_s_own_splits_are_kept(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    parts = {"train": range(80), "valid": range(80, 95), "test": range(95, 120)}
    for name, indices in parts.items():
        write_folder(root / name, indices)
    out = run(tmp_path / "1", root, "image_folder")
    for split, indices in zip(("train", "val", "test"), parts.values(), strict=True):
        found = {image.tobytes() for image in read_split(out, split)[0]}
        assert found == {PIXELS[index].tobytes() for index in indices}
    arrays = {f"x{s}": PIXELS[list(i)] for s, i in zip(("", "_val", "_test"), parts.values(), strict=True)}
    labels = {f"y{s}": LABELS[list(i)] for s, i in zip(("", "_val", "_test"), parts.values(), strict=True)}
    np.savez(tmp_path / "a.npz", **arrays, **labels)
    assert sorted_pixels(run(tmp_path / "2", tmp_path / "a.npz", "numpy", classes=NAMES)) == sorted_pixels(out)


def test_corrupt_images_are_named_and_left_out_or_refused(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos")
    bad = sorted(root.rglob("*.png"))[:2]
    bad[0].write_bytes(bad[0].read_bytes()[:60])
    bad[1].write_text("no image")
    (root / "cat" / "notes.txt").write_text("passed over")
    (root / "cat" / ".DS_Store").write_text("passed over")
    out = run(tmp_path / "1", root, "image_folder")
    (finding,) = read_findings(out)
    assert finding.severity == "warning" and "2 of 120 images cannot be read" in finding.what
    assert all(path.name in finding.what for path in bad)
    assert sum(len(read_split(out, split)[1]) for split in ("train", "val", "test")) == 118
    refused = reason(tmp_path / "2", root, corrupt="refuse")
    assert "2 of 120 images cannot be read" in refused and bad[0].name in refused
    for path in (root / "cat").rglob("*.png"):
        path.write_text("")
    for path in (root / "dog").rglob("*.png"):
        path.write_text("")
    assert "one class only, 'snow owl'" in reason(tmp_path / "3", root)


def empty_class(root: Path) -> None:
    write_folder(root)
    (root / "emu").mkdir()
    (root / "fox").mkdir()


def no_folders(root: Path) -> None:
    root.mkdir()
    Image.fromarray(PIXELS[0]).save(root / "a.png")


def one_class(root: Path) -> None:
    write_folder(root, range(1))


def rare_class(root: Path) -> None:
    write_folder(root)
    (root / "emu").mkdir()
    Image.fromarray(PIXELS[0]).save(root / "emu" / "a.png")


def train_and_others(root: Path) -> None:
    write_folder(root / "train")
    (root / "more").mkdir()


def class_only_in_test(root: Path) -> None:
    write_folder(root / "train", range(60))
    (root / "test" / "emu").mkdir(parents=True)
    Image.fromarray(PIXELS[0]).save(root / "test" / "emu" / "a.png")


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (empty_class, "no image in emu, fox of /photos"),
        (no_folders, "/photos holds 1 images but no folders"),
        (Path.mkdir, "/photos holds no folders"),
        (one_class, "one class only, 'cat'"),
        (rare_class, "too few images to split: 121 in all, of 'emu' 1"),
        (train_and_others, "/photos holds train and other folders: more"),
        (class_only_in_test, "no training image of emu"),
    ],
)
def test_a_wrong_folder_is_one_clear_error(tmp_path: Path, make: Callable[[Path], None], expected: str) -> None:
    make(tmp_path / "photos")
    assert expected in reason(tmp_path / "1", tmp_path / "photos")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path,lable\n", "/l.csv:1: there is no column 'label' (did you mean 'lable'?)"),
        ("path,label\na.png,cat\nb.png,dog\n", "/l.csv:3: no such file: b.png"),
        ("path,label\na.png,\n", "/l.csv:2: 'label' is empty"),
        ("path,label\n\na.png\n", "/l.csv:3: 'label' is empty"),
        ("path,label\n", "no image that can be read"),
        ('path,label\na.png,"cat\n', "/l.csv:2: a quotation mark is not closed"),
        ('path,label\na.png,"c"at\na.png,dog\n', "/l.csv:2: text stands behind a closing quotation mark"),
    ],
)
def test_a_wrong_table_names_the_line(tmp_path: Path, text: str, expected: str) -> None:
    Image.fromarray(PIXELS[0]).save(tmp_path / "a.png")
    (tmp_path / "l.csv").write_text(text)
    assert expected in reason(tmp_path / "1", tmp_path / "l.csv", "csv")


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"images": PIXELS}, "has no array 'x'"),
        ({"x": PIXELS, "y": LABELS[:3]}, "120 images and 3 labels"),
        ({"x": PIXELS / 255, "y": LABELS}, "x is float64 from 0 to 0.9412"),
        ({"x": PIXELS.astype(int) * 2, "y": LABELS}, "x is int64 from 0 to 480"),
        ({"x": PIXELS.astype(str), "y": LABELS}, "x is <U3; images are whole numbers"),
        ({"x": PIXELS[:, None, None], "y": LABELS}, "x has the shape (120, 1, 1, 8, 8)"),
        ({"x": np.zeros((9, 4, 8, 8), np.uint8), "y": LABELS[:9]}, "which axis holds the channels?"),
        ({"x": PIXELS, "y": LABELS * 2}, "no image of class 1"),
        ({"x": PIXELS, "y": LABELS + 2**40}, "no image of class 0"),
        ({"x": PIXELS, "y": LABELS / 2}, "labels are 3 different numbers with decimals: classes, or a value?"),
        ({"x": PIXELS, "y": LABELS, "x_test": PIXELS}, "has no array 'y_test'"),
        ({"x": PIXELS * 0, "y": LABELS}, "every pixel of channel 0 is the same"),
    ],
)
def test_wrong_arrays_are_one_clear_error(tmp_path: Path, arrays: dict[str, np.ndarray], expected: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    assert expected in reason(tmp_path / "1", tmp_path / "a.npz", "numpy")


def test_photographs_are_turned_upright_cut_and_resized(tmp_path: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 20:40] = (200, 100, 50)  # the middle, which is kept
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees to see it upright
    Image.fromarray(wide).save(tmp_path / "a.jpg", quality=95)
    Image.fromarray(np.rot90(wide)).save(tmp_path / "b.jpg", quality=95, exif=exif)
    for name in ("a.jpg", "b.jpg"):
        pixels = read_image(tmp_path / name, (10, 10), 3)
        assert pixels.shape == (3, 10, 10)
        assert np.abs(pixels[:, 5, 5].astype(int) - (200, 100, 50)).max() < 8
    deep = (np.arange(64, dtype=np.uint16).reshape(8, 8) * 1000) + 255
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert (read_image(tmp_path / "deep.png", (8, 8), 1) == deep >> 8).all()
    assert read_image(tmp_path / "deep.png", (4, 8), 3).shape == (3, 4, 8)


@pytest.mark.parametrize("kind", ["png", "tif"])
def test_colours_of_16_bits_keep_them(tmp_path: Path, kind: str) -> None:
    deep = np.random.default_rng(3).integers(0, 65536, (9, 12, 3)).astype(np.uint16)
    path, plain = tmp_path / f"deep.{kind}", tmp_path / "plain.png"
    cv2.imwrite(str(path), deep[..., ::-1])
    Image.fromarray((deep >> 8).astype(np.uint8)).save(plain)
    assert is_deep(path) and not is_deep(plain)
    assert (read_deep(path, (9, 12), 3) == deep.transpose(2, 0, 1)).all()
    assert abs(read_deep(path, (9, 12), 1)[0] - deep @ (0.299, 0.587, 0.114)).max() <= 0.6
    found, refused = decode([path, plain], (9, 12), 3, lambda share, text: None)
    assert not refused and (found[1] == 257 * (deep >> 8).transpose(2, 0, 1)).all()


def test_colours_of_16_bits_that_nothing_decodes_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((9, 12, 3), 4000, np.uint16))
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(MissingDependency, match="colours of 16 bits, of which Pillow keeps 8"):
        decode([tmp_path / "deep.png"], (9, 12), 3, lambda share, text: None)


def test_any_change_of_the_files_is_known(tmp_path: Path) -> None:
    root = write_folder(tmp_path / "photos", range(6))
    data = Data(source="image_folder", root=str(root), size=(8, 8))
    first = data_digest(data, root)
    assert first == data_digest(data, root)
    one = next(root.rglob("*.png"))
    content = one.read_bytes()
    seen = {first}
    for change in (lambda: one.write_bytes(content + b"x"), lambda: one.rename(one.with_name("z.png"))):
        change()
        seen.add(data_digest(data, root))
    assert len(seen) == 3
    (renamed,) = root.rglob("z.png")
    (tmp_path / "l.csv").write_text(f"path,label\n{renamed},a\n")
    table = Data(source="csv", root="l.csv", size=(8, 8))
    before = data_digest(table, tmp_path / "l.csv")
    renamed.write_bytes(content)
    assert data_digest(table, tmp_path / "l.csv") != before, "the images that a table lists are part of it"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"source": "image_folder", "size": (8, 8)}, "source image_folder needs root"),
        ({"source": "csv", "root": "a.csv"}, "source csv needs size"),
        ({"source": "digits", "size": (8, 8)}, "size belongs to source image_folder, csv and masks; this is digits"),
        ({"source": "numpy", "root": "a", "corrupt": "refuse"}, "corrupt belongs to source image_folder, csv"),
    ],
)
def test_keys_that_do_not_belong_together(keys: dict[str, object], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        Data(**keys)  # type: ignore[arg-type]


DEEP = np.arange(120 * 64, dtype=np.uint16).reshape(120, 1, 8, 8) * 8 + 3  # to 61,435: no two pixels alike


@pytest.mark.parametrize("source", ["image_folder", "numpy"])
def test_images_of_16_bits_keep_them(tmp_path: Path, source: str) -> None:
    root = tmp_path / ("photos" if source == "image_folder" else "arrays.npz")
    if source == "numpy":
        np.savez(root, x=DEEP, y=LABELS)
    else:
        for index, image in enumerate(DEEP[:, 0]):
            place = root / NAMES[LABELS[index]] / f"{index:03}.{('png', 'tif')[index % 2]}"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place)
    found = run(tmp_path / "out", root, source)
    values = np.concatenate([read_split(found, name)[0].reshape(-1) for name in ("train", "val", "test")])
    assert np.array_equal(np.sort(values), DEEP.reshape(-1).astype(np.float32))
    preprocessing = read_preprocessing(found)
    assert (preprocessing.raw_max, preprocessing.raw_type) == (65535.0, "float32")
    assert "divided by 65,535" in read_findings(found)[-1].what
    assert read_preprocessing(run(tmp_path / "said", root, source, raw_max=61440)).raw_max == 61440


def test_integers_of_other_types_are_16_bits_only_where_the_recipe_says_white(tmp_path: Path) -> None:
    np.savez(tmp_path / "arrays.npz", x=DEEP.astype(np.int32), y=LABELS)
    assert "images are whole numbers from 0 to 255, or uint16" in reason(
        tmp_path / "out", tmp_path / "arrays.npz", "numpy"
    )
    assert read_preprocessing(run(tmp_path / "said", tmp_path / "arrays.npz", "numpy", raw_max=65535)).raw_max == 65535


def test_a_picture_that_a_table_lists_often_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, opened = sorted(write_folder(tmp_path, range(3)).rglob("*.png")), []
    paths[1].write_bytes(b"no picture")
    monkeypatch.setattr(decoding, "read_image", lambda path, *rest: (opened.append(path), read_image(path, *rest))[1])
    pixels, refused = decode(paths * 200, (8, 8), 1, lambda share, text: None)
    assert sorted(opened) == paths and list(refused) == list(range(1, 600, 3))
    assert (pixels.reshape(200, 3, 1, 8, 8) == pixels[:3]).all() and pixels[0].any() and not pixels[1].any()
