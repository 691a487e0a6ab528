"""A Raspberry Pi bundle for all tests that need one, and its device-side modules."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from raspberry_pi_bundle import FIRMWARE, make_bundle

Script = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def packed_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an unpacked bundle; do not change it."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "made")


@pytest.fixture
def bundle(packed_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return shutil.copytree(packed_bundle, tmp_path / "digits")


@pytest.fixture
def script(bundle: Path) -> Script:
    """Run one of the bundle's scripts in a process of its own, as on a device."""

    def run(*words: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *map(str, words)]
        done = subprocess.run(command, cwd=bundle, input=stdin, capture_output=True, timeout=120)
        return subprocess.CompletedProcess(command, done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def firmware(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """Import a device-side module by its name."""
    monkeypatch.syspath_prepend(str(FIRMWARE))
    return importlib.import_module
