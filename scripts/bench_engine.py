"""Measures the standalone engine on an emulated Cortex-M4, beside what others need for networks of the same shapes.

    .venv/bin/python scripts/bench_engine.py                     (all networks: about three minutes)
    .venv/bin/python scripts/bench_engine.py ic kws --layers     (some, layer by layer)
    .venv/bin/python scripts/bench_engine.py digits --core m33   (another core)
    EDGEFORGE_TFLM_LIBRARY=~/Arduino/libraries/Chirale_TensorFLowLite .venv/bin/python scripts/bench_engine.py kws

Networks are those of models/ with random weights, their ranges calibrated on random inputs: neither instructions nor
bytes depend on them. Every output byte is compared with TFLM's. Instructions are counted by QEMU (-icount shift=0), of
which a tick of the clock is 40. With --cycles, cycles are estimated from the inner loops (llvm-mca, and the Technical
Reference Manual's table): neither knows the board's flash. RAM is the arena, which has room for input and output.
A TFLM library whose folder EDGEFORGE_TFLM_LIBRARY names runs the same files and inputs beside, built by the same
compiler with the same flags for a Cortex-M4; its sources are compiled once, which takes minutes.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from engine_cycles import estimate
from engine_tflm import measure
from measure_tiny_nets import model_class
from rich.console import Console
from rich.table import Table

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emulate.run import SIZE, Program, Run, Sizes, build
from edgeforge.targets.engine.options import Optimize, Options, core_named

LIBRARY = os.environ.get("EDGEFORGE_TFLM_LIBRARY")
INPUTS = 4
WRONG = 9  # the column of bytes that are not TFLM's
CALIBRATION = 16


@dataclass(frozen=True)
class Net:
    """A network of models/ and the published figures of MLPerf Tiny's of the same shape (None: none).

    instructions: an inference, millions, -O2 on a Cortex-M4F: TFLM with CMSIS-NN, and the goal. ram: bytes of arena,
    input and output. flash: bytes with weights.
    """

    file: str
    arguments: dict[str, Any]
    shape: tuple[int, int, int]  # C,H,W
    macs: int
    cmsis: float
    goal: float
    cmsis_ram: int | None = None
    goal_ram: int | None = None
    goal_flash: int | None = None


# Measured on QEMU 7.2 mps2-an386 with gcc 12.2, tflite-micro 90b983c and CMSIS-NN 4ab83cc, of MLPerf Tiny's own int8
# files (github.com/mlcommons/tiny), digits and the MNIST example CNN. RAM and flash goals: 1 K is 1024 bytes.
K = 1024
NETS = {
    "ic": Net("resnet8", {}, (3, 32, 32), 12_501_632, 29.9, 12.5, 54_996, 36 * K, 90 * K),
    "kws": Net("ds_cnn", {}, (1, 49, 10), 2_656_768, 7.70, 3.3, 22_820, int(8.7 * K), 37 * K),
    "vww": Net("mobilenet_v1", {}, (3, 96, 96), 7_489_664, 24.1, 9.9, 100_708, 38 * K, 249 * K),
    "ad": Net("autoencoder", {}, (1, 1, 640), 264_192, 0.583, 0.33, 2_580, int(1.5 * K), 276 * K),
    "sww": Net("ds_cnn_1d", {}, (40, 30, 1), 826_368, 2.23, 0.93, 16_596, int(4.3 * K), 64 * K),
    "digits": Net("digits_cnn", {}, (1, 8, 8), 80_896, 0.295, 0.14, goal_flash=20 * K),
    "mnist": Net("mnist_cnn", {}, (1, 28, 28), 11_993_216, 23.9, 12.5),
}


def int8_model(name: str, folder: Path) -> bytes:
    """Return the full-integer .tflite of a network with random weights, by EdgeForge's own conversion."""
    import torch

    from edgeforge.quantize.tflite.network import convert_network
    from edgeforge.recipe.sections.quantize import TFLite

    net = NETS[name]
    torch.manual_seed(0)
    network = model_class(net.file)(**net.arguments)
    inputs = np.random.default_rng(0).normal(size=(CALIBRATION, *net.shape)).astype(np.float32)
    network.train()  # batch norm takes its statistics from the inputs: else deep networks carry next to nothing
    with torch.no_grad():
        for _ in range(30):
            network(torch.from_numpy(inputs))
    made = convert_network(network.eval(), inputs, folder, TFLite(variants=("int8",)))
    return made.tflite["int8"].read_bytes()


def inputs_of(model: bytes) -> np.ndarray:
    """Return random inputs over all of int8."""
    from edgeforge.tflite.graph import Graph

    graph = Graph(model)
    shape = graph.spec(graph.inputs[0]).shape
    return np.random.default_rng(1).integers(-128, 128, (INPUTS, *shape)).astype(np.int8)


def wrong_bytes(model: bytes, inputs: np.ndarray, run: Run) -> int:
    """Return how many output bytes are not TFLM's."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=8 << 20)
    wrong = 0
    for image, ours in zip(inputs, run.outputs[0], strict=True):
        interpreter.set_input(image.reshape(interpreter.get_input_details(0)["shape"]), 0)
        interpreter.invoke()
        wrong += int((interpreter.get_output(0).reshape(-1) != ours).sum())
    return wrong


def layers_table(name: str, program: Program, run: Run) -> Table:
    """Return what each layer takes."""
    table = Table("layer", "kernel", "output", "instructions", "a MAC", "an output", title=name)
    for operator, kernel, count in zip(
        program.network.operators, program.network.kernels, run.instructions, strict=True
    ):
        outputs = operator.output.size
        macs = operator.products
        table.add_row(
            operator.label, kernel.function, "×".join(map(str, operator.output.shape)), f"{count:,}",
            f"{count / macs:.2f}" if macs else "", f"{count / outputs:.1f}",
        )  # fmt: skip
    return table


def verdict(reached: float, goal: float | None, form: str) -> str:
    """Return a figure, its goal, and whether it is reached."""
    if goal is None:
        return f"{reached:{form}}"
    colour, sign = ("green", "≤") if reached <= goal else ("red", ">")
    return f"[{colour}]{reached:{form}} {sign} {goal:{form}}[/{colour}]"


def row(name: str, options: Options, folder: Path, console: Console, *, layers: bool, cycles: bool) -> tuple[str, ...]:
    """Build, run and measure one network; return its row."""
    net = NETS[name]
    model = int8_model(name, folder)
    inputs = inputs_of(model)
    network = compile_model(model, name, options)
    program = build(network, folder / "library")
    run, sizes = program.run([inputs]), program.sizes()
    small: Sizes = replace(program, optimization=SIZE).sizes()
    if layers:
        console.print(layers_table(name, program, run))
    if cycles:
        console.print(estimate(name, program, run))
    return (
        name, f"{net.macs:,}", f"{net.cmsis:g}", verdict(run.total / 1e6, net.goal, ".3f"),
        f"{run.total / net.macs:.2f}", verdict(sizes.ram, net.goal_ram, ",d"), f"{run.stack}",
        f"{sizes.text:,} / {small.text:,}", verdict(sizes.flash, net.goal_flash, ",d"),
        f"{wrong_bytes(model, inputs, run)} of {run.outputs[0].size}", *beside(model, inputs, run, sizes),
    )  # fmt: skip


def beside(model: bytes, inputs: np.ndarray, run: Run, sizes: Sizes) -> tuple[str, ...]:
    """Return what the library of EDGEFORGE_TFLM_LIBRARY takes, and how many times as much as the engine."""
    if LIBRARY is None:
        return ()
    found = measure(Path(LIBRARY).expanduser(), model, inputs, np.asarray(run.outputs[0]))
    return (
        f"{found.instructions / 1e6:.3f} ({found.instructions / run.total:.2f}×)",
        f"{found.arena:,} ({found.arena / sizes.ram:.2f}×)",
        f"{found.text:,} ({found.text / sizes.text:.1f}×)",
        f"{found.wrong}",
    )


def main() -> None:
    """Print the tables; exit 1 where an output differs from TFLM's."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help=f"some of {', '.join(NETS)}")
    parser.add_argument("--core", default="m4", help="m0plus, m3, m4, m7, m33 or m55")
    parser.add_argument("--optimize", default="speed", choices=get_args(Optimize))
    parser.add_argument("--layers", action="store_true", help="print every layer")
    parser.add_argument("--cycles", action="store_true", help="estimate cycles and milliseconds")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(NETS):
        parser.error(f"there is no {', '.join(sorted(unknown))}: choose among {', '.join(NETS)}")
    options = Options(core=core_named(asked.core), optimize=asked.optimize)
    console = Console(width=260 if LIBRARY else 200)
    library = (f"{Path(LIBRARY).name}, M", "its RAM", "its text", "bytes not the engine's") if LIBRARY else ()
    table = Table(
        "network", "MACs", "TFLM+CMSIS-NN, M", "instructions, M (goal)", "a MAC", "RAM (goal)", "stack",
        "text -O2 / -Os", "flash (goal)", "bytes not TFLM's", *library,
        title=f"{options.core.name}, {asked.optimize}, -O2",
    )  # fmt: skip
    wrong = False
    for name in asked.names or NETS:
        with tempfile.TemporaryDirectory() as folder:
            found = row(name, options, Path(folder), console, layers=asked.layers, cycles=asked.cycles)
        table.add_row(*found)
        wrong = wrong or not found[WRONG].startswith("0 ")
    console.print(table)
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
