"""`edgeforge serve`: the bundle's own HTTP endpoint on this desk, the same code as on the device."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from edgeforge.extras import missing
from edgeforge.guards.processes import environment, script
from edgeforge.guards.scratch import scratch
from edgeforge.targets.raspberry_pi.bench import missing_server_packages, unpack
from edgeforge.targets.raspberry_pi.deploy import bundle_of


def serve(folder: Path, options: list[str]) -> int:
    """Run the server of a build's bundle until it ends; return its exit code. Raises MissingDependency."""
    bundle = bundle_of(folder)
    absent = missing_server_packages()
    if absent:
        raise missing(absent)
    with scratch() as here:
        place = unpack(bundle, here)
        process = subprocess.Popen(script("server.py", *options), cwd=place, env=environment(of_a_script=True))
        signal.signal(signal.SIGTERM, lambda number, frame: process.terminate())
        try:
            return process.wait()
        except KeyboardInterrupt:  # the terminal has sent it to the server as well
            return process.wait()
        finally:
            process.terminate()
