"""Only what EdgeForge has made is ever removed, and nothing above it."""

import os
from pathlib import Path

import pytest

from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.guards.removal import (
    MARK,
    claim,
    is_ours,
    leftovers,
    move,
    remove_file,
    remove_if_empty,
    remove_leftovers,
    remove_tree,
    replace_folder,
    set_beside,
)

DEAD = 2**22 + 1  # beyond the largest process number of Linux


def folder(path: Path, **files: str) -> Path:
    """Make a folder of files."""
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
    return path


def tree(path: Path) -> list[str]:
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


def test_a_folder_is_replaced_only_by_its_marker(tmp_path: Path) -> None:
    new, target = folder(tmp_path / "new", a="1"), tmp_path / "sub" / "made"
    replace_folder(new, target, "fix")
    assert is_ours(target) and tree(target) == [MARK, "a"]
    folder(tmp_path / "newer", b="2")
    replace_folder(tmp_path / "newer", target, "fix")
    assert tree(target) == [MARK, "b"] and tree(target.parent) == ["made", f"made/{MARK}", "made/b"]


@pytest.mark.parametrize("kind", ["folder", "file", "link", "link to ours", "linked marker", "one more file"])
def test_another_folder_is_refused_and_stays(tmp_path: Path, kind: str) -> None:
    new, target = folder(tmp_path / "new", a="1"), tmp_path / "photos"
    if kind == "file":
        target.write_text("x")
    elif kind == "link":
        target.symlink_to(folder(tmp_path / "real", photo="x"))
    elif kind == "link to ours":
        replace_folder(new, tmp_path / "real", "fix")
        target.symlink_to(tmp_path / "real")
    else:
        if kind == "one more file":
            replace_folder(new, target, "fix")
            (target / "photo").write_text("x")
        else:
            folder(target, photo="x")
        if kind == "linked marker":
            (target / MARK).symlink_to(new / "a")
    before = tree(tmp_path)
    with pytest.raises(RecipeError) as caught:
        replace_folder(new, target, "--name names another")
    assert "--name names another" in caught.value.fix and str(target) in caught.value.reason
    assert tree(tmp_path) == before


def test_a_failed_replacement_leaves_the_old_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "made"
    replace_folder(folder(tmp_path / "old", a="1"), target, "fix")
    rename = Path.rename

    def fails(self: Path, other: Path) -> Path:
        if other == target and self.name.startswith(".made.") and ".old." not in self.name:
            raise OSError(28, "No space left on device")
        return rename(self, other)

    monkeypatch.setattr(Path, "rename", fails)
    with pytest.raises(EdgeForgeError, match="is full; nothing half-written was kept"):
        replace_folder(folder(tmp_path / "new", b="2"), target, "fix")
    assert tree(target) == [MARK, "a"] and tree(tmp_path) == [
        "made",
        f"made/{MARK}",
        "made/a",
        "new",
        "new/b",
        "old",
        "old/a",
    ]


def test_nothing_outside_is_removed_or_moved(tmp_path: Path) -> None:
    keep, ours = folder(tmp_path / "keep", a="1"), folder(tmp_path / "ours", b="2")
    (ours / "link").symlink_to(keep)
    for path in (keep, ours, tmp_path, ours / "..", ours / ".." / "keep", ours / "link" / "a", Path("/")):
        for remove in (remove_tree, remove_file, remove_if_empty):
            with pytest.raises(EdgeForgeError, match="is not within"):
                remove(path, ours)
        with pytest.raises(EdgeForgeError, match="is not within"):
            move(path, ours / "x", ours)
        with pytest.raises(EdgeForgeError, match="is not within"):
            move(ours / "b", path / "x" if path != ours else path, ours) if path != ours else move(
                path, ours / "x", ours
            )
    remove_tree(ours / "link", ours)
    assert tree(tmp_path) == ["keep", "keep/a", "ours", "ours/b"]


def test_a_move_never_replaces(tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", a="1", b="2")
    with pytest.raises(EdgeForgeError, match="is there already"):
        move(ours / "a", ours / "b", ours)
    (ours / "c").symlink_to("nowhere")
    with pytest.raises(EdgeForgeError, match="is there already"):
        move(ours / "a", ours / "c", ours)


def test_every_edited_file_is_kept(tmp_path: Path) -> None:
    for turn in range(3):
        (tmp_path / "a").write_text(str(turn))
        set_beside(tmp_path / "a", tmp_path)
    texts = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert texts == {"a.edited": "0", "a.edited-2": "1", "a.edited-3": "2"}


def test_a_folder_of_ones_own_is_claimed_once(tmp_path: Path) -> None:
    store = tmp_path / ".store"
    claim(store, lambda name: False, "fix")
    (store / "anything").write_text("x")
    claim(store, lambda name: False, "fix")
    other = folder(tmp_path / "other", known="x", mine="x")
    with pytest.raises(EdgeForgeError, match="holds what EdgeForge has not put there: mine"):
        claim(other, lambda name: name == "known", "fix")
    (other / "mine").unlink()
    claim(other, lambda name: name == "known", "fix")
    assert is_ours(other)


def test_what_killed_writers_left_goes_and_what_living_ones_write_stays(tmp_path: Path) -> None:
    dead, alive = (tmp_path / f".a.json.{process}.edgeforge-new" for process in (DEAD, os.getpid()))
    other = tmp_path / f".b.json.{DEAD}.edgeforge-new"
    for path in (dead, alive, other, tmp_path / f".a.json.{DEAD}.tmp"):
        path.write_text("x")
    assert leftovers(tmp_path) == [dead, other]
    remove_leftovers(tmp_path / "a.json")
    assert not dead.exists() and alive.exists() and other.exists() and len(list(tmp_path.iterdir())) == 3
