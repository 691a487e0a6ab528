"""Headers of arrays and directories of archives are judged before anything is made of them."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edgeforge.errors import RecipeError
from edgeforge.inputs import memory
from edgeforge.inputs.archive import require_archive
from edgeforge.inputs.arrays import read_arrays


def refused(path: Path) -> str:
    """Return why a file is refused."""
    with pytest.raises(RecipeError) as caught:
        read_arrays(path, "--samples", "save it with numpy.savez")
    assert caught.value.fix and str(path) in caught.value.reason and caught.value.reason.startswith("--samples")
    return caught.value.reason


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def archived(path: Path, data: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", data)
    return path


def test_arrays_are_read_those_that_are_wanted(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.arange(6).reshape(2, 3), y=np.array(["a", "b"]), z=np.zeros(1))
    found = read_arrays(tmp_path / "a.npz", "", "", ("x", "y", "w"))
    assert set(found) == {"x", "y"} and (found["x"] == np.arange(6).reshape(2, 3)).all()
    np.savez_compressed(tmp_path / "b.npz", x=np.zeros((100, 100)))
    assert read_arrays(tmp_path / "b.npz", "", "")["x"].shape == (100, 100)
    np.save(tmp_path / "c.npy", np.asfortranarray(np.eye(3)))
    assert (read_arrays(tmp_path / "c.npy", "", "")[""] == np.eye(3)).all()


def test_shapes_that_the_file_does_not_hold(tmp_path: Path) -> None:
    assert "are there" in refused(archived(tmp_path / "a.npz", header("(1000000000, 1000000)")))
    (tmp_path / "b.npy").write_bytes(header("(1000000000, 1000000)"))
    assert "are there" in refused(tmp_path / "b.npy")
    assert "are there" in refused(archived(tmp_path / "c.npz", header("(-1,)") + bytes(40)))


def test_types_that_are_no_numbers(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}, 1], object))
    assert "'x' holds 2 Python objects" in refused(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=np.array([1j]))
    assert "not numbers or texts" in refused(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", x=np.array(["2020-01-01"], "datetime64[D]"))
    assert "not numbers or texts" in refused(tmp_path / "c.npz")


def test_an_archive_that_unpacks_to_more_than_there_is_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros(10 << 20, np.uint8))
    with zipfile.ZipFile(tmp_path / "b.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("b/data.pkl", bytes(10 << 20))
    monkeypatch.setattr(memory, "free_memory", lambda: 12 << 20)
    assert "would take 10 MB of memory" in refused(tmp_path / "a.npz")
    with pytest.raises(RecipeError, match="would take 10 MB of memory"):
        require_archive(tmp_path / "b.pt", "model: b.pt", "save it again")


def test_damage(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, x=np.arange(1000))
    whole = buffer.getvalue()
    for place in range(0, len(whole), 37):
        (tmp_path / "a.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            read_arrays(tmp_path / "a.npz", "--samples", "save it again")
        except RecipeError as error:
            assert "does not know" not in error.reason
    for end in range(0, len(whole), 499):
        (tmp_path / "a.npz").write_bytes(whole[:end])
        refused(tmp_path / "a.npz")
