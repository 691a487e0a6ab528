"""What the tests of a core's kernels share: they are run on emulated cores."""

from __future__ import annotations

import pytest

from edgeforge.targets.engine.emulate.machine import INSTALL, missing


@pytest.fixture(scope="session", autouse=True)
def _emulator() -> None:
    if reason := missing():
        pytest.skip(f"{reason}: {INSTALL}")
