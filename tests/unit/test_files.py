import os
from pathlib import Path

import pytest

from edgeforge.errors import RecipeError
from edgeforge.files import copy_whole, sha256_of, write_whole


def test_write_whole_replaces_and_leaves_nothing_beside(tmp_path: Path) -> None:
    target = tmp_path / "sub" / "a.txt"
    write_whole(target, "one")
    write_whole(target, b"two")
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["a.txt"]


def test_copy_whole_copies(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(range(256)))
    copy_whole(tmp_path / "a", tmp_path / "b" / "c")
    assert sha256_of(tmp_path / "a") == sha256_of(tmp_path / "b" / "c")


def test_neither_a_device_nor_a_pipe_is_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/null")
    for name, what in (("pipe", "a named pipe"), ("link", "a device")):
        with pytest.raises(RecipeError, match=f"{name} is {what}"):
            write_whole(tmp_path / name, "text")


@pytest.mark.parametrize("name", ["/", ".", ".."])
def test_what_has_no_name_of_its_own_is_a_folder(name: str) -> None:
    with pytest.raises(RecipeError, match="is a folder, not a file"):
        write_whole(Path(name), "text")
