"""`edgeforge deploy`: a build's Raspberry Pi bundle onto a device, proven and measured there."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from edgeforge.errors import ParityError, RecipeError, StageFailed
from edgeforge.guards.removal import MARK
from edgeforge.guards.scratch import scratch
from edgeforge.results.devices import device_row
from edgeforge.results.rows.report import PiDevice
from edgeforge.targets.raspberry_pi.bench import unpack
from edgeforge.targets.raspberry_pi.ssh import FULL_DISK, Remote

KEPT = (MARK, ".venv", "choice.json", "install.log", "wheels")  # on the device, when the bundle is copied again
MACHINES = ("aarch64", "x86_64")
PYTHONS = [(3, minor) for minor in range(9, 15)]
NEEDED_MB = (
    400  # the virtual environment with onnxruntime, LiteRT, numpy and pillow, and pip's own needs while it installs
)
MORE_SPACE = "free some space there, or name another place with --folder"
INSTALL_SECONDS, MEASURE_SECONDS = 1800, 1800

# One connection tells all that could stand in the way. `bits` is Python's own: a 64-bit kernel may run a 32-bit system.
PROBE = """
python={python}
echo machine=$(uname -m)
echo version=$($python -I -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
echo bits=$($python -I -c 'import struct; print(struct.calcsize("P") * 8)' 2>/dev/null)
near={folder}
while [ ! -e "$near" ]; do near=$(dirname "$near"); done
[ -w "$near" ] && echo free_mb=$(df -Pk "$near" | awk 'NR == 2 {{print int($4 / 1024)}}')
[ -x {folder}/.venv/bin/python ] && echo installed=yes
true
"""
# The folder is made equal to the bundle, so that nothing else stays in it: only one that was made here is taken, or an
# empty one. mkdir makes none that is there.
CLAIM = """
mkdir -p "$(dirname {folder})" || exit 1
if mkdir {folder} 2>/dev/null || [ -d {folder} -a -z "$(ls -A {folder} 2>&1)" ]; then : > {folder}/{mark} || exit 1; fi
if [ -f {folder}/{mark} ]; then echo ours; elif [ -e {folder} ]; then echo foreign; fi
"""


@dataclass(frozen=True)
class Wishes:
    """What a person asked `deploy` for."""

    python: str = "python3"  # the interpreter there that the virtual environment is made from
    server: bool = False  # install the HTTP endpoint, and load it there
    perf: bool = False
    folder: str = ""  # there; default: edgeforge/NAME in the home folder
    runs: int = 200


def deploy(folder: Path, remote: Remote, wishes: Wishes, progress: Callable[[str], None]) -> PiDevice:
    """Copy, install, self-test and measure; return the device's figures.

    Raises StageFailed for what the device lacks, ParityError when its outputs are not the desk's.
    """
    bundle = bundle_of(folder)
    name = bundle.name.removesuffix(".tar.gz")
    place = wishes.folder or f"edgeforge/{name}"
    require_plain(place)
    progress(f"asking {remote.host} what it is")
    check(remote, probe(remote, wishes.python, place))
    claim(remote, place)
    with scratch() as here:
        progress("copying the bundle")
        remote.copy_folder(unpack(bundle, here), place, KEPT)
    progress("installing there, and its self-test")
    install(remote, place, wishes)
    selftest = script(remote, place, "selftest.py --json", passes=(0, 1))
    if not selftest["passed"]:
        raise ParityError(
            f"{remote.host}: {_difference(selftest)}", fix="do not use this device's outputs; see its log"
        )
    progress("measuring there")
    flags = f"--json --choose --runs {wishes.runs}{' --perf' if wishes.perf else ''}"
    bench = script(remote, place, f"bench.py {flags}")
    load: dict[str, Any] = {}
    reason = "deployed without --server"
    if wishes.server:
        progress("its server under load")
        load, reason = script(remote, place, "loadtest.py --json --clients 1,4,8"), ""
    return device_row(remote.label, bundle, selftest, bench, load, reason)


def bundle_of(folder: Path) -> Path:
    """Return the build's bundle. Raises RecipeError when its recipe asks for none."""
    found = sorted((folder / "raspberry-pi").glob("*.tar.gz"))
    if not found:
        fix = "add `raspberry_pi: {}` to the recipe and build it again"
        raise RecipeError(f"{folder}: this build has no Raspberry Pi bundle", fix=fix)
    return found[0]


def probe(remote: Remote, python: str, place: str) -> dict[str, str]:
    """Return what the device says of itself: machine, version, bits, free_mb, installed."""
    if not all(letter.isalnum() or letter in "/._-" for letter in python):
        raise RecipeError(f"--python {python}: not the path of an interpreter", fix="--python /usr/bin/python3.11")
    done = remote.run(PROBE.format(python=python, folder=place))
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def require_plain(place: str) -> None:
    """Raise RecipeError for a folder there that a shell could take for more than a name, or that leads upwards."""
    parts = PurePosixPath(place).parts
    if not re.fullmatch(r"[A-Za-z0-9/._-]+", place) or any(part == ".." or part.startswith("-") for part in parts):
        raise RecipeError(f"--folder {place}: only letters, digits and / . _ -, and no ..", fix="leave it out")
    if not [part for part in parts if part != "/"]:
        raise RecipeError(f"--folder {place}: the bundle needs a folder of its own", fix="leave it out")


def claim(remote: Remote, place: str) -> None:
    """Make the bundle's folder there, or see that it is one. Raises StageFailed for one that holds anything else."""
    said = remote.run(CLAIM.format(folder=place, mark=MARK)).stdout.split()
    if "ours" in said:
        return
    if "foreign" in said:
        raise StageFailed(
            f"{remote.host}: {place} is there and was not made by deploy (it has no {MARK}): it stays as it is",
            fix=f"name another with --folder, or move it away: ssh {remote.host} mv {place} {place}.mine",
            stage="deploy",
        )
    raise StageFailed(f"{remote.host}: {place} cannot be made or written", fix="try --folder", stage="deploy")


def check(remote: Remote, facts: dict[str, str]) -> None:
    """Raise StageFailed with the first reason why the bundle would not run there."""
    machine, version = facts.get("machine", ""), facts.get("version", "")
    if machine not in MACHINES or (version and facts.get("bits") != "64"):
        bits = f" with a {facts['bits']}-bit Python" if facts.get("bits") else ""
        raise StageFailed(
            f"{remote.host} is {machine or 'of an unknown architecture'}{bits}: onnxruntime and LiteRT have wheels for "
            "64-bit ARM and x86 only", fix="install the 64-bit Raspberry Pi OS", stage="deploy")  # fmt: skip
    if not version:
        raise StageFailed(f"{remote.host} has no Python", fix="sudo apt install python3 python3-venv", stage="deploy")
    if tuple(map(int, version.split("."))) not in PYTHONS:
        fix = "name another interpreter there: --python /usr/bin/python3.11"
        raise StageFailed(f"{remote.host} has Python {version}; the bundle takes 3.9 to 3.14", fix=fix, stage="deploy")
    if "free_mb" not in facts:
        raise StageFailed(f"{remote.host}: its folder cannot be made or written", fix="try --folder", stage="deploy")
    free = int(facts["free_mb"])
    if free < NEEDED_MB and "installed" not in facts:
        reason = f"{remote.host}: no space left: {free} MB are free, {NEEDED_MB} MB are needed"
        raise StageFailed(reason, fix=MORE_SPACE, stage="deploy")


def install(remote: Remote, place: str, wishes: Wishes) -> None:
    """Run install.sh there. Raises StageFailed with its own line."""
    option = " --server" if wishes.server else ""
    done = remote.run(f"cd {place} && PYTHON={wishes.python} ./install.sh{option} 2>&1", seconds=INSTALL_SECONDS)
    errors = [line.removeprefix("error: ") for line in done.stdout.splitlines() if line.startswith("error: ")]
    if errors:
        if "no space left" in errors[0]:
            raise StageFailed(f"{remote.host}: {errors[0]}", fix=MORE_SPACE, stage="deploy")
        raise StageFailed(f"{remote.host}: {errors[0]}", fix=_by_hand(remote, place, "./install.sh"), stage="deploy")
    if done.returncode and "self-test" not in done.stdout:
        last = (done.stdout.strip() or "install.sh failed").splitlines()[-1]
        raise StageFailed(f"{remote.host}: {last}", fix=_by_hand(remote, place, "./install.sh"), stage="deploy")


def script(remote: Remote, place: str, words: str, passes: tuple[int, ...] = (0,)) -> dict[str, Any]:
    """Return the JSON that one of the bundle's scripts prints there. Raises StageFailed."""
    done: subprocess.CompletedProcess[str] = remote.run(f"cd {place} && .venv/bin/python {words}",
                                                        seconds=MEASURE_SECONDS)  # fmt: skip
    try:
        if done.returncode in passes:
            return dict(json.loads(done.stdout.strip().splitlines()[-1]))  # a login file there may print before it
    except (ValueError, IndexError):
        pass
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    reason = lines[-1].removeprefix("error: ") if lines else f"exit code {done.returncode}"
    fix = MORE_SPACE if FULL_DISK in reason else _by_hand(remote, place, f".venv/bin/python {words}")
    raise StageFailed(f"{remote.host}: {words.split()[0]}: {reason}", fix=fix, stage="deploy")


def _by_hand(remote: Remote, place: str, command: str) -> str:
    return f"try it by hand: ssh {remote.host} 'cd {place} && {command}'"


def _difference(selftest: dict[str, Any]) -> str:
    """Say which variant's outputs are too far from the desk's."""
    row = next(row for row in selftest["variants"] if not row["passed"])
    return (f"the self-test fails: {row['variant']} differs by {row['largest_difference']:.3g}, allowed is "
            f"{row['tolerance']:.3g} ({row['tolerance_is']})")  # fmt: skip
