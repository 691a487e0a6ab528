"""What a check of this desk finds, and the processes that the checks run in. Imports nothing heavy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from edgeforge.guards.processes import environment, python

SECONDS = 60  # of one group; it takes a few
# Groups of checks.py → what they are of, and the packages without which they cannot run.
GROUPS = {
    "onnxruntime": ("ONNX Runtime", ("onnxruntime", "onnx")),
    "tflite": ("LiteRT and TFLM", ("ai_edge_litert", "tflite_micro")),
    "pytorch": ("PyTorch", ("torch",)),
}


@dataclass(frozen=True)
class Found:
    """One runtime on this desk: what it did, and whether what it computes can be trusted."""

    runtime: str
    what: str
    trustworthy: bool
    remedy: str = ""


def check_desk(seconds: float = SECONDS) -> Iterator[list[Found]]:
    """Yield the rows of each group; they run beside each other, and those not installed are left out."""
    groups = [group for group, (_, packages) in GROUPS.items() if all(map(find_spec, packages))]
    with ThreadPoolExecutor(max_workers=len(GROUPS)) as pool:
        yield from pool.map(partial(run_group, seconds=seconds), groups)


def run_group(group: str, seconds: float = SECONDS) -> list[Found]:
    """Return the rows of one group, run in a process of its own; one that says so when that fails."""
    command = python("-m", "edgeforge.evaluate.desk.checks", group)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=environment()
        )
    except subprocess.TimeoutExpired:
        return [_not_checked(group, f"no answer within {seconds:.0f} s")]
    try:
        return [Found(**row) for row in json.loads(done.stdout.strip().splitlines()[-1])]
    except (ValueError, IndexError, TypeError):
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        return [_not_checked(group, last)]


def _not_checked(group: str, reason: str) -> Found:
    return Found(GROUPS[group][0], f"cannot be checked: {reason}", False, "reinstall it, or build on another computer")
