"""Programs that EdgeForge runs on what it has written: compilers, linkers, emulators. Their words go to the log."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from edgeforge.errors import MissingDependency, StageFailed
from edgeforge.foreign.wording import ORIGINALS

PATIENCE = 300  # seconds
PLACE = re.compile(r"^([^:\s]+):(\d+):(?:\d+:)? (?:fatal )?error: ", re.MULTILINE)  # as gcc and clang say it
REPORT = "if it is up to date, report it with what --debug shows: EdgeForge has written what it was given"


def run_tool(command: Sequence[str | Path], folder: Path | None = None, seconds: float = PATIENCE) -> str:
    """Run a program, in a folder where one is given, and return what it prints.

    Raises MissingDependency where it is not there, StageFailed that names it, and file and line of the first error.
    """
    words = [str(word) for word in command]
    name = Path(words[0]).name
    try:
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, errors="replace", timeout=seconds)
    except FileNotFoundError as error:
        raise MissingDependency(f"{name} is not there", fix="install it; `edgeforge doctor` says how") from error
    except subprocess.TimeoutExpired as error:
        raise StageFailed(f"{name} takes more than {seconds:g} s", fix="free the machine, and try again") from error
    if done.returncode:
        ORIGINALS.info("%s\n%s", " ".join(words), done.stderr)
        if os.strerror(errno.ENOSPC) in done.stderr:
            temporary = os.environ.get("TMPDIR") or tempfile.gettempdir()  # the second passes over a full one
            places = dict.fromkeys(str(one) for one in (folder, temporary) if one)
            reason = f"{name} fails: the disk is full under {' or '.join(places)}"
            raise StageFailed(reason, fix="free some space, or set TMPDIR to a folder that has some")
        place = PLACE.search(done.stderr)
        where = f" at {Path(place[1]).name}:{place[2]}" if place else ""
        raise StageFailed(f"{name} fails{where} (it ends with {done.returncode})", fix=f"update {name}; {REPORT}")
    return done.stdout
