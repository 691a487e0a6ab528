"""A network on an emulated core: outputs, instructions of each layer, and what it takes of flash, RAM and stack."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.bundled import bundled
from edgeforge.errors import StageFailed
from edgeforge.foreign.tools import run_tool
from edgeforge.targets.engine.emit.expressions import argument, identifier
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.emulate.machine import COMPILER, Machine, machine_of
from edgeforge.targets.engine.ir import C_TYPES
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.summary import summary

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPEED, SIZE = "-O2", "-Os"
PATIENCE = 60  # seconds an inference
CODE, STACK = 24_000, 3_000  # bytes that a program is thought to need when its machine is chosen
FLAGS = ("-std=c11", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Wconversion", "-Werror")


@dataclass(frozen=True)
class Sizes:
    """Bytes of a program that has the network and start-up code alone.

    text: code and small constants. weights: the network's. arena, ends: RAM where inputs and outputs (ends) have memory
    of their own. ram: where they are in the arena.
    """

    text: int
    weights: int
    arena: int
    ends: int
    ram: int

    @property
    def flash(self) -> int:
        """All that is in flash."""
        return self.text + self.weights


@dataclass(frozen=True, eq=False)
class Run:
    """Outputs: each N,size. instructions: of each layer, and of all together, in the first inference. stack: bytes."""

    outputs: Sequence[NDArray[np.generic]]
    instructions: tuple[int, ...]
    total: int
    stack: int


@dataclass(frozen=True)
class Program:
    """A network's library compiled for its core, in a folder."""

    network: Network
    folder: Path
    machine: Machine
    optimization: str = SPEED

    @property
    def flags(self) -> tuple[str, ...]:
        """The compiler's."""
        return (*FLAGS, self.optimization, *self.network.options.core.flags, f"-I{self.folder}")

    def run(self, inputs: Sequence[NDArray[np.generic]]) -> Run:
        """Run it on inputs N,… (of each of the network's inputs). Raises StageFailed when it faults, or has no end."""
        import numpy as np

        images = zip(*inputs, strict=True)
        (self.folder / "input.bin").write_bytes(b"".join(part.tobytes() for image in images for part in image))
        program = self._link("measured", "-include", str(bundled("firmware/emulator") / "bare" / "after_layer.h"))
        command = [*self.machine.command, str(program)]
        seconds = PATIENCE * (1 + len(inputs[0]))
        try:
            done = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise StageFailed(
                f"{self.network.name} on {self.machine.name} takes more than {seconds} seconds",
                fix="run fewer inputs (--images), or when this desk has less to do",
            ) from error
        if done.returncode:
            raise StageFailed(
                f"{self.network.name} on {self.machine.name} ends with {done.returncode}",
                fix="99 is a fault of the processor: run the library on this desk under a sanitizer",
            )
        layers = len(self.network.operators)
        fields = [(f"out{n}", tensor.kind, tensor.size) for n, tensor in enumerate(self.network.outputs)]
        fields.append(("ticks", "<u4", layers + 1))
        written = (self.folder / "output.bin").read_bytes()
        rows = np.frombuffer(written[:-4], np.dtype(fields))
        if len(rows) != len(inputs[0]):
            raise StageFailed(
                f"{self.network.name} wrote {len(rows)} outputs of {len(inputs[0])} inputs", fix="report it"
            )
        counts = [round(int(ticks) * self.machine.instructions_per_tick) for ticks in rows["ticks"][0]]
        outputs = [rows[name].reshape(len(rows), -1) for name, _, _ in fields[:-1]]
        return Run(outputs, tuple(counts[:-1]), counts[-1], int(np.frombuffer(written[-4:], "<u4")[0]))

    def sizes(self) -> Sizes:
        """Return what a program takes that does nothing else."""
        program = self._link("alone")
        found = run_tool(["arm-none-eabi-size", "-A", program])
        sections = {line.split()[0]: int(line.split()[1]) for line in found.splitlines() if line[:1] == "."}
        ends = sum(tensor.bytes for tensor in (*self.network.inputs, *self.network.outputs))
        kept = (".vectors", ".text", ".data", ".ARM.exidx")
        text = sum(sections.get(name, 0) for name in kept)
        return Sizes(text, sections.get(".weights", 0), self.network.arena_bytes, ends, self.network.shared_bytes)

    def _link(self, which: str, *hook: str) -> Path:
        bare = bundled("firmware/emulator") / "bare"
        name = identifier(self.network.name)
        main = self.folder / f"{which}.c"
        main.write_text(_main(self.network, which))
        library = [self.folder / f"{name}.c", *sorted((self.folder / "kernels").rglob("*.c"))]
        support = [main, bare / "startup.c", *([bare / "leave.c"] if which == "measured" else [])]
        folder = self.folder / f"{which}{self.optimization}"
        folder.mkdir(exist_ok=True)
        # Weights are an object of their own, which the linker's script knows by its name.
        compiled = [folder / f"{name}_weights.o"]
        run_tool([COMPILER, *self.flags, "-c", self.folder / f"{name}_weights.c", "-o", compiled[0]])
        for source in (*library, *support):
            compiled.append(folder / f"{source.parent.name}__{source.stem}.o")
            given = hook if source in library else (f"-I{bare}",)
            run_tool([COMPILER, *self.flags, *given, "-c", source, "-o", compiled[-1]])
        program = folder / "program.elf"
        linking = (
            *self.machine.linking,
            "-nostartfiles",
            "--specs=nano.specs",
            "-Wl,--gc-sections",
            f"-T{bare}/bare.ld",
        )
        run_tool([COMPILER, *self.flags, *compiled, *linking, "-o", program])
        return program


def build(network: Network, folder: Path, optimization: str = SPEED) -> Program:
    """Write a network's library into a folder, for its core's machine. Raises MissingDependency without the tools."""
    write_library(network, folder)
    flash, ram = summary(network).constants_bytes + CODE, network.shared_bytes + STACK
    machine = machine_of(network.options.core, flash, ram)
    return Program(network, folder, machine, optimization)


def _main(network: Network, which: str) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    name = identifier(network.name)
    ends = [("in", n, one) for n, one in enumerate(network.inputs)]
    ends += [("out", n, one) for n, one in enumerate(network.outputs)]
    facts = [
        {
            "name": f"{what}{n}",
            "type": C_TYPES[one.kind],
            "macro": f"{name}_{argument(network, what, n)}".upper(),
        }
        for what, n, one in ends
    ]
    loader = FileSystemLoader(bundled("firmware/emulator") / "bare")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.get_template(f"{which}.c.j2")
    return template.render(name=name, upper=name.upper(), ends=facts, layers=len(network.operators))
