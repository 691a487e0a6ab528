"""Counts what each operator of TFLM takes on emulated Cortex-M cores, and fits instructions to work and outputs.

    .venv/bin/python scripts/measure_tflm_instructions.py --library ~/Arduino/libraries/Chirale_TensorFLowLite
    .venv/bin/python scripts/measure_tflm_instructions.py --library … --core m0plus --layers x.tflite

The library's sources are compiled as an Arduino core does (-Os), linked to measure_tflm_instructions.cc and run in QEMU
(-icount shift=0: an instruction is a nanosecond, and a tick of the timer 40 of them). Networks are those of
tests/helpers/int8_models.py and the files named; weights are random, instructions do not depend on them. Of each
operator a + b·outputs + c·work + d·gathered values is fitted, all at least 0, by relative least squares:
edgeforge/hardware/timing/instructions.toml.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeforge.targets.arduino.emulator import EMULATED, Toolchain
from edgeforge.targets.fit.time import features, kind_of
from edgeforge.tflite.graph import Graph

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "helpers"))


INSTRUCTIONS_A_TICK = 40  # 25 MHz
FLAGS = {
    "m0plus": ("-mcpu=cortex-m0plus", "-mthumb"),
    "plain": (*EMULATED.flags[1:5], "-U__ARM_FEATURE_DSP"),  # CMSIS-NN's plain C, as cores without DSP run it
    "m4": EMULATED.flags[1:5],
}
TOO_SMALL = 400  # instructions: ticks are coarse


@dataclass(frozen=True)
class Counted:
    """An operator of a network, and its instructions."""

    model: str
    kind: str
    features: tuple[float, ...]  # a call, outputs, work, gathered values
    instructions: int


def toolchain_of(core: str, optimization: str) -> Toolchain:
    """Return the compiler for a core; code for an M0+ runs on the emulated M4, which knows its instructions."""
    flags = (optimization, *FLAGS[core], "-ffunction-sections", "-fdata-sections")
    return replace(EMULATED, name=f"{core}{optimization}", flags=flags)


def program_of(library: Path, core: str, optimization: str, cache: Path) -> Path:
    """Return the program that measures a model, compiled where it is not there yet."""
    from tflm_library import link_sketch

    folder = cache / f"{core}{optimization}"
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "program"
    if not program.exists():
        source = Path(__file__).with_suffix(".cc")
        link_sketch(toolchain_of(core, optimization), library, [source], program, cache / "objects")
    return program


def counted(name: str, model: bytes, program: Path) -> Iterator[Counted]:
    """Yield each operator's instructions in one inference."""
    graph = Graph(model)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.tflite").write_bytes(model)
        done = subprocess.run([*EMULATED.runner, str(program)], cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        print(f"{name}: ends with {done.returncode}: {done.stdout[-300:]}", file=sys.stderr)
        return
    lines = [line.split() for line in done.stdout.splitlines() if line.strip()]
    rows = [(line[0], int(line[1]) * INSTRUCTIONS_A_TICK) for line in lines if len(line) == 2 and line[1].isdigit()]
    assert [tag for tag, _ in rows[:-1]] == graph.names, (name, rows[:3])
    for place, (_, instructions) in enumerate(rows[:-1]):
        yield Counted(name, kind_of(graph, place), features(graph, place), instructions)


def fitted(rows: list[Counted]) -> tuple[np.ndarray, float]:
    """Return what each feature takes in instructions, and the mean relative error."""
    from scipy.optimize import nnls

    rows = [row for row in rows if row.instructions > TOO_SMALL] or rows
    matrix = np.array([row.features for row in rows])
    counts = np.array([row.instructions for row in rows], float)
    found, _ = nnls(matrix / counts[:, None], np.ones(len(rows)))
    return found, float(np.abs(matrix @ found / counts - 1).mean())


def main() -> None:
    """Print the coefficients of each kind of operator, as TOML, and what they say of whole networks."""
    import int8_models

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("files", nargs="*", type=Path, help="further full-integer .tflite files")
    parser.add_argument("--library", type=Path, required=True, help="an Arduino library of TFLM")
    parser.add_argument("--core", default="m4", choices=FLAGS)
    parser.add_argument("--optimize", default="-Os")
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir()) / "measured_tflm")
    parser.add_argument("--layers", action="store_true", help="print each operator of the files named")
    asked = parser.parse_args()
    program = program_of(asked.library, asked.core, asked.optimize, asked.cache)
    models = {name: build() for name, build in int8_models.MODELS.items() if name != "int16x8"}
    models |= {path.stem: path.read_bytes() for path in asked.files}
    rows = [row for name, model in models.items() for row in counted(name, model, program)]
    kinds: dict[str, list[Counted]] = defaultdict(list)
    for row in rows:
        kinds[row.kind].append(row)
    found = {kind: fitted(some) for kind, some in sorted(kinds.items())}
    for kind, (figures, error) in found.items():
        shown = ", ".join(f"{figure:.4g}" for figure in figures)
        print(f'"{kind}" = [{shown}]  # {len(kinds[kind])} measured, {100 * error:.0f} % off')
    for name in models:
        own = [row for row in rows if row.model == name]
        whole = sum(row.instructions for row in own)
        said = sum(float(found[row.kind][0] @ np.array(row.features)) for row in own)
        if own:
            print(f"# {name}: {whole:,} counted, {said / whole - 1:+.1%} by the fit")
    if asked.layers:
        for row in rows:
            if row.model in {path.stem for path in asked.files}:
                print(row)


if __name__ == "__main__":
    main()
