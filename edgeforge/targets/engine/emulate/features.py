"""Features of sound on an emulated core: their rows, and what they take of instructions, flash, RAM and stack."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.bundled import bundled
from edgeforge.errors import ParityError
from edgeforge.features.compiled import Features, write_sources
from edgeforge.features.settings import FeatureSettings
from edgeforge.foreign.tools import run_tool
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.engine import FeaturesOnCore
from edgeforge.targets.engine.emulate.machine import COMPILER, machine_of
from edgeforge.targets.engine.options import Core
from edgeforge.targets.fit.flash import hearing_parts

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLAGS = ("-std=c11", "-O2", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Wconversion", "-Werror")
PROGRAM = ("heard", "startup", "leave")  # of firmware/emulator/bare
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
            run_tool(
                [COMPILER, *FLAGS, *core.flags, f"-I{folder}", f"-I{bare}", "-c", str(source), "-o", str(objects[-1])]
            )
        linking = (*machine.linking, "-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", f"-T{bare}/bare.ld")
        program = folder / "program.elf"
        run_tool([COMPILER, *core.flags, *map(str, objects), *linking, "-o", str(program)])
        (folder / "input.bin").write_bytes(samples.astype("<i2").tobytes())
        run_tool([*machine.command, str(program)], folder)
        written = (folder / "output.bin").read_bytes()
        ticks, stack, state = np.frombuffer(written[-12:], "<u4").tolist()
        rows = np.frombuffer(written[:-12], np.uint8).reshape(-1, settings.values)
        return HeardOnCore(rows, round(ticks * machine.instructions_per_tick), state, stack, _flash(objects))


def features_on_core(preprocessing: Preprocessing, core: Core) -> FeaturesOnCore | None:
    """Return what hearing takes on a core; None of a network of no sound. Raises ParityError unless the rows, of a
    second of noise, are the desk's.
    """
    import numpy as np

    sound = preprocessing.sound
    if sound is None:
        return None
    noise = np.random.default_rng(0).normal(0, 3000, max(sound.rate_hz, sound.window)).round()
    samples = np.clip(noise, -32_768, 32_767).astype(np.int16)
    heard = hear_on_core(sound, samples, core)
    differing = int((heard.rows != Features(sound).of_clip(samples)).sum())
    if differing:
        raise ParityError(
            f"{differing} of {heard.rows.size} features on an emulated {core.name} are not the desk's",
            fix="this is a fault of EdgeForge's own, or of a compiler: report it with both compilers' versions",
        )
    _, rows, ring = hearing_parts(sound, preprocessing.shape[1]).values()
    return FeaturesOnCore(
        instructions=heard.instructions,
        flash_bytes=heard.flash,
        state_bytes=heard.state,
        rows_bytes=rows,
        ring_bytes=ring,
        stack_bytes=heard.stack,
    )


def _flash(objects: list[Path]) -> int:
    """Return the bytes of the features' code and tables, without the program around them."""
    own = [str(path) for path in objects if path.stem not in (*PROGRAM, "detector")]
    found = run_tool(["arm-none-eabi-size", *own])
    return sum(sum(map(int, line.split()[:2])) for line in found.splitlines()[1:])
