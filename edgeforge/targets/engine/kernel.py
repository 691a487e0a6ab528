"""A kernel: which C function runs an operator, and how its weights, scratch and parameters are made.

A kernel is one Python file with a subclass, one pair of C files (NAME.h, NAME.c) under firmware/engine/kernels, and a
test. The portable ones stand with their operators; a core's stand in kernels/CORE/ and are named in kernels/table.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from edgeforge.targets.engine.ir import Operator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from edgeforge.targets.engine.options import Optimize, Rounding

# C expressions, or parts of a struct's initializer: {"left": 1} is written {.left = 1}, a tuple {1, 2}.
type Field = int | float | str | tuple[Any, ...] | Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Array:
    """A constant of NAME_weights.c. type: of its elements in C, int8_t or a struct of engine.h or the kernel's header.

    values: integers (or floats), one a row's member where the type is a struct (elements, members). alignment: bytes.
    """

    type: str
    values: NDArray[Any]
    alignment: int = 0


@dataclass(frozen=True)
class Names:
    """C expressions of what a call passes on.

    layer: the parameter struct's name. inputs, outputs: pointers, typed. states: pointers. scratch: a void pointer,
    NULL where the kernel asked for none. arrays: of the kernel's own constants.
    """

    layer: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    states: tuple[str, ...]
    scratch: str
    arrays: Mapping[str, str]


class Kernel[Op: Operator](ABC):
    """One way to run one kind of operator.

    operator: the dataclass that it runs. function: in C. source: its files, such as conv_2d or dsp/conv_1x1. needs:
    further files that it calls. band_top: the member that has the rows of padding above an image, where the parameters
    with fewer rows are those of a band of it (chain.py). features: what the core must have. optimizes, roundings: what
    it may be chosen for. pace: about how many instructions it takes for a product, and for a value of the output.
    """

    operator: ClassVar[type[Operator]]
    function: ClassVar[str]
    source: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    band_top: ClassVar[str] = ""
    features: ClassVar[frozenset[str]] = frozenset()
    optimizes: ClassVar[tuple[Optimize, ...]] = ("speed", "size", "ram")
    roundings: ClassVar[tuple[Rounding, ...]] = ("double", "single")
    pace: ClassVar[tuple[float, float]] = (9.0, 30.0)

    @property
    def headers(self) -> tuple[str, ...]:
        """The files whose headers NAME.c includes."""
        return (self.source,)

    @property
    def sources(self) -> tuple[str, ...]:
        """All files that it calls."""
        return (self.source, *self.needs)

    def refusal(self, operator: Op) -> str:
        """Return why this kernel cannot run an operator; empty when it can."""
        return ""

    def arrays(self, operator: Op) -> dict[str, Array]:
        """Return the constants, packed as the C function reads them."""
        return {}

    def scratch(self, operator: Op) -> int:
        """Return how many bytes of the arena it needs while it runs."""
        return 0

    def band_scratch(self, operator: Op, rows: int) -> int:
        """Return the same for so many rows of the output."""
        return self.scratch(operator)

    def in_place(self, operator: Op) -> tuple[int, ...]:
        """Return the inputs in whose memory the output may be written, where it takes no more bytes."""
        return ()

    def lead(self, operator: Op) -> int | None:
        """Return how many bytes further than the output the first input must lie to be read before it is written over.

        None where its memory may not be the output's at all. Where the output begins later than that, bytes go lost.
        """
        return None

    def instructions(self, operator: Op) -> int:
        """Return about how many instructions it takes, as far as its pace tells."""
        return round(self.pace[0] * operator.products + self.pace[1] * operator.output.size)

    @abstractmethod
    def parameters(self, operator: Op, arrays: Mapping[str, str]) -> Mapping[str, Field]:
        """Return the members of the parameter struct, FUNCTION_layer; arrays: the C names of `arrays`."""

    def arguments(self, names: Names) -> tuple[str, ...]:
        """Return what the call passes on after the parameter struct: inputs, outputs, states, then scratch if any."""
        scratch = (names.scratch,) if names.scratch != "NULL" else ()
        return (*names.inputs, *names.outputs, *names.states, *scratch)

    def definition(self, operator: Op, names: Names) -> str:
        """Return the C definitions of one layer, for the top of NAME.c."""
        members = self.parameters(operator, names.arrays)
        lines = "".join(f"  .{member} = {c_value(value)},\n" for member, value in members.items())
        return f"static const {self.function}_layer {names.layer} = {{\n{lines}}};\n"

    def call(self, operator: Op, names: Names) -> str:
        """Return the C statement that runs one layer."""
        return f"{self.function}({', '.join((f'&{names.layer}', *self.arguments(names)))});"


def c_value(value: Any) -> str:
    """Return a value as C writes it in an initializer."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f".{name} = {c_value(one)}" for name, one in value.items()) + "}"
    if isinstance(value, tuple | list):
        return "{" + ", ".join(c_value(one) for one in value) + "}"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return f"{value.hex()}f"  # exact
    # The smallest integer is no literal in C: a minus stands before a number that int cannot hold.
    return "INT32_MIN" if value == -(2**31) else str(value)
