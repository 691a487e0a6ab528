"""The stage `raspberry-pi-bench`: the bundle's own scripts, run on this desk as a device would run them."""

from __future__ import annotations

import json
import subprocess
import tarfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from edgeforge.builder.stage import Job
from edgeforge.errors import StageFailed
from edgeforge.extras import missing
from edgeforge.guards.processes import environment
from edgeforge.guards.processes import script as beside
from edgeforge.results.devices import BUNDLE_STAGE, device_row
from edgeforge.results.files import DESK_FILE

SERVER_PACKAGES = ("fastapi", "uvicorn", "prometheus_client", "python_multipart")
LOAD = ("--clients", "1,4,8", "--requests", "200", "--seconds", "10")
MOST_BYTES, MOST_FILES = 2**31, 10_000  # of a bundle, unpacked
TIMEOUT = 900  # seconds of one script; each bounds itself far below


def bench_on_desk(job: Job) -> None:
    """Write desk.json (results.report.PiDevice). A self-test that fails here is told by the report.

    Raises StageFailed when one of the scripts cannot do its work.
    """
    bundle = next(job.inputs[BUNDLE_STAGE].glob("*.tar.gz"))
    folder = unpack(bundle, job.scratch)
    job.progress(0.1, "its self-test")
    selftest = script(folder, "selftest.py", "--json", passes=(0, 1))
    job.progress(0.2, "its bench")
    measure = job.recipe.measure
    bench = script(folder, "bench.py", "--json", "--choose", "--perf", "--runs", str(measure.runs), "--warmup",
                   str(measure.warmup))  # fmt: skip
    job.progress(0.7, "its server under load")
    absent = missing_server_packages()
    reason = f"{missing(absent).reason}: {missing(absent).fix}" if absent else ""
    if not absent and not list((folder / "samples").glob("*.*")):
        reason = "the model takes no images that could be sent"
    load = {} if reason else script(folder, "loadtest.py", "--json", *LOAD)
    row = device_row("desk", bundle, selftest, bench, load, reason)
    (job.output / DESK_FILE).write_text(row.model_dump_json(indent=1))


def missing_server_packages() -> list[str]:
    """Return those of the endpoint's packages that are not installed."""
    return [name for name in SERVER_PACKAGES if find_spec(name) is None]


def unpack(bundle: Path, folder: Path) -> Path:
    """Unpack a bundle; return the folder of its scripts. Raises StageFailed for one that EdgeForge did not pack."""
    try:
        with tarfile.open(bundle) as archive:
            size = 0
            for count, entry in enumerate(archive):
                size += entry.size
                if size > MOST_BYTES or count >= MOST_FILES:
                    raise tarfile.ReadError("too large")
                archive.extract(entry, folder, filter="data")
    except (tarfile.TarError, OSError, EOFError, ValueError, zlib.error) as error:
        reason = f"{bundle} is damaged, too large, or not packed by EdgeForge"
        raise StageFailed(reason, fix="build the recipe again") from error
    return folder / bundle.name.removesuffix(".tar.gz")


def script(folder: Path, *words: str, passes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Return the JSON that one of the bundle's scripts prints. Raises StageFailed with the reason it gives.

    passes: the exit codes with which it prints any; selftest.py ends with 1 when outputs are too far away.
    """
    quiet = environment(of_a_script=True)
    done = subprocess.run(beside(*words), cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, env=quiet)
    if done.returncode not in passes or not done.stdout.strip():
        lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
        reason = lines[-1][:500] if lines else f"exit code {done.returncode}"
        raise StageFailed(
            f"the bundle's {words[0]} fails on this desk: {reason}", fix="this is a bug: please report it"
        )
    return dict(json.loads(done.stdout))
