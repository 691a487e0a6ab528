import json
import os
import wave
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import yaml
from PIL import Image
from places import ROOT

from edgeforge.errors import RecipeError
from edgeforge.recipe.init import SCHEMA_FILE, write_recipe
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.model_file import resolve_model_file
from edgeforge.recipe.schema import Normalize
from edgeforge.recipe.user_files import user_files


@pytest.mark.parametrize("template", ["digits", "mnist"])
def test_a_written_recipe_loads_fits_a_screen_and_has_the_users_model(tmp_path: Path, template: str) -> None:
    (tmp_path / "net.py").write_text("class Net: ...")
    path = tmp_path / "My Net.yaml"
    write_recipe(path, template=template, model="net.py:Net", force=False)
    recipe = load_recipe(path).recipe
    assert recipe.name == "my-net" and recipe.model.name == "net.py:Net" and not recipe.model.args
    assert len(path.read_text().splitlines()) <= 46
    assert resolve_model_file(recipe.model.name, tmp_path) == (tmp_path / "net.py", "Net")


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("mine")
    with pytest.raises(RecipeError, match="exists already"):
        write_recipe(path, template="digits", model=None, force=False)
    assert path.read_text() == "mine"
    write_recipe(path, template="digits", model=None, force=True)
    assert load_recipe(path).recipe.name == "r"


@pytest.mark.parametrize(
    ("path", "template", "model", "expected"),
    [
        ("r.yaml", "mnits", None, "did you mean 'mnist'"),
        ("r.yaml", "digits", "digts_cnn", "did you mean 'digits_cnn'"),
        ("r.yaml", "digits", "no.py", "no file no.py"),
        ("file/r.yaml", "digits", None, "cannot be written"),
    ],
)
def test_mistakes_write_nothing(tmp_path: Path, path: str, template: str, model: str | None, expected: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecipeError, match=expected):
        write_recipe(tmp_path / path, template=template, model=model, force=False)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_the_user_s_data_and_number_of_classes_are_put_in(tmp_path: Path) -> None:
    for name in ("cat", "dog", "emu"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new("RGB", (40, 24)).save(tmp_path / "photos" / name / "a.png")
    net = tmp_path / "net.py"
    net.write_text("class Net:\n    def __init__(self, width=8, *, num_classes=10): ...\n")
    path = tmp_path / "r.yaml"
    for template in ("digits", "mnist"):
        write_recipe(path, template=template, model=str(net), data=tmp_path / "photos", force=True)
        recipe = load_recipe(path).recipe
        assert recipe.data.source == "image_folder" and recipe.data.size == (24, 40)
        assert recipe.model.args == {"num_classes": 3} and recipe.data.normalize is None
        assert "data/own" in user_files(load_recipe(path))
    Image.new("RGB", (4000, 24)).save(tmp_path / "photos" / "emu" / "b.png")
    write_recipe(path, template="digits", model=None, data=tmp_path / "photos", force=True)
    assert load_recipe(path).recipe.data.size == (96, 96)
    (tmp_path / "list.csv").write_text("path,label\nphotos/emu/b.png,emu\n")
    write_recipe(path, template="digits", model=None, data=tmp_path / "list.csv", force=True)
    assert load_recipe(path).recipe.data.source == "csv"
    with pytest.raises(RecipeError, match=r"no folder, \.csv or \.npz there"):
        write_recipe(path, template="digits", model=None, data=net, force=True)


HOSTILE = ["2024", "a: b", "my photos #1", "@home", "- x", "yes", "1e3", "!tag", "null", "a'b", 'a"b', "x\\1", "{y}"]


@pytest.mark.parametrize("name", [*HOSTILE, "two\nlines", "ünï"])
@pytest.mark.parametrize("template", ["digits", "mnist"])
def test_any_name_of_a_folder_or_file_comes_back_from_the_recipe(tmp_path: Path, name: str, template: str) -> None:
    (tmp_path / name / "cat").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / name / "cat" / "a.png")
    net = tmp_path / name / "net.py"
    net.write_text("class Net:\n    def __init__(self, classes=10): ...\n")
    path = tmp_path / f"{name}.yaml".replace("\n", " ")
    write_recipe(path, template=template, model=f"{name}/net.py:Net", data=tmp_path / name, force=False)
    recipe = load_recipe(path).recipe
    assert recipe.data.root == str(tmp_path / name) and recipe.model.name == f"{name}/net.py:Net"
    assert recipe.data.channels == 1 and recipe.model.args == {"classes": 1}


def test_what_the_files_do_not_say_is_asked_for(tmp_path: Path) -> None:
    for name, mode in (("cat", "RGB"), ("dog", "L")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        Image.new(mode, (8, 8)).save(tmp_path / "photos" / name / "a.png")
    (tmp_path / "net.py").write_text("class Base(M): ...\nclass Net(Base): ...\nclass _Own(M): ...\n")
    asked = []

    def ask(question: str, answers: tuple[str, ...]) -> str:
        asked.append(question)
        return answers[-1]

    path, photos = tmp_path / "r.yaml", tmp_path / "photos"
    write_recipe(path, template="digits", model="net.py", data=photos, force=True, ask=ask)
    recipe = load_recipe(path).recipe
    assert recipe.model.name == "net.py:Net" and recipe.data.channels == 3 and len(asked) == 2
    with pytest.raises(RecipeError, match="gray and some in colour") as caught:
        write_recipe(path, template="digits", model=None, data=photos, force=True)
    assert "--channels 1" in caught.value.fix
    write_recipe(path, template="digits", model=None, data=photos, channels=1, force=True)
    assert load_recipe(path).recipe.data.channels == 1
    with pytest.raises(RecipeError, match=r"defines 2 classes \(Base, Net\)") as caught:
        write_recipe(path, template="digits", model="net.py", force=True)
    assert "--model net.py:Net" in caught.value.fix


def test_editors_are_told_the_schema_and_it_takes_the_ready_recipes(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    write_recipe(path, template="digits", model=None, force=False)
    assert path.read_text().startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    schema = json.loads((tmp_path / SCHEMA_FILE).read_text())
    for recipe in (path, *(ROOT / "recipes").glob("*.yaml")):
        jsonschema.validate(yaml.safe_load(recipe.read_text()), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"name": "x", "data": {"source": "digits"}, "model": {"name": "y"}, "trian": {}}, schema)


def photos(folder: Path, mode: str = "RGB") -> Path:
    for name in ("cat", "dog", "emu"):
        (folder / "photos" / name).mkdir(parents=True)
        Image.new(mode, (40, 24)).save(folder / "photos" / name / "a.png")
    return folder / "photos"


@pytest.mark.parametrize("template", ["digits", "mnist", "mobilenet"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_weights_of_timm_bring_their_network_and_normalisation(tmp_path: Path, template: str, mode: str) -> None:
    data, path = photos(tmp_path, mode), tmp_path / "r.yaml"
    imagenet = Normalize(mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    write_recipe(path, template=template, model=None, data=data, weights="timm/tinynet_e.in1k", normalize=imagenet)
    loaded = load_recipe(path)
    recipe = loaded.recipe
    assert recipe.model.name == "timm_model" and recipe.model.named_weights == "timm/tinynet_e.in1k"
    assert recipe.model.args == {"name": "tinynet_e", "classes": 3} | ({"channels": 1} if mode == "L" else {})
    assert recipe.data.normalize == (imagenet if mode == "RGB" else None)
    assert "weights" not in user_files(loaded), "a name is no file"


def test_weights_need_data_and_torchvision_s_a_network(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    with pytest.raises(RecipeError, match="go with your own data"):
        write_recipe(path, template="digits", model=None, weights="timm/tinynet_e")
    with pytest.raises(RecipeError, match="of which network"):
        write_recipe(path, template="digits", model=None, data=photos(tmp_path), weights="torchvision/resnet18")
    assert not path.exists()


def write_samples(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]) + "\n")


def test_recordings_of_a_sensor_give_their_rate_axes_and_classes(tmp_path: Path) -> None:
    for place in ("walk/1", "walk/2", "run/1"):
        rows = [f"{20 * i},{i % 7},{i % 5},0.5" for i in range(240)]
        write_samples(tmp_path / "IMU" / f"{place}.csv", "time,ax,ay,az", rows)
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "IMU")
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    data = recipe.data
    assert (data.source, data.rate_hz, data.window, data.stride) == ("windows", 50, 100, 50)
    assert data.axes == ("ax", "ay", "az") and data.columns.time == "time"
    assert recipe.model.name == "tcn" and recipe.model.args == {"classes": 2, "channels": 3}


def test_a_rate_that_no_column_says_is_asked_for(tmp_path: Path) -> None:
    rows = [f"{i % 9},{i % 4},{'on' if i < 60 else 'off'},{i // 30}" for i in range(120)]
    write_samples(tmp_path / "one.csv", "current,voltage,label,recording", rows)
    with pytest.raises(RecipeError, match="how many samples a second") as caught:
        write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "one.csv")
    assert (
        caught.value.fix == "say it: --rate-hz 50; or --rows, where each line is an input of its own"
        and not (tmp_path / "r.yaml").exists()
    )
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "one.csv", rate_hz=25)
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert recipe.data.axes == ("current", "voltage") and recipe.data.columns.recording == "recording"
    assert recipe.model.args == {"classes": 2, "channels": 2}
    assert recipe.train.augment and not recipe.train.augment.rotate


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        ("time,ax", "0.02,walk", "no column of measured numbers in time, ax"),
        ("time,ax", "0.02,1", "no column of labels in time, ax"),
        ("ax,label", "", "has no samples"),
    ],
)
def test_a_table_that_says_too_little_is_named(tmp_path: Path, header: str, row: str, said: str) -> None:
    write_samples(tmp_path / "a.csv", header, [row, row] if row else [])
    with pytest.raises(RecipeError, match=said):
        write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "a.csv")


def test_lines_of_a_table_may_be_inputs_of_their_own(tmp_path: Path) -> None:
    rows = [f"{i % 7},{i % 5}.25,{i}.5" for i in range(40)]
    write_samples(tmp_path / "houses.csv", "rooms,area,label", rows)
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "houses.csv", rows=True, task="value")
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert (recipe.data.source, recipe.data.window, recipe.data.task) == ("windows", 1, "value")
    assert recipe.data.axes == ("rooms", "area") and recipe.data.rate_hz is None
    assert recipe.model.name == "dense" and recipe.model.args == {"classes": 1, "channels": 2}


@pytest.mark.parametrize(
    ("shape", "more", "said", "layout"),
    [
        ((40, 6, 100), {"rate_hz": 50}, {}, "ncl"),
        ((40, 100, 6), {"axes": list("abcdef")}, {"rate_hz": 25.0}, "nlc"),
        ((40, 24, 30), {}, {"rate_hz": 25.0}, "ncl"),
        ((40, 30), {}, {"rate_hz": 25.0}, "ncl"),
    ],
)
def test_windows_in_an_array_are_no_images(
    tmp_path: Path, shape: tuple[int, ...], more: dict[str, Any], said: dict[str, float], layout: str
) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    np.savez(tmp_path / "w.npz", x=x, y=np.arange(40) % 3, **more)
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "w.npz", **said)
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert (recipe.data.source, recipe.data.layout) == ("windows", layout)
    assert recipe.data.rate_hz == said.get("rate_hz", 50)
    axes = 1 if len(shape) == 2 else min(shape[1:])
    assert recipe.model.name == "tcn" and recipe.model.args == {"classes": 3, "channels": axes}


def test_what_an_array_does_not_say_is_asked_for(tmp_path: Path) -> None:
    floats = np.zeros((9, 24, 30), np.float32)
    for x, reason, fix in (
        (floats, "windows of a sensor, or gray images?", "--rate-hz 50 of windows, --channels 1 of images"),
        (floats[:, :3], "how many samples a second its windows of 3 x 30", "--rate-hz 50"),
    ):
        np.savez(tmp_path / "w.npz", x=x, y=np.arange(9) % 3)
        with pytest.raises(RecipeError) as caught:
            write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "w.npz")
        assert reason in caught.value.reason and fix in caught.value.fix
    np.savez(tmp_path / "w.npz", x=floats[:, :, :24], y=np.arange(9) % 3)
    with pytest.raises(RecipeError, match="24 x 24: which is time"):
        write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "w.npz", rate_hz=50)
    for x, said in ((floats, {"channels": 1}), (floats.astype(np.uint8), {})):
        np.savez(tmp_path / "w.npz", x=x, y=np.arange(9) % 3)
        write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "w.npz", force=True, **said)
        assert load_recipe(tmp_path / "r.yaml").recipe.data.source == "numpy"


@pytest.mark.parametrize(
    ("numbers", "classes", "ignore", "outputs"),
    [
        ((0, 255), ("background", "object"), None, 1),
        ((0, 1), ("background", "class1"), None, 1),
        ((0, 1, 2, 255), ("background", "class1", "class2"), 255, 3),
    ],
)
def test_masks_give_their_classes(
    tmp_path: Path, numbers: tuple[int, ...], classes: tuple[str, ...], ignore: int | None, outputs: int
) -> None:
    masked(tmp_path / "masks", numbers)
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "masks")
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert (recipe.data.source, recipe.data.size, recipe.data.ignore) == ("masks", (48, 64), ignore)
    assert recipe.data.classes == classes
    assert recipe.model.name == "unet_tiny" and recipe.model.args == {"classes": outputs, "channels": 3}
    assert "make_masks" not in (tmp_path / "r.yaml").read_text()


def test_masks_whose_numbers_are_no_classes_are_named(tmp_path: Path) -> None:
    masked(tmp_path / "masks", (0, 38, 75))
    with pytest.raises(RecipeError, match="its masks have pixels of 0, 38, 75: classes are numbered from 0 on"):
        write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "masks")


def masked(root: Path, numbers: tuple[int, ...]) -> None:
    for name in ("images", "masks"):
        (root / name).mkdir(parents=True)
    for place in range(2):
        Image.new("RGB", (60, 50)).save(root / "images" / f"{place}.png")
        pixels = np.resize(np.array(numbers, np.uint8), (50, 60))
        Image.fromarray(pixels).save(root / "masks" / f"{place}.png")


def test_folders_of_sound_give_clips_as_long_as_they_are(tmp_path: Path) -> None:
    for name in ("yes", "no", "_background_noise_"):
        folder = tmp_path / "speech" / name
        folder.mkdir(parents=True)
        with wave.open(str(folder / "a.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 12_000))
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "speech")
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert recipe.data.source == "wav" and recipe.data.sound and recipe.data.sound.clip_ms == 1500
    assert recipe.data.sound.silence == "silence" and recipe.model.args == {"classes": 3} and recipe.listen
    assert (recipe.train.batch_size, recipe.train.epochs) == (8, 60), "of two recordings"


def test_numbers_as_labels_are_asked_for(tmp_path: Path) -> None:
    rows = "".join(f"{n}.png,{n}.5\n" for n in range(3))
    (tmp_path / "list.csv").write_text("path,label\n" + rows)
    for n in range(3):
        Image.new("L", (8, 8)).save(tmp_path / f"{n}.png")
    path, data = tmp_path / "r.yaml", tmp_path / "list.csv"
    with pytest.raises(RecipeError, match="labels are 3 different numbers with decimals") as caught:
        write_recipe(path, template=None, model=None, data=data)
    assert "--task value" in caught.value.fix
    write_recipe(path, template=None, model=None, data=data, ask=lambda question, answers: answers[-1])
    assert load_recipe(path).recipe.data.task == "value"
    write_recipe(path, template=None, model=None, data=data, task="classes", force=True)
    assert load_recipe(path).recipe.data.task == "classes"
    data.write_text("path,label\n0.png,cat\n1.png,dog\n2.png,dog\n")
    write_recipe(path, template=None, model=None, data=data, force=True)
    assert load_recipe(path).recipe.data.task is None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (os.mkfifo, "is a named pipe (FIFO), not a file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
        (lambda path: path.symlink_to(path), "it is a link that leads back to itself"),
        (lambda path: os.truncate(path, 6 << 30) if not path.touch() else None, "has 6 GB; at most 256 MB are read"),
        (lambda path: path.write_text("path,label\n"), "it lists no image"),
        (lambda path: path.write_text("path,label\n" + 200_000 * "x"), "a cell of it is longer than 131072 characters"),
        (lambda path: path.write_bytes("time,ax,label\n".encode("utf-16")), "it is not UTF-8 text"),
    ],
    ids=range(7),
)
def test_a_table_that_is_none_is_told_at_once(tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    make(tmp_path / "t.csv")
    with pytest.raises(RecipeError) as caught:
        write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "t.csv")
    assert said in caught.value.reason and caught.value.fix


@pytest.mark.parametrize(
    ("shape", "network", "args"),
    [
        ((30, 8, 8), "digits_cnn", {"classes": 3, "width": 8}),
        ((30, 24, 20), "resnet8", {"classes": 3, "channels": 1}),
        ((30, 24, 20, 3), "resnet8", {"classes": 3, "channels": 3}),
        ((30, 3, 96, 64), "mobilenet_v1", {"classes": 3, "channels": 3}),
        ((30, 1, 8, 8), "digits_cnn", {"classes": 3, "width": 8}),
    ],
)
@pytest.mark.parametrize("folder", [False, True])
def test_images_in_an_array_bring_a_network_of_their_shape(
    tmp_path: Path, shape: tuple[int, ...], network: str, args: dict[str, int], folder: bool
) -> None:
    x, y = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8), np.arange(30) % 3
    data = tmp_path / ("images" if folder else "images.npz")
    if folder:
        data.mkdir()
        np.save(data / "x.npy", x)
        np.save(data / "y.npy", y)
    else:
        np.savez(data, x=x, y=y)
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=data)
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert recipe.data.source == "numpy" and recipe.model.name == network and recipe.model.args == args


def test_classes_are_those_of_all_lines_and_of_all_splits(tmp_path: Path) -> None:
    rows = [f"{20 * i},{i % 7},{'walk' if i < 4500 else 'run'},{i // 500}" for i in range(5000)]
    write_samples(tmp_path / "all.csv", "time,ax,label,recording", rows)
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "all.csv")
    assert load_recipe(tmp_path / "r.yaml").recipe.model.args == {"classes": 2, "channels": 1}
    for place in ("train/walk/1", "train/run/2", "train/sit/2", "test/walk/3"):
        write_samples(tmp_path / "IMU" / f"{place}.csv", "time,ax", [f"{20 * i},{i % 7}" for i in range(240)])
    write_recipe(tmp_path / "s.yaml", template=None, model=None, data=tmp_path / "IMU")
    assert load_recipe(tmp_path / "s.yaml").recipe.model.args == {"classes": 3, "channels": 1}


def test_parquet_files_are_looked_into_as_tables_are(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for place in ("walk/1", "run/1"):
        (tmp_path / "IMU" / place).parent.mkdir(parents=True)
        table = pyarrow.table({"t": np.arange(240) / 50, "ax": np.arange(240) % 7, "who": ["me"] * 240})
        parquet.write_table(table, tmp_path / "IMU" / f"{place}.parquet")
    write_recipe(tmp_path / "r.yaml", template=None, model=None, data=tmp_path / "IMU")
    recipe = load_recipe(tmp_path / "r.yaml").recipe
    assert (recipe.data.source, recipe.data.rate_hz, recipe.data.axes) == ("windows", 50, ("ax",))
    assert recipe.model.args == {"classes": 2, "channels": 1}
    (tmp_path / "IMU" / "run" / "1.parquet").write_bytes(b"PAR1PAR1")
    with pytest.raises(RecipeError, match=r"1\.parquet is no Parquet file"):
        write_recipe(tmp_path / "s.yaml", template=None, model=None, data=tmp_path / "IMU")


def test_a_name_of_two_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"^'a\\nb\.yaml': a recipe's name is one line"):
        write_recipe(tmp_path / "a\nb.yaml", template=None, model=None)
    assert not list(tmp_path.iterdir())
