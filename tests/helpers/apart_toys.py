"""What a worker process may be made to do: tests put this folder on its PYTHONPATH."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from edgeforge.apart.watch import given, watched
from edgeforge.errors import BudgetExceeded


def add(a: int, b: int, progress: Callable[[str], None]) -> int:
    """Return the sum."""
    progress(f"{a} and {b}")
    print("not for a person")
    return a + b


def process_id() -> int:
    """Return the worker's process."""
    return os.getpid()


def refuse() -> None:
    """Raise one of EdgeForge's errors."""
    raise BudgetExceeded("too large", fix="make it smaller", stage="fit")


def fail() -> None:
    """Raise another library's error."""
    raise ValueError("cannot reshape array of size 3 into shape (2,2)")


def crash(path: Path) -> None:
    """End by a signal, as an engine does that reads beyond its memory."""
    with watched("LiteRT", path):
        os.kill(os.getpid(), signal.SIGSEGV)


def compute(path: Path) -> None:
    """Never come to an end."""
    given(path, seconds=-7)
    with watched("ONNX Runtime", path):
        while True:
            pass


def wait(path: Path) -> None:
    """Never come to an end, without computing."""
    given(path, seconds=-7.9)
    with watched("TFLM", path):
        time.sleep(600)


def fill(path: Path) -> int:
    """Ask for more memory than there is to be had."""
    with watched("PyTorch", path):
        return len(bytearray(3 * 2**30))


def long_after(path: Path) -> int:
    """Take its time and memory behind the engine, not in it."""
    given(path, seconds=-7)
    with watched("TFLM", path):
        pass
    bytearray(2**30)
    until = time.process_time() + 2.5
    while time.process_time() < until:
        pass
    return 1
