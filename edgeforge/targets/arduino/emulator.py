"""Firmware without a board: C++ sources compiled for this host or for a Cortex-M4, and run, the latter in QEMU.

The Cortex-M4 is that of QEMU's machine mps2-an386; its start-up code and linker script lie in firmware/emulator. A
program there has the host's files by semihosting: it reads `input.bin` in its working directory as its serial line.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgeforge.bundled import bundled
from edgeforge.errors import MissingDependency
from edgeforge.foreign.tools import run_tool

# Debian's names of what provides the programs below.
INSTALL = "apt-get install g++ gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm"
SOURCES = (".c", ".cc", ".cpp")
CORTEX_M4 = ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
# An instruction is a nanosecond: times are the same in every run, and are counts of instructions.
QEMU = ("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none",
        "-icount", "shift=0", "-semihosting-config", "enable=on,target=native")  # fmt: skip


@dataclass(frozen=True)
class Toolchain:
    """A compiler and how its programs run here."""

    name: str
    prefix: str  # of the compiler's programs
    flags: tuple[str, ...]
    linking: tuple[str, ...]
    runner: tuple[str, ...]  # before the program's path

    def missing(self) -> str:
        """Return why it cannot be used here; empty when it can."""
        programs = (f"{self.prefix}g++", f"{self.prefix}ar", *self.runner[:1])
        absent = [program for program in programs if shutil.which(program) is None]
        return f"{', '.join(absent)} is not installed" if absent else ""

    def compile(self, sources: Iterable[Path], folder: Path, *flags: str) -> list[Path]:
        """Compile C and C++ sources into `folder`, where an object is kept from an earlier call; return the objects.

        Raises StageFailed where the compiler fails, MissingDependency without a compiler.
        """
        if reason := self.missing():
            raise MissingDependency(reason, fix=INSTALL)
        folder.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(lambda source: self._object(source, folder, flags), sources))

    def _object(self, source: Path, folder: Path, flags: tuple[str, ...]) -> Path:
        result = folder / ("__".join(source.parts[-4:]) + ".o")
        if result.exists():
            return result
        language = ("gcc",) if source.suffix == ".c" else ("g++", "-std=gnu++17", "-fno-exceptions", "-fno-rtti",
                                                           "-fno-threadsafe-statics")  # fmt: skip
        kind = ("-x", "c++") if source.suffix == ".ino" else ()
        command = [self.prefix + language[0], *language[1:], *self.flags, *flags, *kind, "-c", str(source)]
        run_tool([*command, "-o", str(result)])
        return result

    def link(self, objects: Iterable[Path], program: Path) -> Path:
        """Link objects into a program. Raises StageFailed where the linker fails."""
        ours: list[Path] = []
        if self.runner:
            startup = bundled("firmware/emulator") / "startup.c"
            ours = self.compile([startup], program.parent / f"startup-{self.name}")
        run_tool([f"{self.prefix}g++", *self.flags, *map(str, [*ours, *objects]), *self.linking, "-o", str(program)])
        return program

    def run(self, program: Path, serial: bytes = b"", timeout: float = 60) -> subprocess.CompletedProcess[bytes]:
        """Run a program in its own folder, `serial` arriving on its line; return its output and exit code."""
        (program.parent / "input.bin").write_bytes(serial)
        command = [*self.runner, str(program)]
        return subprocess.run(command, input=serial, capture_output=True, cwd=program.parent, timeout=timeout)


def _script() -> str:
    return str(bundled("firmware/emulator") / "mps2_an386.ld")


HOST = Toolchain("host", "", ("-O1",), (), ())
EMULATED = Toolchain(
    "cortex-m4",
    "arm-none-eabi-",
    ("-Os", *CORTEX_M4, "-ffunction-sections", "-fdata-sections"),
    ("-nostartfiles", "--specs=rdimon.specs", "-Wl,--gc-sections", f"-T{_script()}"),
    (*QEMU, "-kernel"),
)
