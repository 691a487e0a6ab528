"""Compiles a network's C library with the desk's gcc, under its sanitizers, and runs it."""

from __future__ import annotations

import atexit
import shutil
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import numpy as np
from places import ROOT

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.expressions import identifier
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.ir import C_TYPES
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.options import Options
from edgeforge.tflite.graph import TensorRunner

STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wconversion", "-Werror")
CHECKED = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
FIRMWARE = ROOT / "firmware" / "engine"


def main_c(network: Network) -> str:
    """Return a program that reads inputs from stdin until it ends, and writes the outputs of each inference.

    Every buffer is allocated alone and of its exact size, so that the sanitizer sees what is read or written beside it.
    """
    name = identifier(network.name)
    ends = [("in", n, one) for n, one in enumerate(network.inputs)]
    ends += [("out", n, one) for n, one in enumerate(network.outputs)]
    made = "\n".join(f"  {C_TYPES[t.kind]} *{w}{n} = malloc({max(t.bytes, 1)});" for w, n, t in ends)
    read = "\n".join(f"    if (fread(in{n}, 1, {t.bytes}, stdin) != {t.bytes}) break;" for w, n, t in ends if w == "in")
    written = "\n".join(f"    fwrite(out{n}, 1, {t.bytes}, stdout);" for w, n, t in ends if w == "out")
    freed = "\n".join(f"  free({w}{n});" for w, n, _ in ends)
    passed = ", ".join(f"{w}{n}" for w, n, _ in ends)
    return f"""#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "{name}.h"
int main(void) {{
  void *arena = malloc({name.upper()}_ARENA_BYTES);
{made}
  memset(arena, 0x5a, {name.upper()}_ARENA_BYTES);
  {name}_init(arena);
  for (;;) {{
{read}
    {name}_invoke({passed});
{written}
  }}
  free(arena);
{freed}
  return 0;
}}
"""


@cache
def kernel_archive(single: bool = False) -> Path:
    """Return an archive of all portable kernels, compiled once a session with the sanitizers."""
    folder = Path(mkdtemp(prefix="edgeforge-kernels-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rounding = f"-DENGINE_SINGLE_ROUNDING={int(single)}"
    command = ["gcc", *STRICT, *CHECKED, rounding, f"-I{FIRMWARE}", "-c", *map(str, (FIRMWARE / "kernels").glob("*.c"))]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    subprocess.run(["ar", "rc", "kernels.a", *(path.name for path in folder.glob("*.o"))], cwd=folder, check=True)
    return folder / "kernels.a"


def build_program(network: Network, folder: Path) -> Path:
    """Write the library into a folder, compile it strictly and under the sanitizers, and return the program.

    The portable kernels are taken from an archive: compiling them anew for each network takes most of the time.
    """
    write_library(network, folder)
    (folder / "main.c").write_text(main_c(network))
    name = identifier(network.name)
    sources = [str(folder / file) for file in ("main.c", f"{name}.c", f"{name}_weights.c")]
    sources += [str(path) for path in (folder / "kernels").rglob("*/*.c")]  # of one core, where it has some
    archive = kernel_archive(network.options.rounding == "single")
    command = ["gcc", *STRICT, *CHECKED, f"-I{folder}", *sources, str(archive), "-o", str(folder / "program")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / "program"


def run_program(program: Path, network: Network, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return the outputs, each N,size, of inputs N,… (of each of the network's inputs)."""
    stream = b"".join(part.tobytes() for images in zip(*inputs, strict=True) for part in images)
    done = subprocess.run([str(program)], input=stream, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[:4000]
    rows = np.frombuffer(done.stdout, np.uint8).reshape(len(inputs[0]), -1)
    found, start = [], 0
    for tensor in network.outputs:
        part = np.ascontiguousarray(rows[:, start : start + tensor.bytes])
        found.append(part.view(tensor.kind).reshape(len(rows), -1))
        start += tensor.bytes
    return found


def engine_outputs(
    model: bytes, inputs: list[np.ndarray], folder: Path, options: Options | None = None
) -> list[np.ndarray]:
    """Return what the compiled model writes for inputs, under the sanitizers."""
    network = compile_model(model, "net", options)
    return run_program(build_program(network, folder), network, inputs)


def tflm_outputs(model: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return what TFLM's interpreter on the desk writes: each output N,size."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=8 << 20)
    found: list[list[np.ndarray]] = []
    for images in zip(*inputs, strict=True):
        for place, image in enumerate(images):
            interpreter.set_input(image.reshape(interpreter.get_input_details(place)["shape"]), place)
        interpreter.invoke()
        found.append([np.array(interpreter.get_output(n)).reshape(-1) for n in range(outputs_of(model))])
    return [np.stack(one) for one in zip(*found, strict=True)]


def require_the_bytes_of_tflm(model: bytes, count: int = 6, options: Options | None = None) -> None:
    """Fail unless the compiled model writes TFLM's bytes for random inputs.

    Without options it is compiled for speed, and for size too where other kernels are chosen then.
    """
    inputs = random_inputs(model, count)
    theirs, seen = tflm_outputs(model, inputs), set()
    for wished in (options,) if options else (Options(), Options(optimize="size")):
        network = compile_model(model, "net", wished)
        kernels = tuple(kernel.function for kernel in network.kernels)
        if kernels in seen:
            continue
        seen.add(kernels)
        with TemporaryDirectory() as folder:
            ours = run_program(build_program(network, Path(folder)), network, inputs)
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, other)


def xnnpack_outputs(model: bytes, inputs: list[np.ndarray]) -> list[np.ndarray]:
    """Return what LiteRT writes as it runs on a desk, with XNNPACK: each output N,size."""
    runner = TensorRunner(model, kernels="xnnpack")
    rows = [[value.reshape(-1).copy() for value in runner.run(list(images))] for images in zip(*inputs, strict=True)]
    return [np.stack(one) for one in zip(*rows, strict=True)]


def outputs_of(model: bytes) -> int:
    """Return how many outputs a model has."""
    from edgeforge.tflite.graph import Graph

    return len(Graph(model).outputs)


def random_inputs(model: bytes, count: int = 8, seed: int = 0) -> list[np.ndarray]:
    """Return inputs over the whole range of their integers, the first all low, the second all high."""
    from edgeforge.tflite.graph import Graph

    graph, random = Graph(model), np.random.default_rng(seed)
    found = []
    for place in graph.inputs:
        spec = graph.spec(place)
        if spec.dtype == "float32":
            found.append(random.uniform(-4, 4, (count, *spec.shape)).astype(np.float32))
            continue
        limits = np.iinfo(spec.dtype)
        values = random.integers(limits.min, limits.max + 1, (count, *spec.shape)).astype(spec.dtype)
        if count > 2:
            values[0], values[1] = limits.min, limits.max
        found.append(values)
    return found
