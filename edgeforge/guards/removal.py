"""What may be removed, emptied or moved away: what EdgeForge itself has made, and nothing outside of it.

No other module calls rmtree, unlink, rename and their like: tests/unit/guards/test_every_removal.py reads all code for
such calls. A folder that is ever emptied has a marker file in it, which tells what EdgeForge has put there.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from edgeforge.errors import EdgeForgeError, RecipeError, some
from edgeforge.files import flush, leftover_of, write_whole
from edgeforge.guards.disk import storage_errors

MARK = ".edgeforge-made"
LEFTOVER = re.compile(r"\..+\.(\d{1,10})\.edgeforge-new", re.DOTALL)  # as files.leftover_of names them
NOTE = "EdgeForge has made this folder. It may empty it and make it anew: keep nothing of your own here."


def is_ours(folder: Path) -> bool:
    """Say whether EdgeForge made this folder: it holds the marker, a file of its own and no link."""
    marker = folder / MARK
    return folder.is_dir() and marker.is_file() and not marker.is_symlink()


def claim(folder: Path, known: Callable[[str], bool], fix: str) -> None:
    """Make a folder that EdgeForge has to itself, or see that it is one.

    known: whether an entry's name is one that EdgeForge gives, for folders that were made before there were markers.
    Raises EdgeForgeError where somebody else's things are in it.
    """
    if is_ours(folder):
        return
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(
        path.name for path in folder.iterdir() if not known(path.name) and not LEFTOVER.fullmatch(path.name)
    )
    if others:
        raise EdgeForgeError(f"{folder} holds what EdgeForge has not put there: {some(others)}", fix=fix)
    write_whole(folder / MARK, json.dumps({"note": NOTE}))


def require_replaceable(folder: Path, fix: str) -> None:
    """Raise RecipeError unless `folder` is missing, empty, or holds nothing but what EdgeForge has put there.

    fix: what else the person can do.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        what = "a link" if folder.is_symlink() else "no folder"
        raise RecipeError(f"{folder} is there already, and is {what}", fix=fix)
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not is_ours(folder):
        raise RecipeError(f"{folder} was not made by EdgeForge (it has no {MARK}), and stays as it is", fix=fix)
    others = sorted(_files(folder) - _made(folder) - {MARK})
    if others:
        reason = f"{folder} holds what EdgeForge has not put there: {some(others)}"
        raise RecipeError(reason, fix=f"move that elsewhere; or {fix}")


def replace_folder(new: Path, folder: Path, fix: str) -> None:
    """Put a copy of the folder `new` where `folder` is or will be: whole, or as it was. Raises as require_replaceable.

    fix: what a person can do where it must not be replaced.
    """
    require_replaceable(folder, fix)
    beside, old = (folder.with_name(leftover_of(f"{folder.name}{end}")) for end in ("", ".old"))
    with storage_errors(folder.parent):
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
            _copy(new, beside)
            (beside / MARK).write_text(json.dumps({"note": NOTE, "files": sorted(_files(beside))}, indent=1))
            for path in (*beside.rglob("*"), beside):
                flush(path)
            if folder.exists():
                folder.rename(old)
            beside.rename(folder)
            flush(folder.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
            if old.exists() and not folder.exists():
                old.rename(folder)
            shutil.rmtree(old, ignore_errors=True)


def _copy(folder: Path, target: Path) -> None:
    """Copy a folder. Unlike shutil.copytree it ends at the first error, which says what is wrong."""
    target.mkdir()
    for path in sorted(folder.rglob("*")):
        place = target / path.relative_to(folder)
        if path.is_dir():
            place.mkdir()
        else:
            shutil.copy2(path, place)


def remove_tree(folder: Path, within: Path) -> None:
    """Remove a folder and all in it; `within` is one that EdgeForge has to itself, and stays.

    A link is removed, not what it leads to.
    """
    _require_within(folder, within)
    if folder.is_symlink() or folder.is_file():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)  # another process may be removing it too


def remove_file(path: Path, within: Path) -> None:
    """Remove a file, or a link, if it is there. A folder of that name stays."""
    _require_within(path, within)
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)


def remove_if_empty(folder: Path, within: Path) -> None:
    """Remove a folder that holds nothing."""
    _require_within(folder, within)
    if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
        folder.rmdir()


def move(path: Path, target: Path, within: Path) -> None:
    """Move a file or folder to where nothing is yet; both places lie in the folder `within`."""
    for place in (path, target):
        _require_within(place, within)
    if target.exists() or target.is_symlink():
        raise EdgeForgeError(f"{target} is there already", fix="move it elsewhere")
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)


def cut_last_line(path: Path, begins: bytes) -> None:
    """Take the last line of a file of lines away where it has no end: a full disk, or a kill, has cut it short.

    begins: how each line of such a file begins; another one stays as it is.
    """
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        end = size
        while end > 0:
            start = max(0, end - 2**16)
            file.seek(start)
            place = file.read(end - start).rfind(b"\n")
            if place >= 0 or start == 0:
                end = start + place + 1
                break
            end = start
        file.seek(0)
        if end < size and file.read(len(begins)) == begins[:size]:
            file.truncate(end)


def set_beside(path: Path, within: Path) -> Path:
    """Rename a file to NAME.edited, or NAME.edited-2 and so on where that is taken; return the new path."""
    names = (f"{path.name}.edited{f'-{count}' if count > 1 else ''}" for count in range(1, 10_000))
    free = (path.with_name(name) for name in names)
    target = next(place for place in free if not place.exists() and not place.is_symlink())
    move(path, target, within)
    return target


def remove_leftovers(path: Path) -> None:
    """Remove what killed processes were writing beside a file or folder, to be renamed to it."""
    for left in leftovers(path.parent):
        if left.name.startswith(f".{path.name}."):
            remove_tree(left, path.parent)


def sweep(folder: Path) -> None:
    """Remove what killed processes were writing anywhere in a folder."""
    for left in sorted(path for path in folder.rglob(".*.edgeforge-new") if _is_left(path)):
        remove_tree(left, folder)


def leftovers(folder: Path) -> list[Path]:
    """Return what processes that live no more were writing in a folder."""
    if not folder.is_dir():
        return []
    return [path for path in sorted(folder.iterdir()) if _is_left(path)]


def _is_left(path: Path) -> bool:
    parts = LEFTOVER.fullmatch(path.name)
    return parts is not None and not _lives(int(parts[1]))


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def _require_within(path: Path, within: Path) -> None:
    """Raise EdgeForgeError unless `path` lies in the folder `within`, links on the way resolved; its own is not."""
    home = within.resolve()
    if home not in (path.parent.resolve() / path.name).parents or path.name in ("", "..", "."):
        fix = "a link leads out of the folder, or its record is not EdgeForge's: remove it"
        raise EdgeForgeError(f"{path} is not within {within}: it stays as it is", fix=fix)


def _files(folder: Path) -> set[str]:
    """Return what is in a folder, but for folders: relative paths."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or not path.is_dir()}


def _made(folder: Path) -> set[str]:
    try:
        return set(json.loads((folder / MARK).read_text())["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
