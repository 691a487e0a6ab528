"""What the device is and how it fares: facts that latencies depend on. What cannot be read is None."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

from models import wanted_providers

THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"  # hexadecimal; Raspberry Pi's kernel has it
FLAGS = {0: "under-voltage", 1: "a capped frequency", 2: "throttling", 3: "the soft limit of temperature"}
SUPPLY, COOLER = "use the supply that Raspberry Pi names for this board", "cool it"
REMEDIES = dict(zip(FLAGS.values(), (SUPPLY, SUPPLY, COOLER, COOLER)))


def device_facts() -> dict[str, Any]:
    """Return what stands beside the figures measured here."""
    found = _onnxruntime()
    return {
        "model": _model(),
        "machine": platform.machine(),
        "cores": cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": _system(),
        "python": platform.python_version(),
        "onnxruntime": found.__version__ if found else None,
        "providers": wanted_providers(found.get_available_providers()) if found else [],
        "litert": _version("ai-edge-litert"),
        "governor": governor(),
    }


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def governor() -> str | None:
    """Return the CPU frequency governor, such as ondemand or performance."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def temperature() -> float | None:
    """Return the processor's temperature in °C."""
    text = _read("/sys/class/thermal/thermal_zone0/temp")
    try:
        return int(text) / 1000 if text else None
    except ValueError:
        return None


def throttled() -> dict[str, Any] | None:
    """Return what a Raspberry Pi's firmware says of its supply and heat: `now` and `since_boot`; None elsewhere.

    Bits as in Raspberry Pi's documentation, "vcgencmd get_throttled": 0 to 3 now, 16 to 19 since it was switched on.
    """
    text = _read(THROTTLED) or _said(["vcgencmd", "get_throttled"])
    try:
        bits = int((text or "").rpartition("=")[2], 16)
    except ValueError:
        return None
    return {
        "now": [what for bit, what in FLAGS.items() if bits >> bit & 1],
        "since_boot": [what for bit, what in FLAGS.items() if bits >> (bit + 16) & 1],
    }


def slowed(flags: dict[str, Any] | None) -> str:
    """Return a sentence about what slows this processor, with what to do; empty when nothing does, or none can tell."""
    if not flags or not (flags["now"] or flags["since_boot"]):
        return ""
    heard = [f"{' and '.join(flags[when])} {words}" for when, words in (("now", "now"), ("since_boot", "since boot"))
             if flags[when]]  # fmt: skip
    advice = dict.fromkeys(REMEDIES[what] for what in (*flags["now"], *flags["since_boot"]))
    return f"{', '.join(heard)}: the figures are of a slowed processor; {', '.join(advice)}, and measure again"


def peak_memory() -> int | None:
    """Return the largest resident memory that this process has had, in bytes.

    From VmHWM: ru_maxrss counts the parent's memory too, in a process that was just started by it.
    """
    for line in (_read("/proc/self/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return None


def _onnxruntime() -> Any:
    """Return the module; None for a bundle without its models, where it need not be installed."""
    try:
        return importlib.import_module("onnxruntime")
    except ImportError:
        return None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _said(command: list[str]) -> str | None:
    """Return what a command prints; None where there is none, or it fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _model() -> str:
    board = _read("/proc/device-tree/model")
    if board:
        return board.rstrip("\0")
    for line in (_read("/proc/cpuinfo") or "").splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model"):
            return value.strip()
    return platform.processor() or platform.machine()


def _system() -> str:
    for line in (_read("/etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()


def _read(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
