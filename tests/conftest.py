"""Shared fixtures: the command line, one store for the builds of all tests, one real digits build."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from builds import DIGITS, EPOCHS, open_folder
from elsewhere import Elsewhere
from hypothesis import settings

settings.register_profile("edgeforge", deadline=None)  # time says nothing on a busy machine
settings.load_profile("edgeforge")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # begun in the background: no child would hear of Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
EdgeForge = Callable[..., "subprocess.CompletedProcess[str]"]
# Long files begin first, so that two processes end together; the second needs nothing that the first one builds.
LONGEST = ("test_mnist.py", "test_digits.py", "test_tutorial.py", "test_resilience.py", "test_quantization.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first; the others keep their order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what passed tests have recorded (record_property)."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture(scope="session")
def edgeforge() -> EdgeForge:
    """Run the command line in a process of its own, as a user does."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, variables: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgeforge", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "160", **(variables or {})}
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment, timeout=1200)

    return run


@pytest.fixture(scope="session")
def builds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the builds of this run of the tests, one for all processes of pytest-xdist."""
    own = tmp_path_factory.getbasetemp()
    return (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "builds"


@pytest.fixture
def out(builds: Path, tmp_path: Path) -> Path:
    """An --out folder of one test, with the store of all tests: for builds that harm nothing stored."""
    return open_folder(tmp_path / "build", builds / "store")


@pytest.fixture(scope="session")
def digits_out(builds: Path, edgeforge: EdgeForge) -> Path:
    """The --out folder of one whole build of recipes/digits.yaml with few epochs.

    Whichever process comes first makes it: to the others, EdgeForge itself says that all is up to date. Nothing is
    written but there.
    """
    out = open_folder(builds / "digits", builds / "store")
    with TemporaryDirectory() as place:
        elsewhere = Elsewhere(Path(place))
        done = edgeforge("build", DIGITS, "--out", out, *EPOCHS, "--debug", **elsewhere.ways)
        assert done.returncode == 0, done.stderr
        assert not elsewhere.changed()
    return out


@pytest.fixture(scope="session")
def digits_build(digits_out: Path) -> Path:
    """The build folder of that build."""
    return digits_out / "digits"
