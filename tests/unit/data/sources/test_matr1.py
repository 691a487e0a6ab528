"""Battery cells: the three formats give the same cells. Pickles and .mat files here are written by generators below
in the structure of the published ones, which are too large to ship; the CSV files are tested on the real ones too."""

import os
import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from edgeforge.builder.stage import Job
from edgeforge.data.sources.matr1.cell import Cell
from edgeforge.data.sources.matr1.source import EXCLUDED, load_matr1, matr1_files, matrix, published_split, read_cells
from edgeforge.data.splits import prepare, read_preprocessing, read_split
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.sections.training import Train
from edgeforge.recipe.user_files import USER_DATA

COUNTS = (7, 4, 3)  # cells a batch
RANDOM = np.random.default_rng(0)
CURVES = RANDOM.normal(0.5, 0.01, (3, 7, 101, 1000)).astype(np.float64)  # batch, cell, cycle from 0
LIVES = RANDOM.integers(300, 2000, (3, 7))


def job(root: Path, out: Path) -> Job:
    data = Data(source="matr1", root=str(root), validation=0.0)
    recipe = Recipe(name="x", data=data, model=Model(name="matr1_cnn"), train=Train(keep="last"))
    out.mkdir(exist_ok=True)
    return Job("data", recipe, {}, out, out, lambda share, text: None, files={USER_DATA: root})


def write_pickles(root: Path) -> Path:
    root.mkdir()
    for batch, count in enumerate(COUNTS):
        for cell in range(count):
            cycles = [{"cycle_number": number, "Qdlin": CURVES[batch, cell, number], "discharge_capacity_in_Ah": [1.0]}
                      for number in range(1, 101)]  # fmt: skip
            values = {"cell_id": f"MATR_b{batch + 1}c{cell}", "cycle_data": cycles,
                      "cycle_life": int(LIVES[batch, cell])}  # fmt: skip
            (root / f"MATR_b{batch + 1}c{cell}.pkl").write_bytes(pickle.dumps(values))
    return root


def write_mat(root: Path) -> Path:
    root.mkdir()
    went_on = {0: 662, 1: 981, 2: 1060, 3: 208, 4: 482}
    for batch, (count, date) in enumerate(zip(COUNTS, ("2017-05-12", "2017-06-30", "2018-04-12"), strict=True)):
        with h5py.File(root / f"{date}_batchdata_updated_struct_errorcorrect.mat", "w") as file:
            reference = h5py.special_dtype(ref=h5py.Reference)
            for key in ("cycle_life", "summary", "cycles"):
                file.create_dataset(f"batch/{key}", (count, 1), dtype=reference)
            for cell in range(count):
                life = int(LIVES[batch, cell]) - (went_on.get(cell, 0) if batch == 0 else 0)
                file[f"life{cell}"] = np.array([[float(life)]])
                file[f"summary{cell}/QDischarge"] = np.ones((1, 100))
                curves = file.create_dataset(f"cycles{cell}/Qdlin", (100, 1), dtype=reference)
                for number in range(1, 101):
                    file[f"q{cell}/{number}"] = CURVES[batch, cell, number][None]
                    curves[number - 1, 0] = file[f"q{cell}/{number}"].ref
                file["batch/cycle_life"][cell, 0] = file[f"life{cell}"].ref
                file["batch/summary"][cell, 0] = file[f"summary{cell}"].ref
                file["batch/cycles"][cell, 0] = file[f"cycles{cell}"].ref
    return root


def test_pickles_and_mat_files_give_the_same_cells(tmp_path: Path) -> None:
    pickled, raw = read_cells(write_pickles(tmp_path / "pkl")), read_cells(write_mat(tmp_path / "mat"))
    for split in ("train", "test1", "test2"):
        assert pickled[split] and len(pickled[split]) == len(raw[split])
        for one, other in zip(pickled[split], raw[split], strict=True):
            assert one.life == other.life
            np.testing.assert_array_equal(one.capacity, other.capacity)


def test_the_published_split_alternates_and_takes_the_last_cell_for_testing() -> None:
    counts = (46, 48, 46)  # as in the raw files: 41 + 43 + 40 remain
    batches = [{n: Cell(f"b{b + 1}c{n}", 1.0, np.zeros(0)) for n in range(count)} for b, count in enumerate(counts)]
    split = published_split(batches)
    assert [len(split[name]) for name in ("train", "test1", "test2")] == [41, 43, 40]
    assert split["train"][0].name == "b1c1" and split["test1"][0].name == "b1c0"
    assert split["test1"][-1].name == "b2c47"
    names = {cell.name for cells in split.values() for cell in cells}
    assert not names & {f"b{b + 1}c{n}" for b, numbers in enumerate(EXCLUDED) for n in numbers}


class Malicious:
    def __reduce__(self) -> Any:
        return os.system, ("touch /tmp/never",)


@pytest.mark.parametrize("content, said", [
    (pickle.dumps(Malicious()), "system, which no battery data need"),
    (b"\x80\x04damaged", "cannot be read"),
    (pickle.dumps({"cycle_data": [{"cycle_number": 1}]}), "no `cycle_data` with `Qdlin`"),
])  # fmt: skip
def test_a_pickle_that_asks_for_more_or_lacks_cycles_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "MATR_b1c0.pkl").write_bytes(content)
    with pytest.raises(RecipeError, match=said):
        read_cells(tmp_path)


def test_a_record_of_batteryml_becomes_its_attributes(tmp_path: Path) -> None:
    import sys
    import types

    module = types.ModuleType("batteryml.data.battery_data")
    made = type("BatteryData", (), {"__module__": module.__name__})
    module.BatteryData = made  # type: ignore[attr-defined]
    names = ("batteryml", "batteryml.data", "batteryml.data.battery_data")
    sys.modules |= dict.fromkeys(names, module)
    try:
        cell = made()
        cell.__dict__ |= {"cycle_life": 700, "cycle_data": [
            {"cycle_number": n, "additional_data": {"Qdlin": CURVES[0, 0, n]}} for n in range(1, 101)
        ]}  # fmt: skip
        (tmp_path / "MATR_b1c0.pkl").write_bytes(pickle.dumps(cell))
    finally:
        for name in names:
            del sys.modules[name]
    from edgeforge.data.sources.matr1.pickles import read_pickle

    assert read_pickle(tmp_path / "MATR_b1c0.pkl").life == 700


def test_faults_are_masked_and_the_early_cycle_is_zero() -> None:
    capacity = CURVES[0, 0, 2:101].T.copy()
    capacity[50, 30] = 44.0
    found = matrix(capacity)
    assert found.shape == (100, 99) and found[5, 30] == 0.0
    assert (found[:, 8] == 0).all()
    assert 0 < abs(found).max() < np.arcsinh(0.2 / 0.003)


def test_an_empty_folder_says_what_belongs_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no MATR1"):
        matr1_files(tmp_path)


@pytest.mark.skipif("EDGEFORGE_DATA" not in os.environ, reason="EDGEFORGE_DATA names no folder with MATR1")
def test_the_real_cells_are_split_as_published(tmp_path: Path) -> None:
    root = Path(os.environ["EDGEFORGE_DATA"]) / "MATR1"
    source = load_matr1(job(root, tmp_path / "out"))
    assert source.test_images is not None
    assert [len(source.images), len(source.test_images), len(source.further["matr2"][0])] == [41, 42, 40]
    prepare(job(root, tmp_path / "out"))
    head = read_preprocessing(tmp_path / "out").heads[0]
    lives = read_split(tmp_path / "out", "train")[1][:, 0]
    assert head.mean == pytest.approx(np.log(lives).mean(), abs=1e-5) and head.unit == "cycles"
    assert read_preprocessing(tmp_path / "out").raw_type == "float32"
    assert abs(head.normalised(lives)).max() == pytest.approx(3.345, abs=5e-4)  # the limit in models/matr1_cnn.py
