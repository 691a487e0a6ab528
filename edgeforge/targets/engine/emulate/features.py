"""Features of sound on an emulated core: their rows, and what they take of instructions, flash, RAM and stack."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.bundled import bundled
from edgeforge.errors import StageFailed
from edgeforge.features.compiled import write_sources
from edgeforge.features.settings import FeatureSettings
from edgeforge.targets.engine.emulate.machine import COMPILER, machine_of
from edgeforge.targets.engine.options import Core

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLAGS = ("-std=c11", "-O2", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Wconversion", "-Werror")
PROGRAM = ("heard", "startup", "leave")  # of firmware/emulator/bare
PATIENCE = 120  # seconds
CODE, RAM = 32_000, 16_000  # bytes that the program is thought to need when its machine is chosen


@dataclass(frozen=True, eq=False)
class HeardOnCore:
    """rows: frames,values. instructions: of all frames together. state, stack: bytes of RAM. flash: code and tables."""

    rows: NDArray[np.uint8]
    instructions: int
    state: int
    stack: int
    flash: int


def hear_on_core(settings: FeatureSettings, samples: NDArray[np.int16], core: Core) -> HeardOnCore:
    """Return what features of samples are on an emulated core.

    Raises MissingDependency without compiler or emulator, StageFailed when the program faults.
    """
    import numpy as np

    machine = machine_of(core, CODE, RAM)
    bare = bundled("firmware/emulator") / "bare"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        features = write_sources(settings, folder)
        objects = []
        for source in (*features, *(bare / f"{part}.c" for part in PROGRAM)):
            objects.append(folder / f"{source.stem}.o")
            _call(
                [COMPILER, *FLAGS, *core.flags, f"-I{folder}", f"-I{bare}", "-c", str(source), "-o", str(objects[-1])]
            )
        linking = (*machine.linking, "-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", f"-T{bare}/bare.ld")
        program = folder / "program.elf"
        _call([COMPILER, *core.flags, *map(str, objects), *linking, "-o", str(program)])
        (folder / "input.bin").write_bytes(samples.astype("<i2").tobytes())
        _call([*machine.command, str(program)], folder)
        written = (folder / "output.bin").read_bytes()
        ticks, stack, state = np.frombuffer(written[-12:], "<u4").tolist()
        rows = np.frombuffer(written[:-12], np.uint8).reshape(-1, settings.values)
        return HeardOnCore(rows, round(ticks * machine.instructions_per_tick), state, stack, _flash(objects))


def _flash(objects: list[Path]) -> int:
    """Return the bytes of the features' code and tables, without the program around them."""
    own = [str(path) for path in objects if path.stem not in (*PROGRAM, "detector")]
    found = subprocess.run(["arm-none-eabi-size", *own], capture_output=True, text=True, check=True)
    return sum(sum(map(int, line.split()[:2])) for line in found.stdout.splitlines()[1:])


def _call(command: list[str], folder: Path | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as error:
        raise StageFailed(f"{command[0]} takes more than {PATIENCE} seconds", fix="run fewer samples") from error
    if done.returncode:
        raise StageFailed(f"{command[0]} ends with {done.returncode}: {done.stderr[-4000:]}", fix="see its message")
