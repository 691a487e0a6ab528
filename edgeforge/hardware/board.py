"""What is said of a microcontroller board, in `boards.toml` or in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

# What is known by a core's name: its kernels' scratch memory, its code's size, its cycles. f: with floating point unit.
Core = Literal[
    "cortex-m0", "cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m4f", "cortex-m7", "cortex-m23", "cortex-m33",
    "cortex-m55", "cortex-m85", "xtensa-lx6", "xtensa-lx7", "riscv32imc", "riscv32imac", "riscv32imafc",
]  # fmt: skip
Kernels = Literal["cmsis-nn", "esp-nn", "reference"]

# Processors with Arm's DSP instructions, where CMSIS-NN's kernels ask for more scratch memory.
DSP_CORES = ("cortex-m4", "cortex-m4f", "cortex-m7", "cortex-m33")


class Board(BaseModel):
    """A microcontroller board. Sizes in bytes: what the linker gives the whole program, the Arduino core included."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    title: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]+$")  # one line
    # Fully qualified board name, as arduino-cli takes it.
    fqbn: str = Field("", pattern=r"^$|^[\w.-]+:[\w.-]+:[\w.-]+(:[\w.,=-]+)?$")
    core: Core
    clock_mhz: int = Field(strict=True, gt=0, le=100_000)
    flash_bytes: int = Field(strict=True, gt=0, lt=2**32)
    ram_bytes: int = Field(strict=True, gt=0, lt=2**32)
    core_flash_bytes: int = Field(strict=True, ge=0, lt=2**32)  # of flash_bytes: the core's own code
    core_ram_bytes: int = Field(
        strict=True, ge=0, lt=2**32
    )  # of ram_bytes: the core's variables, stack, and heap reserve
    kernels: Kernels | None = None  # of a TFLM built otherwise than its library says (libraries.toml)
    source: str  # the datasheet or core file that the figures are from
    core_source: str = ""  # what the core's share is from
    light: str = Field("", pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")  # what LED_BUILTIN is
    light_source: str = ""

    @model_validator(mode="after")
    def _core_fits(self) -> Board:
        for what, core, whole in (
            ("core_flash_bytes", self.core_flash_bytes, self.flash_bytes),
            ("core_ram_bytes", self.core_ram_bytes, self.ram_bytes),
        ):
            if core >= whole:
                raise ValueError(f"{what} is {core:,}, and the board has {whole:,} in all: give less")
        return self

    @property
    def architecture(self) -> str:
        """The part of its Arduino name that says the core, such as mbed_nano; empty for a board without one."""
        return self.fqbn.partition(":")[2].partition(":")[0]
