"""What is said of a microcontroller board, in `boards.toml` or in a recipe."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kernels = Literal["cmsis-nn", "reference"]

# Processors with Arm's DSP instructions, where CMSIS-NN's kernels ask for more scratch memory.
DSP_CORES = ("cortex-m4", "cortex-m4f", "cortex-m7", "cortex-m33")


class Board(BaseModel):
    """A microcontroller board. Sizes in bytes: what the linker gives the whole program, the Arduino core included."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    fqbn: str = ""  # fully qualified board name, as arduino-cli takes it
    core: str  # cortex-m0plus, cortex-m4f, cortex-m7, cortex-m33, xtensa-lx7, …
    clock_mhz: int = Field(gt=0)
    flash_bytes: int = Field(gt=0)
    ram_bytes: int = Field(gt=0)
    core_flash_bytes: int = Field(ge=0)  # of flash_bytes: the core's own code
    core_ram_bytes: int = Field(ge=0)  # of ram_bytes: the core's variables, stack, and heap reserve
    kernels: Kernels = "cmsis-nn"  # those that the TFLM library has for this core
    source: str  # the datasheet or core file that the figures are from
    core_source: str = ""  # what the core's share is from

    @property
    def dsp(self) -> bool:
        """Whether the processor has Arm's DSP instructions."""
        return self.core in DSP_CORES
