"""The toolchains that firmware is compiled with and run by."""

import pytest

from edgeforge.targets.arduino.emulator import EMULATED, HOST, Toolchain


@pytest.fixture(scope="module", params=[HOST, EMULATED], ids=lambda toolchain: toolchain.name)
def toolchain(request: pytest.FixtureRequest) -> Toolchain:
    """This machine's compiler, and Cortex-M's with an emulator; skipped with the reason where one is missing."""
    if reason := request.param.missing():
        pytest.skip(reason)
    return request.param
