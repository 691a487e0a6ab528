"""What the processor's counters say of a command, by Linux's `perf stat`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

EVENTS = ("instructions", "cycles", "cache-misses")


def count_events(command: list[str], report: Path) -> dict[str, float] | str:
    """Return the counts of a command by event, or the reason why there are none."""
    if shutil.which("perf") is None:
        return "perf is not installed (sudo apt install linux-perf)"
    words = ["perf", "stat", "-x", ",", "-o", str(report), "-e", ",".join(EVENTS), *command]
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        return f"perf stat failed: {lines[0].strip() if lines else f'exit code {done.returncode}'}"
    found = read_counts(report.read_text())
    return found or "perf is here, but this machine counts neither instructions nor cycles (a virtual machine?)"


def read_counts(text: str) -> dict[str, float]:
    """Return the counts in what `perf stat -x ,` writes; events that are not supported are left out.

    A line is: count, unit, event (with a suffix such as `:u`), and more.
    """
    found = {}
    for line in text.splitlines():
        parts = line.split(",")
        if len(parts) > 2 and parts[2].partition(":")[0] in EVENTS:
            try:
                found[parts[2].partition(":")[0]] = float(parts[0])
            except ValueError:  # <not supported>, <not counted>
                continue
    return found
