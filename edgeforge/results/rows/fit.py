"""The report's data about one model on one board: the arena over time, flash, and the verdict."""

from __future__ import annotations

from typing import Literal

from edgeforge.results.rows.row import Row


class Refusal(Row):
    """A layer that the TFLM library of the board lacks, or would compute wrongly."""

    layer: str  # operator, its place and the name of its output: CONV_2D 3 (features.6)
    operator: str
    reason: str
    fix: str = ""


class ArenaBuffer(Row):
    """A tensor or scratch buffer in the planned head of the arena."""

    name: str
    kind: Literal["tensor", "scratch"]
    bytes: int  # rounded up to the arena's alignment, 16
    offset: int
    first: int  # step in which it is written: 0 is the input, n the n-th operator
    last: int  # step in which it is read last


class ArenaRow(Row):
    """The tensor arena on the board, predicted."""

    used_bytes: int  # what MicroInterpreter::arena_used_bytes() says after AllocateTensors()
    needed_bytes: int  # the smallest arena in which AllocateTensors() succeeds: planning needs room for itself
    head_bytes: int  # activations and scratch buffers, planned over time
    tail_bytes: int  # structures that live as long as the model
    tail: dict[str, int]  # what the tail is made of
    buffers: list[ArenaBuffer]
    steps: list[str]  # the layers in order; step n of a buffer is steps[n - 1]
    live_bytes: list[int]  # live in each step, input first
    peak_step: int
    estimated: list[str] = []  # operators whose structures were not measured: their share is an upper guess


class FlashRow(Row):
    """The flash of the whole program, in bytes."""

    model_bytes: int
    kernels_bytes: int  # of the operators that the model has
    runtime_bytes: int  # TFLM without any operator, and the sketch
    core_bytes: int
    estimated: list[str] = []  # operators whose code size was not measured

    @property
    def total(self) -> int:
        """All of them."""
        return self.model_bytes + self.kernels_bytes + self.runtime_bytes + self.core_bytes


class FitRow(Row):
    """One model on one board. `fits` is true when RAM and flash suffice and no layer is refused."""

    board: str  # its key
    title: str
    kernels: str
    library: str  # the TFLM library whose structures were counted
    fits: bool
    verdict: str  # one sentence
    arena: ArenaRow
    arena_reserved_bytes: int  # what the sketch reserves: predicted, and a margin
    flash: FlashRow
    flash_bytes: int
    flash_limit_bytes: int
    ram_bytes: int  # arena reserved, the runtime's own variables, the core's share
    ram_limit_bytes: int
    refusals: list[Refusal] = []
    advice: list[str] = []  # what to change, when it does not fit
    operators: list[str] = []
    caveats: list[str] = []  # of a board that the library is not made for

    @property
    def flash_headroom(self) -> int:
        """Flash left, in bytes; negative: missing."""
        return self.flash_limit_bytes - self.flash_bytes

    @property
    def ram_headroom(self) -> int:
        """RAM left, in bytes; negative: missing."""
        return self.ram_limit_bytes - self.ram_bytes
