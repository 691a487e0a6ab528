"""What is installed, what is missing and which runtime to trust here: `edgeforge doctor`. Imports nothing heavy."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, entry_points, version
from typing import Literal

from packaging.requirements import Requirement

from edgeforge.bundled import DISTRIBUTION
from edgeforge.evaluate.desk.found import Found, check_desk
from edgeforge.extras import EXTRAS
from edgeforge.machine import has_amx, has_vnni

GIB = 1024**3
MIN_FREE_BYTES = 2 * GIB
PYTHONS = ((3, 12), (3, 13))

# Programs that only some work needs.
PROGRAMS = {
    "g++": "compiles the generated sources for a check on this machine",
    "arduino-cli": "compiles and flashes the Arduino project",
    "arm-none-eabi-gcc": "compiles for Cortex-M",
    "qemu-system-arm": "runs Cortex-M code without a board",
    "ssh": "reaches devices for `edgeforge deploy`",
    "rsync": "copies bundles to devices; without it they go as a tar through ssh",
    "edgetpu_compiler": "compiles full-integer models for the Edge TPU",
}


@dataclass(frozen=True)
class Diagnosis:
    """One line: `ok`, `missing` (a build will fail), `optional` (not there, needed by some work) or `note`."""

    what: str
    found: str
    state: Literal["ok", "missing", "optional", "note"]
    remedy: str = ""


def diagnose() -> list[Diagnosis]:
    """Return the state of Python, every package, this machine, and optional programs."""
    return [_python(), *_packages(), *_torchvision(), *_machine(), *_programs()]


def diagnose_arithmetic() -> Iterator[list[Diagnosis]]:
    """Yield what each runtime computes here, as it is found out, and at last which of them to trust; takes seconds."""
    found: list[Found] = []
    for rows in check_desk():
        found += rows
        yield [Diagnosis(row.runtime, row.what, "ok" if row.trustworthy else "note", row.remedy) for row in rows]
    doubtful = [row.runtime for row in found if not row.trustworthy]
    trusted = ", ".join(row.runtime for row in found if row.trustworthy) or "none"
    remedy = f"not: {', '.join(doubtful)}" if doubtful else ""
    yield [Diagnosis("trustworthy on this desk", trusted, "note" if doubtful else "ok", remedy)]


def _python() -> Diagnosis:
    found = ".".join(map(str, sys.version_info[:3]))
    right = sys.version_info[:2] in PYTHONS
    names = " or ".join(f"{major}.{minor}" for major, minor in PYTHONS)
    return Diagnosis(f"Python {names}", found, "ok" if right else "missing", "" if right else f"use Python {names}")


def _packages() -> list[Diagnosis]:
    """Return the core's packages, one by one, then each extra: its packages where one of them is installed."""
    own = _own_distribution()
    if not own:
        return [Diagnosis(DISTRIBUTION, "not installed", "missing", "pip install -e .")]
    wanted = [Requirement(line) for line in own.requires or []]
    rows = [_package(one) for one in wanted if not one.marker or one.marker.evaluate({"extra": ""})]
    for name, extra in EXTRAS.items():
        brought = [one for one in wanted if one.name in extra.packages and one.marker]
        if any(_version(package) for package in extra.packages):
            rows += [_package(one) for one in brought]
        else:
            remedy = f"{extra.brings}: pip install '{DISTRIBUTION}[{name}]'"
            rows.append(Diagnosis(f"extra [{name}]", "not installed", "optional", remedy))
    return rows


def _package(wanted: Requirement) -> Diagnosis:
    found = _version(wanted.name)
    right = bool(found) and wanted.specifier.contains(found.split("+")[0], prereleases=True)
    remedy = "" if right else f'pip install "{wanted.name}{wanted.specifier}"'
    what = f"{wanted.name}{wanted.specifier}"
    return Diagnosis(what, found or "not installed", "ok" if right else "missing", remedy)


def _version(package: str) -> str:
    """Return a package's version; empty where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _own_distribution() -> Distribution | None:
    """Return the installed package that this command comes from; by its command, as another tool has the name too."""
    scripts = entry_points(group="console_scripts", name="edgeforge")
    found = [script.dist for script in scripts if script.value == "edgeforge.cli:main" and script.dist]
    return min(found, key=lambda package: package.name != DISTRIBUTION, default=None)


def _torchvision() -> list[Diagnosis]:
    """Say whether torchvision's C++ operators fit torch: both must be of one build (`+cpu`, or none)."""
    try:
        builds = {version(name).partition("+")[2] for name in ("torch", "torchvision")}
    except PackageNotFoundError:
        return []
    if len(builds) == 1:
        return [Diagnosis("torchvision's operators", "of torch's build", "ok")]
    remedy = "only detection models need them; EdgeForge does without"
    return [Diagnosis("torchvision's operators", "of another build than torch", "note", remedy)]


def _machine() -> list[Diagnosis]:
    import psutil

    cores = os.cpu_count() or 1
    free = shutil.disk_usage(".").free
    rows = [
        Diagnosis("processor cores", str(cores), "ok"),
        Diagnosis("memory", f"{psutil.virtual_memory().total / GIB:.1f} GB", "ok"),
        Diagnosis(
            "free disk",
            f"{free / GIB:.1f} GB",
            "ok" if free > MIN_FREE_BYTES else "note",
            "" if free > MIN_FREE_BYTES else "a build of a large network may need more",
        ),
    ]
    instructions = ", ".join(
        f"{'' if has else 'no '}{name}" for name, has in (("VNNI", has_vnni()), ("AMX", has_amx()))
    )
    rows.append(Diagnosis("int8 instructions", instructions, "ok"))
    return rows


def _programs() -> list[Diagnosis]:
    rows = []
    for program, purpose in PROGRAMS.items():
        path = shutil.which(program)
        rows.append(Diagnosis(program, path or "not installed", "ok" if path else "optional", f"it {purpose}"))
    return rows
