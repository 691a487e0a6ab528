"""The network: operators in the order in which they run, and what the passes decide of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from edgeforge.targets.engine.ir import Operator, Tensor
from edgeforge.targets.engine.kernel import Kernel
from edgeforge.targets.engine.options import Options


@dataclass(frozen=True)
class Place:
    """Where a tensor is while the network runs. base: arena, input, output or constant.

    offset: bytes from the arena's start; for the others which input, output or tensor it is.
    """

    base: str
    offset: int


@dataclass(frozen=True, eq=False)
class Network:
    """Operators in the order in which they run, and what the passes have decided.

    kernels: one an operator. shares: tensor → tensor in whose memory it lives (a reshape's output in its input's).
    places: of every tensor that is read or written. scratch: bytes from the arena's start, one an operator.
    greedy_bytes: what the arena took before smaller plans were searched.
    end_offsets, shared_bytes: where inputs and outputs may be in an arena of so many bytes, by their numbers.
    folded: what passes took out, for people, such as PAD 0 (pad) → CONV_2D 1.
    lessened: whether instructions were given for bytes to keep to `max_ram`.
    """

    name: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    options: Options
    kernels: tuple[Kernel[Any], ...] = ()
    shares: Mapping[int, int] = field(default_factory=dict)
    places: Mapping[int, Place] = field(default_factory=dict)
    scratch: tuple[int, ...] = ()
    arena_bytes: int = 0
    greedy_bytes: int = 0
    end_offsets: Mapping[int, int] = field(default_factory=dict)
    shared_bytes: int = 0
    folded: tuple[str, ...] = ()
    lessened: bool = False

    def home(self, tensor: Tensor) -> int:
        """Return the number of the tensor in whose memory one lives: its own where it shares with none."""
        number = tensor.number
        while number in self.shares:
            number = self.shares[number]
        return number

    def readers(self, tensor: Tensor) -> list[int]:
        """Return the operators that read a tensor."""
        return [n for n, operator in enumerate(self.operators) if tensor in operator.inputs]

    def writer(self, tensor: Tensor) -> int | None:
        """Return the operator that writes a tensor; None for an input or a constant."""
        return next((n for n, operator in enumerate(self.operators) if tensor in operator.outputs), None)

    @cached_property
    def tensors(self) -> dict[int, Tensor]:
        """All tensors that are read or written, by their numbers."""
        every = [*self.inputs, *self.outputs]
        for operator in self.operators:
            every += [*operator.inputs, *operator.outputs, *operator.state]
        return {tensor.number: tensor for tensor in every}

    @property
    def instructions(self) -> int:
        """An estimate of what an inference takes, from each kernel's pace."""
        return sum(kernel.instructions(one) for one, kernel in zip(self.operators, self.kernels, strict=True))
