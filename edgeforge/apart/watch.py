"""Inside a worker: what is about to run, so that its end has a name; and how much time and memory it may take.

Elsewhere all of this does nothing.
"""

from __future__ import annotations

import os
import re
import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from edgeforge.errors import RecipeError
from edgeforge.inputs.sizes import size_of

MAX_SECONDS, MAX_MEMORY = "EDGEFORGE_MAX_SECONDS", "EDGEFORGE_MAX_MEMORY"  # in the environment: more than the below
SECONDS = 8.0  # of processor time that loading a small model, or one inference of it, may take
SECONDS_A_BYTE = 1 / 4e6  # more for a large one
PATIENCE = 10  # times as long by the clock: others have the processor too
MEMORY = 640 * 2**20  # bytes above what the libraries themselves take
MEMORY_A_FILE = 6  # times a file's size more: weights are read, copied and packed
MEMORY_A_THREAD = 12 * 2**20
ACCELERATORS = ("/dev/nvidiactl", "/dev/kfd")  # whose drivers reserve more than the machine has
NOBODY = Path()


class Given(NamedTuple):
    """The file that work is about, and what its own numbers let expect beyond its size."""

    path: Path = NOBODY
    seconds: float = 0.0
    bytes: int = 0


Send = Callable[..., None]
_send: Send | None = None
_tell: Send | None = None
_last: tuple[str, Path] = ("", NOBODY)
_given = Given()
_stands_for: dict[Path, Path] = {}


def listen(send: Send) -> None:
    """Make this process a worker: from now on `send` is told what is about to run."""
    global _send
    _send = send


def tell(told: Send) -> None:
    """Let `told` hear which engine is about to run which file, without limits: for a process that has its own."""
    global _tell
    _tell = told


def inside() -> bool:
    """Say whether this process is a worker."""
    return _send is not None


def given(path: Path, seconds: float = 0.0, more_bytes: int = 0) -> None:
    """Say which file work is about; seconds and bytes of an inference, where they are known to be more than little."""
    global _given
    _given = Given(path, seconds, more_bytes)


def stands_for(copy: Path, original: Path) -> None:
    """Say that a file is EdgeForge's own copy of a person's."""
    _stands_for[copy] = original


@contextmanager
def watched(engine: str, path: Path | None = None) -> Iterator[None]:
    """Let an engine load a file, or run it once, within its limits: in a worker, which ends where it exceeds them.

    path: default: what `given` has named.
    """
    global _last
    path = _given.path if path is None else _stands_for.get(path, path)
    if _send is None:
        if _tell is not None and (engine, path) != _last:
            _last = (engine, path)
            _tell("now", engine=engine, path=str(path) if path != NOBODY else "")
        yield
        return
    size = path.stat().st_size if path.is_file() else 0
    seconds = max(SECONDS + size * SECONDS_A_BYTE + _given.seconds, _seconds_allowed())
    if (engine, path) != _last:
        _last = (engine, path)
        _send("now", engine=engine, path=str(path) if path != NOBODY else "", seconds=seconds)
    memory = MEMORY + MEMORY_A_FILE * size + _given.bytes + MEMORY_A_THREAD * (os.cpu_count() or 1)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit_memory(max(memory, size_of(os.environ.get(MAX_MEMORY) or "0", MAX_MEMORY)))
    _limit_time(int(used.ru_utime + used.ru_stime + seconds) + 1, PATIENCE * seconds)
    try:
        yield
    finally:  # what comes behind an engine, an import of another one say, has its own needs
        _limit_time(resource.RLIM_INFINITY, 0)
        _limit(resource.RLIMIT_DATA, resource.RLIM_INFINITY)


def _seconds_allowed() -> float:
    text = os.environ.get(MAX_SECONDS) or "0"
    if not re.fullmatch(r"\d{1,9}", text):
        raise RecipeError(f"{MAX_SECONDS}: '{text[:40]}' is no number of seconds", fix="write for instance 60")
    return float(text)


def _limit_time(until: int, by_the_clock: float) -> None:
    """End this process by SIGXCPU when it has computed until then, by SIGALRM after so long; 0: never."""
    _limit(resource.RLIMIT_CPU, until)
    signal.setitimer(signal.ITIMER_REAL, by_the_clock)


def limit_to_machine() -> None:
    """Let allocations of this process fail beyond all memory of the machine, before the system ends other programs."""
    import psutil

    if any(Path(device).exists() for device in ACCELERATORS):
        return
    _limit(resource.RLIMIT_DATA, psutil.virtual_memory().total + psutil.swap_memory().total)


def _limit_memory(more: int) -> None:
    """Let allocations fail that would take more than so many bytes above what this process has now (Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[5])  # data and stack
    except (OSError, ValueError, IndexError):
        return
    _limit(resource.RLIMIT_DATA, pages * os.sysconf("SC_PAGE_SIZE") + more)


def _limit(which: int, most: int) -> None:
    """Set a limit, or take it away: up to the one that this process was started with."""
    hard = resource.getrlimit(which)[1]
    least = hard if most == resource.RLIM_INFINITY else most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (least, hard))
