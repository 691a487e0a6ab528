"""What a run on a hostile input came to: taken, refused in one clear error, or one of the faults that must not be."""

from __future__ import annotations

import re
import signal
import stat
from itertools import pairwise
from pathlib import Path

from elsewhere import Snapshot, differences
from hostile_cases import Case, Place
from warm_process import Ended

FAULTS = ("crash", "hang", "memory", "traceback", "raw", "unclear", "outside", "orphan", "control", "wrongly taken")
RAW = ("that EdgeForge does not know", "EdgeForge itself fails", "--debug shows where", "--debug prints")
# Lines of standard error that are EdgeForge's own beside its error: progress, notices, warnings of its server.
OURS = re.compile(
    r"^(error: |  |✓|! |warning: |usage: |Usage: |Try |asking |http://|[a-z][\w-]*: (\d+ stages|built|everything)|$)"
)
# What engines print past Python, and libraries by Python's warnings or logging.
FOREIGN = re.compile(
    r"\x1b\[|Warning:|warnings\.warn|^(INFO|WARNING|ERROR|W\d{4}|E\d{4}|I\d{4})[: ]|\[[WEI]:onnxruntime|libprotobuf|"
    r"Didn't find op|^Failed|tflite/|kernels/|\.cc:\d+|\.py:\d+: "
)
# What steers a terminal.
STEERING = re.compile(r"[^\n]{0,30}[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
ACCEPTED = (0, 5, 6)
WRITTEN = ("--out", "--html", "--plot", "--to", "--storage", "--artifacts")  # options that say where


def judged(case: Case, ended: Ended, place: Place, before: Snapshot, after: Snapshot) -> tuple[str, str]:
    """Return `taken`, `refused` or a fault (of FAULTS, a crash with its signal), and what shows it."""
    last = (ended.err.strip().splitlines() or [""])[-1]
    outside = _outside(case, ended, place, before, after)
    if ended.stopped:
        return ended.stopped, f"{ended.seconds:.0f} s, {ended.memory >> 20} MB"
    if ended.signal:
        return f"crash {signal.Signals(ended.signal).name}", last
    if outside:
        return "outside", ", ".join(outside[:3])
    if "Traceback (most recent call last)" in ended.err + ended.out:
        return "traceback", last
    crashed = re.search(r"SIG(SEGV|BUS|FPE|ABRT|ILL)", ended.err + ended.out)
    if ended.left:
        return "orphan", f"{ended.left} processes"
    if steering := STEERING.search(ended.out + ended.err):
        return "control", repr(steering[0])
    if ended.code in ACCEPTED and not (ended.code == 5 and "error:" not in ended.err):
        if any(FOREIGN.search(line) for line in ended.err.splitlines()):
            return "raw", next(line for line in ended.err.splitlines() if FOREIGN.search(line))
        if case.must_refuse and ended.code == 0:
            return "wrongly taken", (ended.out.strip().splitlines() or [""])[-1]
        return "taken", ""
    lines = ended.err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    if not errors:
        return "unclear", f"exit {ended.code}: {last}"
    said = next((text for text in RAW if text in ended.err), "")
    if said:
        return "raw", errors[0]
    foreign = [line for line in lines if FOREIGN.search(line) or not OURS.search(line)]
    if foreign:
        return "raw", foreign[0]
    if not any(line.strip().startswith("fix:") for line in lines) or not 1 <= (ended.code or 0) <= 6:
        return "unclear", f"exit {ended.code}, no fix: {errors[0]}"
    return "refused", errors[0] + (f" ({crashed[0]})" if crashed else "")


def _outside(case: Case, ended: Ended, place: Place, before: Snapshot, after: Snapshot) -> list[str]:
    changed = differences(before, after)
    if ("--out", "..") in pairwise(case.words):  # there somebody wants something new; what is there stays as it is
        changed = [name for name in changed if name in before]
    # Where somebody wants it something new may be, also in place of a link to nothing.
    said = tuple(word for option, word in pairwise(case.words) if option in WRITTEN)
    said += tuple(f"{word}.locks" for option, word in pairwise(case.words) if option == "--storage" and word)
    if case.verb == "init" and case.words[1:]:  # a recipe, and the schema beside it
        said += (case.words[1], "edgeforge.schema.json")
    below = tuple(f"{place.work.name}/{word}" for word in said if word)
    new = [name for name in changed if not stat.S_ISREG(before.get(name, (0,))[0])]
    changed = [
        name for name in changed if name not in new or not any(f"{name}/".startswith(f"{one}/") for one in below)
    ]
    for text in ended.written:
        path = Path(text)
        if any(path == root or root in path.parents for root in place.allowed) or text.startswith(("/dev/", "/proc/")):
            continue
        if path == place.root or place.root in path.parents:
            continue  # the snapshots tell
        if text in said:
            continue
        if path.suffix == ".pyc" or "__pycache__" in path.parts:
            continue
        changed.append(text)
    return [name for name in sorted(changed) if "__pycache__" not in name]
