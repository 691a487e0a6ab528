"""A hostile input: the words of one command line and the files that it meets, made in a folder of their own."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from elsewhere import Snapshot, snapshot
from places import ROOT

Content = bytes | str | Callable[[Path], None]  # a file's bytes or text, or what makes it at a path


@dataclass(frozen=True)
class Case:
    """words: the command line, in the folder `work`. must_refuse: taking it is wrong. slow: it may train or convert."""

    verb: str
    kind: str
    words: tuple[str, ...]
    files: dict[str, Content] = field(default_factory=dict)
    must_refuse: bool = False
    slow: bool = False
    board: Callable[[int], None] | None = None  # what speaks at the other end of the serial port PORT


Generator = Callable[[random.Random], Case]


@dataclass(frozen=True)
class Place:
    """The folders of one run; only `out` and the cache may change, and temporary files while it runs."""

    root: Path

    @property
    def work(self) -> Path:
        return self.root / "work"

    @property
    def environment(self) -> dict[str, str]:
        names = {"HOME": "home", "TMPDIR": "tmp", "XDG_CACHE_HOME": "home/.cache", "MPLCONFIGDIR": "home/.cache/mpl",
                 "HOSTILE_WRITTEN": "said/written"}  # fmt: skip
        found = {name: str(self.root / folder) for name, folder in names.items()}
        return found | {"COLUMNS": "160", "PYTHONPATH": f"{Path(__file__).parent / 'in_children'}:{ROOT}"}

    @property
    def kept(self) -> tuple[Path, ...]:
        """What may have changed at the end."""
        return self.work / "out", self.root / "home" / ".cache", self.root / "said"

    @property
    def allowed(self) -> tuple[Path, ...]:
        """What may be written to."""
        return *self.kept, self.root / "tmp"


def made(case: Case, root: Path) -> Place:
    """Make a case's folders and files."""
    place = Place(root)
    for name in ("work/out", "home/.cache", "home/.ssh", "tmp"):
        (root / name).mkdir(parents=True)
    for name in ("keep.txt", "home/.ssh/authorized_keys", "work/keep.txt"):
        (root / name).write_text("kept\n")
    for name, content in case.files.items():
        path = place.work / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return place


def removed(place: Place) -> None:
    """Remove what `made` has made, whatever the access rights."""
    shutil.rmtree(place.root, ignore_errors=True)


def snapshot_of(place: Place) -> Snapshot:
    """Return what must stay as it is."""
    return snapshot(place.root, place.kept)


# Things that are no regular files.


def fifo(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def link(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def sparse(size: int, beginning: bytes = b"") -> Callable[[Path], None]:
    """A file of many bytes that take no room on the disk."""

    def make(path: Path) -> None:
        with path.open("wb") as file:
            file.write(beginning)
            file.truncate(size)

    return make


NO_FILES: dict[str, Content] = {
    "fifo": fifo,
    "folder": folder,
    "loop": loop,
    "dangling": link("/nowhere/at/all"),
    "dangling beside": link("../planted"),
    "zero": link("/dev/zero"),
    "null": link("/dev/null"),
    "tty": link("/dev/tty"),
    "6 GB": sparse(6 << 30),
    "passwd": link("/etc/passwd"),
    "empty": b"",
}
