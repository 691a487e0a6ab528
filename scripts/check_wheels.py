"""Ask the registry whether the bundle's pinned packages exist as aarch64 wheels for every Python it supports.

    python scripts/check_wheels.py                 (half a minute; prints the wheel found for each pin)
    python scripts/check_wheels.py --pins 3.11     (prints the pins of one Python, for `pip download`)

Ends with 1 when a wheel is missing.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement

BUNDLE = Path(__file__).parent.parent / "firmware" / "raspberry_pi"
PYTHONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
FILES = (
    "requirements.txt",
    "requirements-images.txt",
    "requirements-onnxruntime.txt",
    "requirements-litert.txt",
    "requirements-sound.txt",
)
PLATFORMS = ("manylinux2014_aarch64", "manylinux_2_17_aarch64", "manylinux_2_27_aarch64", "manylinux_2_28_aarch64")


def pins(file: str, python: str) -> list[str]:
    """Return the pins of a requirements file that hold for a Python version, without their markers."""
    lines = [line for line in (BUNDLE / file).read_text().splitlines() if line and not line.startswith("#")]
    wanted = []
    for requirement in map(Requirement, lines):
        environment = {"python_version": python, "python_full_version": f"{python}.0"}
        if requirement.marker is None or requirement.marker.evaluate(environment):
            wanted.append(f"{requirement.name}{requirement.specifier}")
    return wanted


def resolve(wanted: list[str], python: str) -> subprocess.CompletedProcess[str]:
    """Let pip resolve pins for aarch64, binary wheels alone."""
    platforms = [word for name in PLATFORMS for word in ("--platform", name)]
    with tempfile.TemporaryDirectory() as folder:
        options = ["--dry-run", "--ignore-installed", "--no-deps", "--only-binary=:all:", "--target", folder, "--quiet"]
        command = [sys.executable, "-m", "pip", "install", *options, "--report", "-", "--python-version", python,
                   "--implementation", "cp", *platforms, *wanted]  # fmt: skip
        return subprocess.run(command, capture_output=True, text=True)


def main() -> int:
    """Print the outcome for every Python."""
    if sys.argv[1:2] == ["--pins"]:
        print("\n".join(pin for file in FILES for pin in pins(file, sys.argv[2])))
        return 0
    failed = 0
    for python in PYTHONS:
        wanted = [pin for file in (*FILES, "requirements-server.txt") for pin in pins(file, python)]
        done = resolve(wanted, python)
        if done.returncode:
            failed += 1
            print(f"Python {python}: MISSING: {done.stderr.strip().splitlines()[-1]}")
            continue
        files = [Path(item["download_info"]["url"]).name for item in json.loads(done.stdout)["install"]]
        print(f"Python {python}: " + ", ".join(sorted(files)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
