"""Temporary folders: gone at the end, and after a kill with the next one; never somebody else's."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from edgeforge.guards.removal import MARK
from edgeforge.guards.scratch import HELD, scratch

HOLDER = "from edgeforge.guards.scratch import scratch\nwith scratch() as folder: print(folder, flush=True); input()"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def test_it_goes_at_the_end_whatever_happens(place: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch() as folder:
        (folder / "a").write_text("a")
        assert place in folder.parents
        raise ZeroDivisionError
    assert not list(place.iterdir())


def test_a_killed_process_s_goes_with_the_next_and_a_living_one_s_stays(place: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        theirs = Path(holder.stdout.readline().decode().strip())
        (theirs / "a").write_text("a")
        with scratch():
            assert (theirs / "a").exists()
        holder.send_signal(signal.SIGKILL)
    with scratch() as ours:
        assert list(place.iterdir()) == [ours.parent]


def test_what_others_call_alike_stays(place: Path) -> None:
    mine = place / "edgeforge-abcdefgh"
    mine.mkdir()
    (mine / "keep").write_text("kept")
    packed = place / "edgeforge-pictures"  # as `pack` leaves its folder
    packed.mkdir()
    (packed / MARK).write_text("{}")
    elsewhere = place / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / HELD).write_text("")
    (place / "edgeforge-aaaaaaaa").symlink_to(elsewhere)
    with scratch():
        pass
    assert (mine / "keep").exists() and (elsewhere / HELD).exists() and (packed / MARK).exists()
