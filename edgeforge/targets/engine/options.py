"""What a network is compiled for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from edgeforge.errors import RecipeError
from edgeforge.hardware.board import Board

Optimize = Literal["speed", "size", "ram"]
Rounding = Literal["double", "single"]


@dataclass(frozen=True)
class Core:
    """A processor core.

    name: as gcc's -mcpu has it. features: what kernels may ask for: dsp (SMLAD and its kin), helium (the M-profile
    vector extension). alignment: bytes, of every tensor in the arena. flags: of arm-none-eabi-gcc.
    """

    name: str
    features: frozenset[str] = frozenset()
    alignment: int = 4
    flags: tuple[str, ...] = ()


def _arm(name: str, *features: str, alignment: int = 4, flags: tuple[str, ...] = ()) -> Core:
    return Core(name, frozenset(features), alignment, (f"-mcpu={name}", "-mthumb", *flags))


PORTABLE = Core("portable")
CORES = {
    core.name: core
    for core in (
        PORTABLE,
        _arm("cortex-m0plus"),
        _arm("cortex-m3"),
        _arm("cortex-m4", "dsp", flags=("-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")),
        _arm("cortex-m7", "dsp", flags=("-mfpu=fpv5-sp-d16", "-mfloat-abi=hard")),
        _arm("cortex-m33", "dsp", flags=("-mfpu=fpv5-sp-d16", "-mfloat-abi=hard")),
        _arm("cortex-m55", "dsp", "helium", alignment=8, flags=("-mfloat-abi=hard",)),
    )
}


def core_named(name: str) -> Core:
    """Return the core called `name`; m4 is short for cortex-m4. Raises RecipeError."""
    for full in (name, f"cortex-{name}"):
        if full in CORES:
            return CORES[full]
    raise RecipeError(f"there is no core '{name}'", fix=f"choose one of {', '.join(CORES)}")


def core_of(board: Board) -> Core:
    """Return the core that a network is compiled for on a board: portable C where it is none of CORES."""
    return CORES.get(board.core.removesuffix("f"), PORTABLE)


@dataclass(frozen=True)
class Options:
    """What a network is compiled for.

    optimize: what kernels are chosen by. rounding: double is TFLM's, single LiteRT's (requantization, see engine.h).
    max_ram: bytes that arena, inputs and outputs may take together, None for any.
    """

    core: Core = PORTABLE
    optimize: Optimize = "speed"
    rounding: Rounding = "double"
    max_ram: int | None = None
