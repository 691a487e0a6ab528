"""What is no file, too large, or none of its kind is refused at once, by what it is."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edgeforge.errors import RecipeError
from edgeforge.files import sha256_of
from edgeforge.inputs import memory
from edgeforge.inputs.regular import named, open_regular, read_regular, read_text
from edgeforge.inputs.sizes import MAX_SIZE, in_words, size_of


def reason(path: Path) -> str:
    """Return why a path is refused."""
    with pytest.raises(RecipeError) as caught:
        open_regular(path)
    assert caught.value.fix
    return caught.value.reason.removeprefix(str(path))


def test_what_is_no_file_is_called_what_it_is(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "null").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        assert "socket" in reason(tmp_path / "socket")
    assert reason(tmp_path / "pipe") == " is a named pipe (FIFO), not a file"
    assert reason(tmp_path) == " is a folder, not a file"
    assert reason(tmp_path / "null") == " is a device, not a file"
    assert reason(Path("/dev/zero")) == " is a device, not a file"
    assert reason(tmp_path / "loop") == ": it is a link that leads back to itself"
    assert reason(tmp_path / "none") == ": there is no such file or folder"
    assert reason(Path("/proc/self/status")) == " is no file on a disk, but one that the system makes"
    with pytest.raises(RecipeError, match="named pipe"):
        sha256_of(tmp_path / "pipe")


def test_a_sparse_file_is_refused_by_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sparse"
    path.touch()
    os.truncate(path, 6 * 2**30)
    assert reason(path) == " has 6 GB; at most 2 GB are read"
    monkeypatch.setenv(MAX_SIZE, "7G")
    open_regular(path).close()


def test_bytes_and_texts(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\xef\xbb\xbfa\xc3\xa4")
    assert read_text(path) == "aä" and read_regular(path) == path.read_bytes()
    path.write_bytes(b"\xff")
    with pytest.raises(RecipeError, match="UTF-8"):
        read_text(path)


def test_names_that_are_no_utf_8_can_be_read() -> None:
    assert named(os.fsdecode(b"b\xff\xc3\xa4")) == "b\\xffä"


@pytest.mark.parametrize(("text", "size"), [("300", 300), ("64M", 64 << 20), ("8g", 8 << 30), ("2GiB", 2 << 30)])
def test_sizes(text: str, size: int) -> None:
    assert size_of(text, "--max-size") == size


@pytest.mark.parametrize("text", ["", "-1", "1e400", "inf", "G", "9" * 40])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(RecipeError, match="is no size"):
        size_of(text, "--max-size")


def test_sizes_in_words_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [in_words(size) for size in (5, 2048, 3 << 20, 6 << 30)] == ["5 bytes", "2 kB", "3 MB", "6 GB"]
    monkeypatch.setattr(memory, "free_memory", lambda: 4 << 30)
    memory.require_memory(2 << 30, "it")
    with pytest.raises(RecipeError, match="it would take 3 GB of memory; 4 GB are free"):
        memory.require_memory(3 << 30, "it")


def test_a_missing_file_is_told_with_the_one_that_is_named_most_like_it(tmp_path: Path) -> None:
    (tmp_path / "digits_int8.tflite").touch()
    assert f"did you mean '{tmp_path / 'digits_int8.tflite'}'?" in reason(tmp_path / "digit_int8.tflite")
    assert "did you mean" not in reason(tmp_path / "photos.onnx") + reason(tmp_path / "none" / "digit_int8.tflite")
