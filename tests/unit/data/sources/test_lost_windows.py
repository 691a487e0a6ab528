"""Recordings that lose their windows: a class never vanishes in silence, and what is said of it names the cause."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import AXES, RATE, job, motion, recordings, refused, said, write

from edgeforge.data.sources.windows.source import load_windows
from edgeforge.errors import RecipeError

EACH = 4  # recordings of a class
Change = Callable[[np.ndarray], np.ndarray]


def all_nan(values: np.ndarray) -> np.ndarray:
    return np.full_like(values, np.nan)


def one_axis(values: np.ndarray) -> np.ndarray:
    values[:, 1] = np.nan
    return values


def now_and_then(values: np.ndarray) -> np.ndarray:
    values[::40] = np.inf
    return values


def kept(root: Path, number: int, values: np.ndarray, columns: dict[str, Any], form: str) -> None:
    """Write a recording of `run` in the form of the others."""
    if form == "csv":
        write(root / "run" / f"{number}.csv", values, **columns)
        return
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(columns | {name: values[:, place] for place, name in enumerate(AXES)})
    (root / "run" / f"{number}.csv").unlink(missing_ok=True)
    parquet.write_table(table, root / "run" / f"{number}.parquet")


# What is done to all recordings of a class, what is said of one, the remedy, and the keys that follow it.
LOST: list[tuple[Change, str, str, dict[str, Any]]] = [
    (all_nan, "(240 samples, NaN or infinity in each of them)", "mend the samples that hold NaN or infinity", {}),
    (one_axis, "(240 samples, NaN or infinity in each of them)", "data.axes: [ax, az]", {"axes": ["ax", "az"]}),
    (now_and_then, "(240 samples, NaN or infinity in 6 of them, 39 at most on end)", "lower data.window to 39",
     {"window": 39}),
    (lambda values: values[:22], "(22 samples)", "record longer, or lower data.window to 22", {"window": 22}),
]  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "parquet"])
@pytest.mark.parametrize(("change", "cause", "remedy", "followed"), LOST, ids=["nan", "axis", "some", "short"])
def test_a_class_without_windows_is_an_error_whose_remedy_works(
    tmp_path: Path, form: str, change: Change, cause: str, remedy: str, followed: dict[str, Any]
) -> None:
    root = recordings(tmp_path / "d")
    if form == "parquet":
        pytest.importorskip("pyarrow")
    for number in range(EACH):
        kept(root, number, change(motion("run", number)), {}, form)
    error = refused(tmp_path, root)
    assert "no window of 50 samples is left of 'run': run/0." in error.reason and cause in error.reason
    assert remedy in error.fix and "record longer" not in error.fix.replace(remedy, "")
    if followed:
        assert "run" in load_windows(job(tmp_path, root, **followed)).classes


def test_gaps_in_time_may_leave_nothing_of_a_class(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    for label in ("run", "walk", "rest-"):
        for number in range(EACH):
            time = np.arange(240) / RATE + (np.arange(240) // 30 if label == "run" else 0)
            write(root / label / f"{number}.csv", motion(label, number), t=time)
    error = refused(tmp_path, root, columns={"time": "t"}, stride=20)
    assert "run/0.csv (240 samples, 7 gaps in time, 30 at most on end)" in error.reason
    assert "record it again without gaps, or lower data.window to 30 and data.stride to 15" in error.fix
    assert "run" in load_windows(job(tmp_path, root, columns={"time": "t"}, window=30, stride=15)).classes


def test_one_file_of_many_recordings_names_the_recording(tmp_path: Path) -> None:
    rows = [(label, f"{label}{number}", row) for label in ("run", "walk") for number in range(3)
            for row in motion(label, number, 20 if label == "run" else 240)]  # fmt: skip
    path = write(tmp_path / "all.csv", np.stack([row for *_, row in rows]), label=[row[0] for row in rows],
                 of=[row[1] for row in rows])  # fmt: skip
    assert "of 'run': all.csv: of run0 (20 samples)" in refused(tmp_path, path, columns={"recording": "of"}).reason


def test_what_is_left_in_one_recording_or_one_split_names_what_is_lost(tmp_path: Path) -> None:
    root = recordings(tmp_path / "d")
    for number in range(3):
        write(root / "run" / f"{number}.csv", motion("run", number, 20))
    error = refused(tmp_path, root)
    assert "one recording alone holds run (no window is left of run/0.csv (20 samples)" in error.reason
    assert error.fix == "record longer, or lower data.window to 20"
    for split in ("train", "test"):
        for label in ("run", "walk"):
            for number in range(2):
                samples = 20 if (split, label) == ("test", "run") else 240
                values = motion(label, number + (5 if split == "test" else 0), samples)
                write(tmp_path / "own" / split / label / f"{number}.csv", values)
    source = load_windows(job(tmp_path, tmp_path / "own"))
    assert "the test split has no window of run (no window is left of run/0.csv (20 samples)" in said(
        source, "split has"
    )
    (tmp_path / "own" / "train").rename(tmp_path / "own" / "was")
    (tmp_path / "own" / "test").rename(tmp_path / "own" / "train")
    (tmp_path / "own" / "was").rename(tmp_path / "own" / "test")
    error = refused(tmp_path, tmp_path / "own")
    assert "no training window of run: it is in test alone (no window is left of run/0.csv" in error.reason


def test_a_class_of_one_split_alone_is_told(tmp_path: Path) -> None:
    x, y = np.random.default_rng(0).random((24, 3, 50), np.float32), np.repeat(["a", "b"], 12)
    np.savez(tmp_path / "a.npz", x=x, y=y, split=["train"] * 18 + ["test"] * 6, recording=np.arange(24))
    assert "the test split has no window of a" in said(
        load_windows(job(tmp_path, tmp_path / "a.npz", layout="ncl")), "split has"
    )
    np.savez(tmp_path / "a.npz", x=x, y=y, split=["train"] * 6 + ["test"] * 18, recording=np.arange(24))
    error = refused(tmp_path, tmp_path / "a.npz", layout="ncl")
    assert "no training window of b: it is in test alone" in error.reason and "into train too" in error.fix


def arrays(path: Path, x: np.ndarray, **more: Any) -> Path:
    np.savez(path, x=x, **({"y": np.repeat(["a", "b"], 12), "recording": np.arange(24) // 2} | more))
    return path


def test_an_array_of_windows_of_unequal_length(tmp_path: Path) -> None:
    whole = np.random.default_rng(0).random((24, 3, 50), np.float32)
    ragged = np.empty(24, object)
    ragged[:] = [one[:, : 40 + place % 5] for place, one in enumerate(whole)]
    path = tmp_path / "a.npz"
    error = refused(tmp_path, arrays(path, ragged), layout="ncl")
    assert "'x' holds 24 Python objects, no numbers: so NumPy keeps inputs of unequal length" in error.reason
    assert "x = numpy.stack([one[..., :n] for one in x])" in error.fix
    cut = np.stack([one[..., :40] for one in ragged])
    assert load_windows(job(tmp_path, arrays(path, cut), layout="ncl", window=40)).images.shape[1:] == (3, 1, 40)
    names = np.repeat(["a", "b"], 12).astype(object)
    error = refused(tmp_path, arrays(path, whole, y=names), layout="ncl")
    assert "'y' holds Python objects" in error.reason and "y.astype(str)" in error.fix
    assert load_windows(job(tmp_path, arrays(path, whole, y=names.astype(str)), layout="ncl")).classes == ("a", "b")


def test_windows_padded_with_nan_are_told_as_that(tmp_path: Path) -> None:
    padded = np.random.default_rng(0).random((24, 3, 50), np.float32)
    for place in range(12):
        padded[place, :, 40 + place % 3 :] = np.nan
    path = tmp_path / "a.npz"
    error = refused(tmp_path, arrays(path, padded), layout="ncl")
    assert "left of 'a': recording 0 (50 samples, 40 and then NaN as padding)" in error.reason
    assert "save x[..., :40], with data.window: 40" in error.fix
    assert load_windows(job(tmp_path, arrays(path, padded[..., :40]), layout="ncl", window=40)).classes == ("a", "b")
    padded[:12:2] = 1 + np.random.default_rng(1).random((6, 3, 50), np.float32)
    source = load_windows(job(tmp_path, arrays(path, padded), layout="ncl"))
    assert "40 and then NaN as padding" in said(source, "no whole window")
    nowhere = np.full_like(padded, np.nan)
    error = refused(tmp_path, arrays(path, nowhere), layout="ncl")
    assert "NaN or infinity in each of them" in error.reason and "record longer" not in error.fix


def test_an_axis_of_an_array_is_left_out_by_name(tmp_path: Path) -> None:
    x = np.random.default_rng(0).random((24, 3, 50), np.float32)
    x[:, 1] = np.nan
    path = tmp_path / "a.npz"
    error = refused(tmp_path, arrays(path, x), layout="ncl")
    assert "axis1 has no number there: leave it out, data.axes: [axis0, axis2]" in error.fix
    source = load_windows(job(tmp_path, arrays(path, x), layout="ncl", axes=["axis0", "axis2"]))
    assert source.images.shape[1:] == (2, 1, 50)
    source = load_windows(job(tmp_path, arrays(path, x, axes=["u", "v", "w"]), layout="ncl", axes=["w", "u"]))
    assert source.sampling and source.sampling.axes == ("w", "u")
    assert any((x[:, [2, 0]] == source.images[0, :, 0]).all((1, 2)))
    assert "choose of u, v, w" in refused(tmp_path, path, layout="ncl", axes=["u", "o"]).fix


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"rate_hz": 25.0}, "its array rate_hz says 25, data.rate_hz: 50"),
        ({"y": np.where(np.arange(24) < 4, np.nan, np.arange(24) % 2)}, "y: 4 of 24 labels are no numbers"),
        ({"y": np.linspace(0, 1, 24)}, "24 different numbers with decimals: classes, or a value?"),
        ({"recording": np.arange(24) // 12}, "one recording alone holds a, b"),
    ],
)
def test_an_array_that_contradicts_itself(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    x = np.random.default_rng(0).random((24, 3, 50), np.float32)
    error = refused(tmp_path, arrays(tmp_path / "a.npz", x, **more), layout="ncl")
    assert reason in error.reason and error.fix


@pytest.mark.parametrize(
    ("time", "reason"),
    [
        (np.where(np.arange(240) == 5, np.nan, np.arange(240) / RATE), "the time of sample 6 is no number"),
        (np.arange(240) // 50, "its time stands still"),
        (np.where(np.arange(240) == 5, 0.0, np.arange(240) / RATE), "the time of sample 6 is before"),
    ],
)
def test_a_time_that_is_none(tmp_path: Path, time: np.ndarray, reason: str) -> None:
    root = recordings(tmp_path / "d")
    for path in sorted(root.rglob("*.csv")):
        write(path, motion("run", 1), t=time)
    assert reason in refused(tmp_path, root, columns={"time": "t"}).reason
    assert load_windows(job(tmp_path, recordings(tmp_path / "d"), axes=list(AXES))).classes


def test_values_that_change_from_sample_to_sample_are_asked_for(tmp_path: Path) -> None:
    values = motion("run", 0)
    path = write(tmp_path / "all.csv", values, label=values[:, 0])
    with pytest.raises(RecipeError, match="numbers with decimals: classes, or a value"):
        load_windows(job(tmp_path, path))
