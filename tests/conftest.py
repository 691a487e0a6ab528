"""Shared fixtures: one real digits build for all end-to-end tests, and a way to run the command line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from places import ROOT

DIGITS = ROOT / "recipes" / "digits.yaml"
settings.register_profile("edgeforge", deadline=None)  # time says nothing on a busy machine
settings.load_profile("edgeforge")
EdgeForge = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def edgeforge() -> EdgeForge:
    """Run the command line in a process of its own, as a user does."""

    def run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgeforge", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "160"}
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=1200)

    return run


@pytest.fixture(scope="session")
def digits_out(tmp_path_factory: pytest.TempPathFactory, edgeforge: EdgeForge) -> Path:
    """The --out folder of one whole build of recipes/digits.yaml with few epochs."""
    out = tmp_path_factory.mktemp("digits")
    done = edgeforge("build", DIGITS, "--out", out, "--set", "train.epochs=6", "--debug")
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="session")
def digits_build(digits_out: Path) -> Path:
    """The build folder of that build."""
    return digits_out / "digits"
