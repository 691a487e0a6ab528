"""Data files that promise more than they hold, or lead elsewhere: refused in one line, before anything is made."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from edgeforge.data.sources.matr1.mat_files import read_mat_batches
from edgeforge.data.sources.matr1.pickles import read_pickle
from edgeforge.data.sources.mnist import require_idx
from edgeforge.errors import RecipeError

REFERENCE = h5py.special_dtype(ref=h5py.Reference)


def refused(call: Callable[[], Any], path: Path) -> str:
    """Return why it is refused: in one line with a remedy, which names the file."""
    with pytest.raises(RecipeError) as caught:
        call()
    assert str(path) in caught.value.reason and "\n" not in caught.value.reason and caught.value.fix
    return caught.value.reason


@pytest.mark.parametrize("data", [
    b"", b"\0\0\x08", b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 28, 28), b"\0\0\x08\x01" + struct.pack(">I", 10**6),
    b"\0\0\x08\xff" + b"\xff" * 200, b"\0\0\x0d\x01" + struct.pack(">I", 4) + b"abcd", b"\0\0\x08\x00",
    b"\0\0\x08\x01" + struct.pack(">I", 3) + b"four",
])  # fmt: skip
def test_an_idx_file_holds_what_it_promises(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t10k-images-idx3-ubyte"
    path.write_bytes(data)
    refused(lambda: require_idx(path), path)


def test_an_idx_file_that_does_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    path.write_bytes(b"\0\0\x08\x01" + struct.pack(">I", 4) + b"four")
    require_idx(path)


def _huge(file: h5py.File) -> None:
    """Ten terabytes of zeros in a few hundred bytes."""
    file.create_dataset("life", (10**12,), "f8", chunks=(1000,), compression="gzip")


def _linked(file: h5py.File) -> None:
    file["life"] = np.ones(1)
    del file["batch"]
    file["batch"] = h5py.ExternalLink("other.mat", "/batch")


def _raw(file: h5py.File) -> None:
    file.create_dataset("life", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.mat", "x", (4,))
    file.create_virtual_dataset("life", layout)


def _words(file: h5py.File) -> None:
    file["life"] = np.array([b"no number"])


def _many(file: h5py.File) -> None:
    file["life"] = np.ones(1)
    del file["batch/cycle_life"]
    file.create_dataset("batch/cycle_life", (10**9, 1), REFERENCE, chunks=(100, 1))


@pytest.mark.parametrize(
    ("harm", "said"),
    [(_huge, "no cell's data"), (_linked, "link to another file"), (_raw, "lie in another file"),
     (_virtual, "lie in another file"), (_words, "no cell's data"), (_many, "1,000,000,000 cells")],
)  # fmt: skip
def test_a_mat_file_is_asked_before_it_is_read(tmp_path: Path, harm: Callable[[h5py.File], None], said: str) -> None:
    path = tmp_path / "2017.mat"
    with h5py.File(path, "w") as file:
        file.create_dataset("batch/cycle_life", (1, 1), REFERENCE)
        harm(file)
        if harm not in (_linked, _many):
            file["batch/cycle_life"][0, 0] = file["life"].ref
    assert said in refused(lambda: read_mat_batches([path] * 3), path)


class Asking:
    """What asks for a size of its own when it is loaded."""

    def __init__(self, made: Any, *values: Any) -> None:
        self.reduced = made, values

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


@pytest.mark.parametrize("asked", [
    Asking(bytearray, 10**11), Asking(np._core.multiarray._reconstruct, np.ndarray, (10**12,), b"f8"),
], ids=["bytearray", "array"])  # fmt: skip
def test_a_pickle_asks_for_no_size(tmp_path: Path, asked: Asking) -> None:
    path = tmp_path / "MATR_b1c0.pkl"
    path.write_bytes(pickle.dumps({"cycle_data": asked}))
    refused(lambda: read_pickle(path), path)
