"""Cycles of a Cortex-M4, estimated from the inner loops of the engine's kernels."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from rich.table import Table

from edgeforge.bundled import bundled
from edgeforge.targets.engine.emulate.machine import COMPILER
from edgeforge.targets.engine.emulate.run import Program, Run
from edgeforge.targets.engine.options import core_named

# Function → the marked loop in which it spends most of its time.
LOOPS = {
    "engine_dsp_conv_2d": "four columns",
    "engine_dsp_fully_connected": "four outputs of a dense layer",
    "engine_dsp_fully_connected_parts": "four outputs of a dense layer",
    "engine_dsp_depthwise_3x3": "four outputs of depthwise 3x3",
    "engine_dsp_depthwise_1d": "four outputs of a depthwise line",
}
BOARDS = {"Nano 33 BLE": 64e6, "at 120 MHz": 120e6}
ITERATIONS = 100


def loops() -> dict[str, list[str]]:
    """Return the instructions between the marks in the kernels' assembly, by the mark's name."""
    found: dict[str, list[str]] = {}
    root = bundled("firmware/engine")
    with tempfile.TemporaryDirectory() as folder:
        for source in sorted((root / "kernels" / "dsp").glob("*.c")):
            target = Path(folder) / "kernel.s"
            flags = (*core_named("m4").flags, "-std=c11", "-O2", f"-I{root}", "-S")
            subprocess.run([COMPILER, *flags, str(source), "-o", str(target)], check=True)
            for name, body in re.findall(r"@ LLVM-MCA-BEGIN (.*)\n((?s:.*?))@ LLVM-MCA-END", target.read_text()):
                lines = [line.strip() for line in body.splitlines()]
                found.setdefault(name, [line for line in lines if line and line[0] not in ".@0123456789"])
    return found


def by_mca(instructions: list[str]) -> float | None:
    """Return llvm-mca's cycles of one turn of a loop; None where it is not installed.

    Its model of the M4 counts a load of several registers as one.
    """
    if shutil.which("llvm-mca") is None:
        return None
    command = ["llvm-mca", "-mtriple=thumbv7em-none-eabi", "-mcpu=cortex-m4", f"-iterations={ITERATIONS}"]
    plain = [line for line in instructions if not re.match(r"(b|beq|bne|bls)\s|ldr\s+pc", line)]
    plain = [line.replace("ldr.w", "ldr") for line in plain]  # with which version 14 ends in a fault
    done = subprocess.run(command, input="\n".join(plain) + "\n", capture_output=True, text=True, check=True)
    found = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    assert found is not None
    return int(found[1]) / ITERATIONS + 3 * (len(instructions) - len(plain))


def by_manual(instructions: list[str]) -> float:
    """Return the cycles of one turn by the Cortex-M4 Technical Reference Manual, table 3-1, no wait states.

    Loads and stores of N registers take 1 + N, a single one 2, or 1 behind another; a taken branch about 3.
    """
    cycles, behind = 0, False
    for line in instructions:
        name = line.split()[0]
        memory = name.startswith(("ldr", "str"))
        if name.startswith(("ldm", "stm")):
            cycles += 1 + _registers(line)
        elif name.startswith(("ldrd", "strd")):
            cycles += 3
        elif memory and "pc" in line.split(",")[0]:
            cycles += 4
        elif memory:
            cycles += 1 if behind or name.startswith("str") else 2
        elif name.startswith("b") and not name.startswith("bic"):
            cycles += 3
        else:
            cycles += 1
        behind = memory
    return cycles


def _registers(line: str) -> int:
    listed = line[line.index("{") + 1 : line.index("}")]
    count = 0
    for part in listed.split(","):
        first, _, last = part.strip().partition("-")
        count += int(last[1:]) - int(first[1:]) + 1 if last else 1
    return count


def estimate(name: str, program: Program, run: Run) -> Table:
    """Return cycles and milliseconds of a network, extrapolated: each layer's instructions as its loop's are.

    Layers without a marked loop are counted as the others are on average.
    """
    marked = loops()
    table = Table("by", "cycles an instruction", "cycles, M", *(f"ms, {board}" for board in BOARDS))
    table.title = f"{name}: an estimate from the inner loops; flash without wait states"
    for how, count in (("llvm-mca -mcpu=cortex-m4", by_mca), ("Technical Reference Manual", by_manual)):
        rates = {}
        for function, loop in LOOPS.items():
            cycles = count(marked[loop])
            if cycles is not None:
                rates[function] = cycles / len(marked[loop])
        pairs = [
            (kernel.function, instructions)
            for kernel, instructions in zip(program.network.kernels, run.instructions, strict=True)
        ]
        known = sum(instructions for function, instructions in pairs if function in rates)
        if not known:
            table.add_row(how, "not installed, or no such loop")
            continue
        rate = sum(rates[function] * instructions for function, instructions in pairs if function in rates) / known
        cycles = rate * run.total
        table.add_row(
            how, f"{rate:.2f}", f"{cycles / 1e6:.2f}", *(f"{cycles / hz * 1e3:.1f}" for hz in BOARDS.values())
        )
    return table
