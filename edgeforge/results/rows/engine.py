"""What the engine's compiler made: the schema of compiled.json, and of `edgeforge compile --json`."""

from __future__ import annotations

from pydantic import BaseModel

from edgeforge.results.rows.row import Row
from edgeforge.results.rows.time import figure


class CompiledLayer(BaseModel):
    """One layer of the C library. constants_bytes: weights and requantization, as the kernel reads them."""

    label: str
    kernel: str
    output_shape: list[int]
    constants_bytes: int
    scratch_bytes: int = 0


class Trade(BaseModel):
    """Bytes of RAM (arena, input and output in it) and instructions an inference, beside those compiled for speed.

    emulated: whether instructions were counted by the emulator; else they are an estimate.
    """

    bytes_for_speed: int
    bytes: int
    instructions_for_speed: int
    instructions: int
    emulated: bool

    @property
    def sentence(self) -> str:
        """Say it."""
        saved, more = self.bytes_for_speed - self.bytes, self.instructions - self.instructions_for_speed
        basis = "counted by the emulator" if self.emulated else "an estimate"
        if not saved and not more:
            return (
                f"as for speed, {self.bytes:,} bytes: nothing saves a larger share of bytes than it costs of "
                "instructions (--max-ram goes further)"
            )
        share = more / max(self.instructions_for_speed, 1)
        return (
            f"{saved:,} bytes less than for speed ({self.bytes:,}, not {self.bytes_for_speed:,}) for {more:,} "
            f"instructions more an inference ({share:+.1%}; {basis})"
        )


class CompiledRow(BaseModel):
    """A C library. Sizes in bytes; input and output are the caller's.

    arena_greedy_bytes: what it took before smaller plans were searched.
    arena_least_bytes: below which no plan of these layers can go: the most that is needed at one time.
    trade: what was given for RAM, where it was wished or had to be.
    """

    name: str
    core: str
    optimize: str
    rounding: str
    c_name: str  # what its functions begin with
    arguments: str = "in, out"  # of its functions, inputs before outputs
    arena_bytes: int
    arena_greedy_bytes: int
    arena_least_bytes: int
    shared_bytes: int  # arena, input and output where they share memory
    input_bytes: int
    output_bytes: int
    constants_bytes: int
    layers: list[CompiledLayer]
    folded: list[str] = []
    trade: Trade | None = None

    @property
    def ram_bytes(self) -> int:
        """Arena, inputs and outputs together."""
        return self.arena_bytes + self.input_bytes + self.output_bytes


class EmulatedLayer(BaseModel):
    """What one layer took in the first inference."""

    label: str
    kernel: str
    instructions: int


class FeaturesOnCore(BaseModel):
    """Features of one second of sound on an emulated core, the desk's bytes; flash and RAM that hearing takes, bytes.

    state_bytes: of a stream, on that core. rows_bytes: of the newest frames. ring_bytes: of a microphone's samples.
    """

    instructions: int
    flash_bytes: int
    state_bytes: int
    rows_bytes: int
    ring_bytes: int
    stack_bytes: int

    @property
    def ram_bytes(self) -> int:
        """All three."""
        return self.state_bytes + self.rows_bytes + self.ring_bytes


class EmulatedRow(BaseModel):
    """The C library on an emulated core: proven byte by byte, counted, and measured by section (bytes).

    differing: output bytes that are not TFLM's (LiteRT's, where it is compiled for its rounding), of all `outputs`.
    litert_steps: the largest difference from LiteRT's reference kernels, in steps of the output; None: they refuse it.
    stack_bytes: the deepest that the stack went, measured on painted memory.
    """

    core: str
    machine: str  # of QEMU
    images: int
    of: int
    outputs: int
    differing: int
    litert_steps: int | None = None
    instructions: int
    layers: list[EmulatedLayer]
    stack_bytes: int
    text_bytes: int
    weights_bytes: int
    arena_bytes: int
    ends_bytes: int  # inputs and outputs
    shared_bytes: int  # all three where they share memory, as in the sketch
    features: FeaturesOnCore | None = None  # of a network of sound

    @property
    def flash_bytes(self) -> int:
        """The library, start-up code included."""
        return self.text_bytes + self.weights_bytes

    @property
    def ram_bytes(self) -> int:
        """Arena, inputs and outputs, which share memory, and the stack."""
        return self.shared_bytes + self.stack_bytes


class EngineBoard(BaseModel):
    """Whether a board has the memory for the C library; milliseconds: an estimate, low and high its bounds."""

    board: str
    title: str
    fits: bool | None  # None: nothing here builds for its core
    reason: str = ""
    flash_bytes: int | None = None  # library and Arduino core
    flash_limit_bytes: int
    ram_bytes: int | None = None
    ram_limit_bytes: int
    milliseconds: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def sentence(self) -> str:
        """Say it, Arduino core included."""
        if self.fits is None or self.flash_bytes is None or self.ram_bytes is None:
            return f"{self.title}: {self.reason}."
        words = "it fits" if self.fits else "it does not fit"
        time = ""
        if self.milliseconds is not None and self.low is not None and self.high is not None:
            time = (f"; about {figure(self.milliseconds)} ms an inference ({figure(self.low)} to {figure(self.high)}), "
                    "an estimate, not measured")  # fmt: skip
        return (f"{self.title}: {words}, {self.flash_bytes:,} of {self.flash_limit_bytes:,} bytes of flash, "
                f"{self.ram_bytes:,} of {self.ram_limit_bytes:,} of RAM{time}.")  # fmt: skip


class EngineRow(Row):
    """The engine's part of a report: the core it is compiled for first, then those of the targets."""

    source: str  # the variant that it was compiled from
    runs: list[EmulatedRow] = []
    boards: list[EngineBoard] = []
    trade: Trade | None = None  # of the first core
    reason: str = ""  # why nothing was emulated
