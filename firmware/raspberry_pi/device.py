"""What the device is and how it fares: facts that latencies depend on. What cannot be read is None."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import onnxruntime

from classifier import wanted_providers


def device_facts() -> dict[str, Any]:
    """Return what stands beside the figures measured here."""
    return {
        "model": _model(),
        "machine": platform.machine(),
        "cores": cores(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": _system(),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "providers": wanted_providers(onnxruntime.get_available_providers()),
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


def peak_memory() -> int | None:
    """Return the largest resident memory that this process has had, in bytes.

    From VmHWM: ru_maxrss counts the parent's memory too, in a process that was just started by it.
    """
    for line in (_read("/proc/self/status") or "").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
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
