"""The journal of a search: a file of JSON lines that workers append to, one at a time.

Optuna's own lock is a link to the journal. A killed worker leaves it, and the others wait for half a minute, or for
ever where the journal's path is a relative one. The lock here is freed by any death. A line that a full disk has cut
short is taken away before the next one is written: the two together would be no JSON.
"""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from edgeforge.errors import EdgeForgeError
from edgeforge.guards.removal import cut_last_line
from edgeforge.inputs.regular import open_regular
from edgeforge.inputs.sizes import LARGEST

FIX = "name another file with --storage"
LONGEST_LINE = 2**20  # bytes
BEGINS = b'{"op_code":'  # each line


def open_journal(path: Path, locks: Path) -> JournalStorage:
    """Return Optuna's storage in a file, made where there is none.

    Raises EdgeForgeError for a file that is no journal: it is left as it is.
    """
    there = path.exists() or path.is_symlink()
    if there:
        with open_regular(path, FIX, LARGEST) as file:
            if not BEGINS.startswith(file.read(len(BEGINS))):
                raise damaged(str(path))
    locks.mkdir(parents=True, exist_ok=True)
    lock = _Lock(path, locks / "journal.lock")
    if there:
        lock.acquire()
        try:
            _require_journal(path)
        finally:
            lock.release()
    return JournalStorage(JournalFileBackend(str(path), lock))  # type: ignore[arg-type]


def damaged(shown: str) -> EdgeForgeError:
    """Return the error of a file that is no journal of a search, or no longer one."""
    return EdgeForgeError(
        f"{shown} is damaged: it is no journal of a search",
        fix=f"move it away and search again: mv {shown} {shown}.old; networks that were trained are in the store, and "
        "are not trained again",
    )


class _Lock:
    """What one worker at a time holds while it appends: Optuna asks for these two methods."""

    def __init__(self, journal: Path, place: Path) -> None:
        self.journal, self.lock = journal, FileLock(place)

    def acquire(self) -> bool:
        """Hold it."""
        self.lock.acquire()
        if self.journal.is_file():
            cut_last_line(self.journal, BEGINS)
        return True

    def release(self) -> None:
        """Let the others."""
        self.lock.release()


def _require_journal(path: Path) -> None:
    with open_regular(path, FIX, LARGEST) as file:
        while line := file.readline(LONGEST_LINE):
            if not line.startswith(BEGINS) or not line.endswith(b"\n"):
                raise damaged(str(path))
