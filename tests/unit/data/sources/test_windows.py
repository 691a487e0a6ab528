"""Recordings of sensors as data: read, cut, and split by recording; and what is said of those that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from motions import AXES, RATE, job, motion, recordings, refused, said, write

from edgeforge.data.sources.windows.cut import cut
from edgeforge.data.sources.windows.recording import Recording
from edgeforge.data.sources.windows.source import load_windows, windows_files
from edgeforge.data.sources.windows.split import split_recordings
from edgeforge.data.sources.windows.tables import read_tables
from edgeforge.data.splits import prepare, read_findings, read_preprocessing, read_split
from edgeforge.errors import MissingDependency, RecipeError
from edgeforge.recipe.schema import Data


def test_a_file_a_recording_in_a_folder_a_class(tmp_path: Path) -> None:
    source = load_windows(job(tmp_path, recordings(tmp_path / "d"), stride=25))
    assert source.classes == ("rest-", "run", "walk") and source.images.shape[1:] == (3, 1, 50)
    assert source.images.dtype == np.float32 and source.sampling
    assert source.sampling.axes == AXES and source.sampling.stride == 25 and source.sampling.rate_hz == RATE
    first = np.loadtxt(tmp_path / "d" / "run" / "0.csv", delimiter=",", skiprows=1, dtype=np.float32)
    every = np.concatenate([source.images, source.validation_images, source.test_images])
    assert (every[:, :, 0] == first[25:75].T).all((1, 2)).sum() == 1
    assert "rest- 32 (4), run 32 (4), walk 32 (4)" in said(source, "windows by class")


def test_mean_and_spread_are_those_of_each_axis_in_training(tmp_path: Path) -> None:
    done = job(tmp_path, recordings(tmp_path / "d"))
    prepare(done)
    preprocessing = read_preprocessing(done.output)
    raw, _ = read_split(done.output, "train")
    x = preprocessing.apply(raw)
    assert preprocessing.shape == (3, 1, 50) and preprocessing.raw_type == "float32" and preprocessing.sampling
    assert abs(x.mean((0, 2, 3))).max() < 1e-3 and abs(x.std((0, 2, 3)) - 1).max() < 1e-3


def test_no_recording_is_on_two_sides(tmp_path: Path) -> None:
    done = job(tmp_path, recordings(tmp_path / "d"), stride=5)
    prepare(done)
    parts = {split: {row.tobytes() for row in read_split(done.output, split)[0]} for split in ("train", "val", "test")}
    assert not parts["train"] & parts["test"] and not parts["train"] & parts["val"] and all(parts.values())
    assert not [finding for finding in read_findings(done.output) if finding.severity == "error"]


@given(st.integers(2, 6), st.integers(2, 4), st.integers(0, 5), st.sampled_from([0.0, 0.1, 0.4]))
@settings(max_examples=20, deadline=None)
def test_every_class_is_trained_and_tested(each: int, classes: int, seed: int, validation: float) -> None:
    data = Data(source="windows", root="d", rate_hz=1.0, window=4, validation=validation)
    made = [
        Recording("", np.random.default_rng((label, one)).random((12, 2), np.float32), np.array([label] * 12))
        for label in range(classes) for one in range(each)
    ]  # fmt: skip
    windows = cut(made, data, "d", [], ("a", "b"))
    labels = np.array([int(label) for label in windows.labels])
    splits = split_recordings(windows, labels, tuple("abcd"), np.array([""] * len(labels)), data, seed, "d", [])
    for one in np.unique(windows.recording):
        assert len(set(splits[windows.recording == one])) == 1
    for label in range(classes):
        assert {"train", "test"} <= set(splits[labels == label])


def test_one_file_of_many_recordings(tmp_path: Path) -> None:
    rows = [(label, f"{label}{number}", row) for label in ("run", "walk") for number in range(3)
            for row in motion(label, number)]  # fmt: skip
    path = write(tmp_path / "all.csv", np.stack([row for *_, row in rows]), kind=[row[0] for row in rows],
                 of=[row[1] for row in rows], time=[20 * (place % 240) for place in range(len(rows))])  # fmt: skip
    columns = {"label": "kind", "recording": "of", "time": "time"}
    source = load_windows(job(tmp_path, path, columns=columns))
    assert source.classes == ("run", "walk") and source.sampling and source.sampling.axes == AXES
    error = refused(tmp_path, path, columns={**columns, "recording": "off"})
    assert "no column 'off' (did you mean 'of'?)" in error.reason and "data.columns.recording" in error.fix


def test_an_array_whose_layout_is_said(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x, y = random.random((12, 3, 50), np.float32), np.array(["a", "b"] * 6)
    np.savez(tmp_path / "a.npz", x=x, y=y, recording=np.arange(12))
    assert "which of them is time is not said" in refused(tmp_path, tmp_path / "a.npz").reason
    source = load_windows(job(tmp_path, tmp_path / "a.npz", layout="ncl"))
    other = load_windows(job(tmp_path, tmp_path / "a.npz", layout="nlc", window=3))
    assert source.images.shape[1:] == (3, 1, 50) and other.images.shape[1:] == (50, 1, 3)
    error = refused(tmp_path, tmp_path / "a.npz", layout="nlc")
    assert "windows of 3 samples, data.window: 50" in error.reason and "the other data.layout" in error.fix


def test_windows_without_a_word_on_their_recordings(tmp_path: Path) -> None:
    """Windows that overlap, shuffled: what was trained on is tested, and said to be."""
    long = np.cumsum(np.random.default_rng(0).standard_normal((400, 3)), 0).astype(np.float32)
    x = np.stack([long[start : start + 50] for start in range(0, 350, 10)])
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(len(x)) % 2)
    source = load_windows(job(tmp_path, tmp_path / "a.npz", layout="nlc"))
    assert "taken for a recording of its own" in said(source, "which recording")
    assert "test windows hold samples that training windows hold too" in said(source, "the test windows")


@pytest.mark.parametrize("levels", [6, 40])
def test_equal_samples_of_a_coarse_signal_are_chance(tmp_path: Path, levels: int) -> None:
    """One axis in few steps, as an electrocardiogram at rest: runs of it stand in other recordings too."""
    random = np.random.default_rng(0)
    x = np.round(random.standard_normal((900, 1, 100)) * levels / 6).astype(np.float32)
    x[0], x[1, 0, :50] = x[600], x[700, 0, 50:]  # but these have been recorded once
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(900) % 2, recording=np.arange(900),
             split=np.repeat(["train", "test"], [600, 300]))  # fmt: skip
    source = load_windows(job(tmp_path, tmp_path / "a.npz", layout="ncl", window=None))
    assert "0.7 % of the test windows" in said(source, "the test windows")
    table = np.round(random.standard_normal((300, 1, 1))).astype(np.float32)
    np.savez(tmp_path / "b.npz", x=table, y=np.arange(300) % 2, recording=np.arange(300))
    source = load_windows(job(tmp_path, tmp_path / "b.npz", layout="ncl", window=None))
    assert not [found for found in source.findings if found.severity == "error"]


def test_rows_of_an_array_that_say_one_recording_are_on_one_side(tmp_path: Path) -> None:
    x = np.repeat(np.arange(24, dtype=np.float32), 150).reshape(24, 3, 50)
    x += np.random.default_rng(0).random((24, 1, 1), np.float32) / 2  # its row is its whole part
    y, of = np.repeat(["a", "b"], 12), np.arange(24) // 3
    np.savez(tmp_path / "a.npz", x=x, y=y, recording=of)
    done = job(tmp_path, tmp_path / "a.npz", layout="ncl")
    assert "a 12 (4), b 12 (4)" in said(load_windows(done), "windows by class")
    prepare(done)
    sides = [{int(of[int(row.flat[0])]) for row in read_split(done.output, one)[0]} for one in ("train", "val", "test")]
    assert sum(map(len, sides)) == 8 and set.union(*sides) == set(range(8))
    np.savez(tmp_path / "a.npz", x=x, y=y, recording=np.minimum(of, 4))
    assert "one recording alone holds b" in refused(tmp_path, tmp_path / "a.npz", layout="ncl").reason


def test_what_the_folders_or_a_column_say_of_the_split_stays(tmp_path: Path) -> None:
    for split in ("train", "test"):
        recordings(tmp_path / "d" / split, 1)
    source = load_windows(job(tmp_path, tmp_path / "d"))
    assert source.test_images is not None and source.validation_images is None
    assert len(source.images) == len(source.test_images) == 24  # the very same recordings, told as a leak
    assert "100.0 % of the test windows" in said(source, "the test windows")


def test_a_gap_in_time_is_in_no_window(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    time = np.arange(240) / RATE
    time[100:] += 1
    for label in ("run", "walk", "rest-"):
        for number in range(4):
            gone = time if number == 0 else np.arange(240) / RATE
            write(root / label / f"{number}.csv", motion(label, number), t=gone)
    source = load_windows(job(tmp_path, root, columns={"time": "t"}, stride=50))
    assert "in 3 of 12 recordings (gaps)" in said(source, "samples are missing")
    assert "run 16 (4)" in said(source, "windows by class")  # 2 + 2 of the broken one, 4 of each other


def test_a_rate_that_the_time_column_denies(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    for path in sorted(root.rglob("*.csv")):
        write(path, motion("run", 1), t=np.arange(240) / 100)
    error = refused(tmp_path, root, columns={"time": "t"})
    assert "not that of 50 Hz: that would be 100 Hz in s" in error.reason and "data.rate_hz" in error.fix
    for path in sorted(root.rglob("*.csv")):
        write(path, motion("run", 1), t=np.arange(240)[::-1] / RATE)
    assert "is before that of the one before" in refused(tmp_path, root, columns={"time": "t"}).reason


def test_samples_that_are_no_numbers(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    values = motion("run", 0)
    values[120] = np.nan
    write(root / "run" / "0.csv", values)
    source = load_windows(job(tmp_path, root, stride=50))
    assert "1 of 12 recordings have samples that are no numbers: run/0.csv (1)" in said(source, "no numbers")
    assert all(np.isfinite(part).all() for part in (source.images, source.test_images))
    assert "leave them out with data.corrupt: skip" in refused(tmp_path, root, corrupt="refuse").fix
    (root / "run" / "0.csv").write_text("ax,ay,az\n1,2,3\n1,x,3\n")
    assert "0.csv:3: ay: 'x' is no number" in refused(tmp_path, root).reason
    (root / "run" / "0.csv").write_text("ax,ay,az\n1,2,3\n1,3\n")
    assert "0.csv:3: 2 values, the first line names 3" in refused(tmp_path, root).reason
    (root / "run" / "0.csv").write_text("1,2,3\n1,3,3\n")
    assert "0.csv:1 is no line of names" in refused(tmp_path, root).reason


def test_recordings_shorter_than_a_window(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    write(root / "run" / "0.csv", motion("run", 0, 20))
    assert "run/0.csv (20 samples)" in said(load_windows(job(tmp_path, root)), "no whole window of 50 samples")
    error = refused(tmp_path, root, window=500)
    assert "no recording has a whole window of 500 samples: rest-/0.csv (240 samples)" in error.reason


def test_a_class_of_one_recording_is_learned_or_tested_not_both(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    write(root / "jump" / "0.csv", motion("jump", 0))
    error = refused(tmp_path, root)
    assert "one recording alone holds jump" in error.reason and "record more of it" in error.fix


def test_a_column_of_text_is_no_axis(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    write(root / "rest-" / "0.csv", motion("run", 0), who=["me"] * 240)
    assert "'who' is no column of numbers" in refused(tmp_path, root).reason
    assert load_windows(job(tmp_path, root, axes=list(AXES))).sampling


def test_parquet_is_asked_before_it_is_unpacked(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    part = pyarrow.table({"ax": np.zeros(10**6), "label": ["a"] * 10**6})
    with parquet.ParquetWriter(tmp_path / "rows.parquet", part.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(part)
    text = pyarrow.DictionaryArray.from_arrays(np.zeros(20_000, np.int32), pyarrow.array(["x" * 2**20]))
    parquet.write_table(pyarrow.table({"ax": np.zeros(20_000), "label": text}), tmp_path / "text.parquet")
    texts = pyarrow.array(["x" * 2**20] * 100)
    parquet.write_table(pyarrow.table({"ax": np.zeros(100), "label": texts}), tmp_path / "texts.parquet")
    (tmp_path / "ends.parquet").write_bytes(b"PAR1\xff\xff\xff\x7fPAR1")
    for name, reason in (
        ("rows", "unpacks to 305"),
        ("text", "is a text of 1,048,576 characters, no label"),
        ("texts", "over 200 times its size"),
        ("ends", "is no Parquet file"),
    ):
        with pytest.raises(RecipeError, match=reason) as caught:
            read_tables(tmp_path / f"{name}.parquet", Data(source="windows", root="x", rate_hz=50, window=4), [])
        assert caught.value.fix and f"{name}.parquet" in caught.value.reason


def test_what_is_no_table_is_refused_before_it_is_hashed(tmp_path: Path) -> None:
    data = Data(source="windows", root="x", rate_hz=50, window=4)
    for name, begins in (("t.csv", b"a,b\n"), ("t.parquet", b"PAR1"), ("t.npz", b"PK\x03\x04")):
        with (tmp_path / name).open("wb") as file:
            file.write(begins)
            file.truncate(6 << 30)
        with pytest.raises(RecipeError, match=name) as caught:
            windows_files(tmp_path / name, data)
        assert caught.value.fix


def test_parquet_asks_for_its_extra_or_reads(tmp_path: Path) -> None:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        (tmp_path / "a.parquet").write_bytes(b"PAR1")
        with pytest.raises(MissingDependency, match=r"\[parquet\]"):
            load_windows(job(tmp_path, tmp_path / "a.parquet"))
        return
    for label in ("run", "walk"):
        for number in range(3):
            (tmp_path / "d" / label).mkdir(parents=True, exist_ok=True)
            values = motion(label, number)
            table = arrow.table({name: values[:, place] for place, name in enumerate(AXES)})
            parquet.write_table(table, tmp_path / "d" / label / f"{number}.parquet")
    assert load_windows(job(tmp_path, tmp_path / "d")).classes == ("run", "walk")
    (tmp_path / "d" / "run" / "0.parquet").write_bytes(b"PAR1")
    assert "is no Parquet file" in refused(tmp_path, tmp_path / "d").reason
