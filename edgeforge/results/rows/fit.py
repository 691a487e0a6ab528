"""The report's data about one model on one board: the arena over time, flash, and a verdict of two parts.

Memory and library are two questions: a model may fit with room to spare, and the library refuse a layer of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from edgeforge.results.rows.row import Row
from edgeforge.results.rows.time import TimeRow


class Refusal(Row):
    """A layer that the TFLM library refuses, or would compute wrongly without a word."""

    layer: str  # operator, its place and the name of its output: CONV_2D 3 (features.6)
    operator: str
    kind: Literal["refused", "wrong"] = "refused"
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
    plan: Literal["greedy", "offline"] = "greedy"  # TFLM's own, or the one in the model's OfflineMemoryAllocation
    greedy_head_bytes: int | None = None  # of an offline plan: what TFLM's own would have taken
    estimated: list[str] = []  # operators whose structures were not measured: their share is an upper guess


class FlashRow(Row):
    """The flash of the whole program, in bytes."""

    model_bytes: int
    kernels_bytes: int  # of the operators that the model has
    runtime_bytes: int  # TFLM without any operator, and the C library
    vectors_bytes: int  # test vectors of the self-test
    tables_bytes: int  # what raw inputs become, what outputs mean
    sketch_bytes: int  # the rest of the sketch: classifier, self-test, protocol, the .ino
    core_bytes: int
    vectors: int  # how many test vectors
    vectors_left_out: int = 0  # for want of flash
    measured: str = ""  # what compiled the sketch's sources; empty: estimated
    estimated: list[str] = []  # operators whose code size was not measured

    @property
    def total(self) -> int:
        """All of them."""
        return sum(size for _, size in self.parts)

    @property
    def parts(self) -> list[tuple[str, int]]:
        """What the sum is made of, in the order in which it is shown."""
        return [
            ("model", self.model_bytes),
            ("kernels", self.kernels_bytes),
            ("runtime", self.runtime_bytes),
            ("test vectors", self.vectors_bytes),
            ("tables", self.tables_bytes),
            ("sketch", self.sketch_bytes),
            ("core", self.core_bytes),
        ]


class MemoryVerdict(Row):
    """Whether a model's RAM and flash suffice on a board; bytes."""

    fits: bool
    verdict: str  # one sentence
    ram_bytes: int  # arena reserved, variables of the runtime and the sketch, the core's share
    ram_limit_bytes: int
    ram_left_bytes: int  # negative: missing
    flash_bytes: int
    flash_limit_bytes: int
    flash_left_bytes: int


class LibraryVerdict(Row):
    """Whether the TFLM library of the sketch takes every layer and computes it rightly."""

    key: str  # in libraries.toml
    title: str
    kernels: str  # those that it has on this board
    takes_it: bool
    verdict: str  # one sentence
    refusals: list[Refusal] = []
    caveats: list[str] = []  # of a board that it is not made for


class FitRow(Row):
    """One model on one board: two verdicts, and what they are made of."""

    board: str  # its key
    title: str
    memory: MemoryVerdict
    library: LibraryVerdict
    structures: str  # the TFLM whose structures and code sizes were counted: the library, or the one it is like
    arena: ArenaRow
    arena_reserved_bytes: int  # what the sketch reserves: predicted, and a margin
    variables: dict[str, int] = {}  # RAM that not every model needs, by name, bytes
    flash: FlashRow
    time: TimeRow | None = None  # of an inference, estimated
    pace: str = ""  # what is wrong where that is longer than a sensor's samples leave
    packed: MemoryVerdict | None = None  # of the model as `pack` writes it, where that takes less
    advice: list[str] = []  # what to change, where a verdict is no
    operators: list[str] = []
    changes: list[str] = []  # what `edgeforge pack` changes in the file, which is judged as changed

    @property
    def deployable(self) -> bool:
        """Whether both verdicts are yes."""
        return self.memory.fits and self.library.takes_it

    @property
    def verdict(self) -> str:
        """Both sentences; the library's only where it has something against the model."""
        return self.memory.verdict if self.library.takes_it else f"{self.memory.verdict}; {self.library.verdict}"


def caveats_of(rows: Iterable[FitRow]) -> list[str]:
    """Return what to know before building for some boards, each sentence once, after the boards that it is said of."""
    boards: dict[str, list[str]] = {}
    for row in rows:
        for text in row.library.caveats:
            boards.setdefault(text, []).append(row.title)
    return [f"{', '.join(titles)}: {text}" for text, titles in boards.items()]
