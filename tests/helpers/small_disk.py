"""A file system of its own, whose size a test sets: a disk that is full."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FILLER = "filler"


@contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """Yield `place` as a disk of so much: `64k`; skips the test where this machine mounts none."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"this machine does not mount tmpfs: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        # Lazily: what a test has started there may take a moment to end.
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    """Change a small disk: `size=4m`, `ro`."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def fill(place: Path) -> None:
    """Leave no room on a disk, in a file of its own."""
    with (place / FILLER).open("ab") as file:
        if free := shutil.disk_usage(place).free:
            os.posix_fallocate(file.fileno(), file.tell(), free)
