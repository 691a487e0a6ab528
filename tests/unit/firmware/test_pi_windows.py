"""The bundle's windows: csv files and lines that never end, as the model takes them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from raspberry_pi_bundle import FIRMWARE

sys.path.insert(0, str(FIRMWARE))
from bundle import BundleError
from windows import lines_of, one_window, read_windows, window_files, windows_of

BUNDLE: Any = SimpleNamespace(shape=(2, 1, 4), sampling={"rate_hz": 10, "stride": 2, "axes": ["a", "b"]})
ROWS = np.arange(20, dtype=np.float32).reshape(10, 2) / 3


def table(rows: np.ndarray = ROWS, head: str = "a,b") -> str:
    return "\n".join([head, *(",".join(repr(float(value)) for value in row) for row in rows)]) + "\n"


def test_windows_are_cut_at_every_stride(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text(table())
    found = list(read_windows(tmp_path / "r.csv", BUNDLE))
    assert [name.rpartition(":")[2] for name, _ in found] == ["0", "2", "4", "6"]
    for start, (_, window) in zip(range(0, 8, 2), found, strict=True):
        assert window.shape == (1, 2, 1, 4) and (ROWS[start : start + 4] == window[0, :, 0].T).all()
    assert list(window_files([str(tmp_path)])) == [tmp_path / "r.csv"]


def test_columns_are_found_by_name_and_a_stream_needs_none() -> None:
    turned = table(ROWS[:, ::-1], "b,a").splitlines()
    assert (ROWS[:4] == next(windows_of(turned, BUNDLE, "-"))[1][0, :, 0].T).all()
    bare = (line for line in table().splitlines()[1:])
    assert (ROWS[:4] == next(windows_of(bare, BUNDLE, "-"))[1][0, :, 0].T).all()
    assert (ROWS[:4] == one_window(table(ROWS[:4]).encode(), BUNDLE)[0, :, 0].T).all()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,c\n1,2\n", "there is no column 'b'"),
        ("a,b\n1,x\n", ":2: not 2 numbers"),
        ("a,b\n1,nan\n", ":2: not 2 numbers"),
        ("a,b\n1\n", ":2: not 2 numbers"),
        ("a,b\n1,2\n", "fewer lines than a window"),
        ("", "fewer lines than a window"),
        ("1" * 5000, "is no sample"),
    ],
)
def test_what_is_no_recording_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "r.csv").write_text(text)
    with pytest.raises(BundleError, match=said):
        list(read_windows(tmp_path / "r.csv", BUNDLE))
    with pytest.raises(BundleError):
        one_window(text.encode(), BUNDLE)


def test_what_never_ends_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(6 << 30)
    for name, said in (("fifo", "named pipe"), ("zero", "a device"), ("sparse", "is no sample")):
        with pytest.raises(BundleError, match=said):
            list(read_windows(tmp_path / f"{name}.csv", BUNDLE))
    with Path("/dev/zero").open() as file, pytest.raises(BundleError, match="is no sample"):
        list(windows_of(lines_of(file), BUNDLE, "-"))
