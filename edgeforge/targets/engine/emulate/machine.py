"""QEMU's machines with Cortex-M cores: where their memory is, and how fast their clock counts."""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from edgeforge.errors import MissingDependency
from edgeforge.targets.engine.options import Core

INSTALL = "apt-get install gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm"
COMPILER, EMULATOR = "arm-none-eabi-gcc", "qemu-system-arm"
NANOSECONDS = 1_000_000_000
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Machine:
    """A machine of QEMU. vectors: where they are. flash, ram: (origin, bytes). clock: of SysTick, in Hz."""

    name: str
    vectors: int
    flash: tuple[int, int]
    ram: tuple[int, int]
    clock: int

    @property
    def instructions_per_tick(self) -> float:
        """How many instructions a tick stands for: QEMU lets each take a nanosecond (-icount shift=0)."""
        return NANOSECONDS / self.clock

    @property
    def command(self) -> tuple[str, ...]:
        """The emulator's command line before the program's path."""
        return (EMULATOR, "-M", self.name, "-nographic", "-monitor", "none", "-serial", "none", "-icount", "shift=0",
                "-semihosting-config", "enable=on,target=native", "-kernel")  # fmt: skip

    @property
    def linking(self) -> tuple[str, ...]:
        """The linker's flags that place a program in its memory."""
        places = {"VECTORS_ORIGIN": self.vectors, "FLASH_ORIGIN": self.flash[0], "FLASH_LENGTH": self.flash[1],
                  "RAM_ORIGIN": self.ram[0], "RAM_LENGTH": self.ram[1]}  # fmt: skip
        return tuple(f"-Wl,--defsym={name}={value}" for name, value in places.items())


VECTORS = 64  # bytes; flash begins behind them where both are one memory


def _memory(origin: int, size: int) -> tuple[int, tuple[int, int]]:
    """Return where vectors and flash are in one memory."""
    return origin, (origin + VECTORS, size - VECTORS)


_MPS2 = (*_memory(0, 4 * MEBIBYTE), (0x20000000, 4 * MEBIBYTE), 25_000_000)

# QEMU has no Cortex-M0+ but the micro:bit's M0, which runs the same instructions (ARMv6-M) and has 16 KB of memory;
# where that is too little, an M3 runs them.
MACHINES = {
    "cortex-m0plus": (
        Machine("microbit", *_memory(0, MEBIBYTE // 4), (0x20000000, MEBIBYTE // 64), 16_000_000),
        Machine("mps2-an385", *_MPS2),
    ),
    "cortex-m3": (Machine("mps2-an385", *_MPS2),),
    "cortex-m4": (Machine("mps2-an386", *_MPS2),),
    "cortex-m7": (Machine("mps2-an500", *_MPS2),),
    "cortex-m33": (Machine("mps2-an505", *_memory(0x10000000, 4 * MEBIBYTE), (0x38000000, 2 * MEBIBYTE), 20_000_000),),
    "cortex-m55": (Machine("mps3-an547", 0, (0x01000000, 2 * MEBIBYTE), (0x21000000, 2 * MEBIBYTE), 32_000_000),),
}


def missing() -> str:
    """Return why nothing can be emulated here; empty when it can."""
    absent = [program for program in (COMPILER, EMULATOR) if shutil.which(program) is None]
    return f"{', '.join(absent)} is not installed" if absent else ""


def machine_of(core: Core, flash: int, ram: int) -> Machine:
    """Return the machine that runs a core's programs: the first with so many bytes, else the last.

    Raises MissingDependency without compiler or emulator.
    """
    if reason := missing():
        raise MissingDependency(reason, fix=INSTALL)
    machines = MACHINES[core.name]
    return next((one for one in machines if flash <= one.flash[1] and ram <= one.ram[1]), machines[-1])
