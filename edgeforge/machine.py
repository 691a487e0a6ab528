"""What this computer is: the facts that latency figures and integer arithmetic depend on."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def cpu_flags() -> frozenset[str]:
    """Return the processor's feature flags as Linux names them; empty elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(value.split())
    return frozenset()


def has_vnni() -> bool:
    """Say whether the processor multiplies int8 into int32 without 16-bit sums that saturate."""
    return bool(cpu_flags() & {"avx512_vnni", "avx_vnni"})


def has_amx() -> bool:
    """Say whether the processor multiplies tiles of int8: some releases of runtimes compute wrongly with those."""
    return "amx_int8" in cpu_flags()


def machine_facts() -> dict[str, Any]:
    """Return the facts that stand in the report."""
    import psutil

    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "vnni": has_vnni(),
        "amx": has_amx(),
    }


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
