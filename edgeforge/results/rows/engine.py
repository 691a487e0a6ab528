"""What the engine's compiler made: the schema of compiled.json, and of `edgeforge compile --json`."""

from __future__ import annotations

from pydantic import BaseModel


class CompiledLayer(BaseModel):
    """One layer of the C library. constants_bytes: weights and requantization, as the kernel reads them."""

    label: str
    kernel: str
    output_shape: list[int]
    constants_bytes: int
    scratch_bytes: int = 0


class CompiledRow(BaseModel):
    """A C library. Sizes in bytes; input and output are the caller's.

    arena_least_bytes: below which no plan of these layers can go: the most that is needed at one time.
    """

    name: str
    core: str
    optimize: str
    rounding: str
    arena_bytes: int
    arena_least_bytes: int
    input_bytes: int
    output_bytes: int
    constants_bytes: int
    layers: list[CompiledLayer]
    folded: list[str] = []

    @property
    def ram_bytes(self) -> int:
        """Arena, inputs and outputs together."""
        return self.arena_bytes + self.input_bytes + self.output_bytes
