"""`edgeforge serve`: the bundle's own HTTP endpoint on this desk, the same code as on the device."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from edgeforge.extras import missing
from edgeforge.targets.raspberry_pi.bench import missing_server_packages, unpack
from edgeforge.targets.raspberry_pi.deploy import bundle_of


def serve(folder: Path, options: list[str]) -> int:
    """Run the server of a build's bundle until it ends; return its exit code. Raises MissingDependency."""
    bundle = bundle_of(folder)
    absent = missing_server_packages()
    if absent:
        raise missing(absent)
    with tempfile.TemporaryDirectory() as scratch:
        place = unpack(bundle, Path(scratch))
        process = subprocess.Popen([sys.executable, "server.py", *options], cwd=place)
        signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal has sent it to the server as well
            return process.wait()
        finally:
            process.terminate()
