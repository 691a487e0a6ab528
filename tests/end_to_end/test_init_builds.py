"""What `edgeforge init` writes for a folder or file is built to its end as it stands, and learns what is in it."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builds import open_folder
from motions import motion
from PIL import Image
from scipy.io import wavfile

from edgeforge.builder.run import Watcher
from edgeforge.builder.stage import Job, restricted
from edgeforge.data.splits import prepare, read_preprocessing
from edgeforge.errors import MissingDependency
from edgeforge.pipeline import STAGES, build
from edgeforge.recipe.init import Task, write_recipe
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.user_files import user_files
from edgeforge.results.report_file import read_report

MOTIONS = ("run", "walk", "rest-")
AXES = ("ax", "ay", "az")


def masks(root: Path, numbers: tuple[int, ...], ignored: bool = False) -> Path:
    """Write pictures with a disc of each number: its colour and its place are by chance."""
    random = np.random.default_rng(0)
    row, column = np.mgrid[:48, :64]
    for place in range(40):
        picture, mask = 60 + random.normal(0, 8, (48, 64, 3)), np.zeros((48, 64), np.uint8)
        for number in numbers:
            away = np.hypot(row - random.integers(8, 40), column - random.integers(8, 56)) - random.integers(6, 12)
            mask[away < 0] = number
            picture[away < 0] = (220, 60, 60) if number == numbers[0] else (60, 60, 220)
            mask[(away >= 0) & (away < 1.5)] = 255 if ignored else 0
        for name, pixels in (("images", picture.clip(0, 255).astype(np.uint8)), ("masks", mask)):
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(root / name / f"{place}.png")
    return root


def windows(root: Path, layout: str) -> Path:
    rows = [(motion(label, number, 400)[start : start + 100], label, f"{label}{number}")
            for label in MOTIONS for number in range(12) for start in range(0, 301, 50)]  # fmt: skip
    x = np.stack([row for row, *_ in rows]).astype(np.float32)
    path = root.with_suffix(".npz")
    np.savez(path, x=x if layout == "nlc" else x.transpose(0, 2, 1), y=[label for _, label, _ in rows],
             recording=[name for *_, name in rows], rate_hz=50.0)  # fmt: skip
    return path


def tables(root: Path, one: bool) -> Path:
    """Write a csv a recording in a folder a motion; or one file of them all."""
    rows = [(20 * step, *values, label, f"{label}{number}") for label in MOTIONS for number in range(12)
            for step, values in enumerate(motion(label, number, 400).tolist())]  # fmt: skip
    head = ("time", *AXES, "label", "recording")
    names = {row[-1]: row[-2] for row in rows}
    files = {root.with_suffix(".csv"): rows} if one else {
        root / label / f"{name}.csv": [row[:4] for row in rows if row[-1] == name] for name, label in names.items()
    }  # fmt: skip
    for path, lines in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([head if one else head[:4], *lines])
    return root.with_suffix(".csv") if one else root


def parquets(root: Path) -> Path:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    for label in MOTIONS:
        (root / label).mkdir(parents=True)
        for number in range(12):
            values = motion(label, number, 400)
            columns = {"t": np.arange(400) / 50} | {name: values[:, place] for place, name in enumerate(AXES)}
            parquet.write_table(pyarrow.table(columns), root / label / f"{number}.parquet")
    return root


def sounds(root: Path) -> Path:
    random = np.random.default_rng(0)
    for name, hertz in (("low", 400), ("high", 2500)):
        (root / name).mkdir(parents=True)
        for number in range(20):
            tone = 0.4 * np.sin(2 * np.pi * hertz * (1 + number / 60) * np.arange(8000) / 16_000)
            samples = (tone + 0.05 * random.standard_normal(8000)).clip(-1, 1) * 32_767
            wavfile.write(root / name / f"{number}.wav", 16_000, samples.astype(np.int16))
    return root


def table(root: Path, name: str) -> Path:
    from sklearn import datasets

    held = getattr(datasets, f"load_{name}")()
    labels = held.target if name == "diabetes" else held.target_names[held.target]
    path = root.with_suffix(".csv")
    with path.open("w", newline="") as file:
        csv.writer(file).writerow([*(str(one).replace(" ", "_") for one in held.feature_names), "label"])
        csv.writer(file).writerows([*values, label] for values, label in zip(held.data.tolist(), labels, strict=True))
    return path


def images(root: Path, scale: int, colour: bool) -> Path:
    from sklearn.datasets import load_digits

    digits = load_digits()
    pixels = (digits.images * 15.9).astype(np.uint8)[:700].repeat(scale, 1).repeat(scale, 2)
    path = root.with_suffix(".npz")
    np.savez(path, x=np.stack([pixels] * 3, -1) if colour else pixels, y=digits.target[:700])
    return path


# What there is, what is said of it, and the accuracy (RMSE of values, at most) that the shipped model has at least.
Kind = tuple[Callable[[Path], Path], bool, Task | None, float]
KINDS: dict[str, Kind] = {
    "masks": (lambda root: masks(root, (255,)), False, None, 0.9),
    "masks-ignored": (lambda root: masks(root, (1, 2), ignored=True), False, None, 0.9),
    "ncl": (lambda root: windows(root, "ncl"), False, None, 0.9),
    "nlc": (lambda root: windows(root, "nlc"), False, None, 0.9),
    "csv-folder": (lambda root: tables(root, one=False), False, None, 0.9),
    "csv-file": (lambda root: tables(root, one=True), False, None, 0.9),
    "parquet": (parquets, False, None, 0.9),
    "wav": (sounds, False, None, 0.9),
    "table-classes": (lambda root: table(root, "iris"), True, None, 0.85),
    "table-binary": (lambda root: table(root, "breast_cancer"), True, "binary", 0.93),
    "table-value": (lambda root: table(root, "diabetes"), True, "value", 60),
    "images-gray": (lambda root: images(root, 2, colour=False), False, None, 0.85),
    "images-colour": (lambda root: images(root, 3, colour=True), False, None, 0.85),
}


def written(folder: Path, kind: str) -> Path:
    make, rows, task, _ = KINDS[kind]
    write_recipe(folder / "made.yaml", template=None, model=None, data=make(folder / "data"), rows=rows, task=task)
    return folder / "made.yaml"


@pytest.mark.parametrize("kind", KINDS)
def test_the_network_that_is_written_takes_the_data(kind: str, tmp_path: Path) -> None:
    from edgeforge.train.network.load import check_output, make_network

    loaded = load_recipe(written(tmp_path, kind))
    files, reads = user_files(loaded), next(stage.reads for stage in STAGES if stage.name == "data")
    try:
        prepare(Job("data", restricted(loaded.recipe, reads), {}, tmp_path, tmp_path, lambda share, text: None, files))
    except MissingDependency as error:
        pytest.skip(str(error))
    preprocessing = read_preprocessing(tmp_path)
    check_output(make_network(loaded.recipe.model, files["model"], preprocessing), preprocessing)


PROVEN = ("masks-ignored", "csv-file", "wav")  # the others differ from one of these, or of the docs', in reading alone


@pytest.mark.build
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.proof if kind in PROVEN else pytest.mark.soak) for kind in KINDS]
)
def test_it_is_built_as_it_stands(kind: str, tmp_path: Path) -> None:
    out = open_folder(tmp_path / "build", tmp_path / "store")
    report = read_report(build(load_recipe(written(tmp_path, kind)), out, Watcher()).folder)
    metrics = next(row for row in report.variants if row.name == "tflm-int8").metrics
    least = KINDS[kind][3]
    assert metrics
    if kind == "table-value":
        assert metrics.rmse is not None and metrics.rmse <= least
    else:
        figure = metrics.iou if kind.startswith("masks") else metrics.top1
        assert figure is not None and figure >= least
