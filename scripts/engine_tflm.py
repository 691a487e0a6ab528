"""The same model in a TFLM Arduino library, on the same emulated Cortex-M4: what the engine is measured beside."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from edgeforge.hardware.op_resolver import resolver_method
from edgeforge.targets.arduino.emulator import CORTEX_M4, EMULATED, Toolchain

sys.path.append(str(Path(__file__).parents[1] / "tests" / "helpers"))

ARENA = 512 * 1024  # of which TFLM says how much it used
SKETCH = """#include <stdio.h>
#include <stdlib.h>
#include <Arduino.h>
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

extern const unsigned char model[];
alignas(16) static uint8_t arena[%(arena)d];
static tflite::MicroMutableOpResolver<%(count)d> resolver;

// The shim's clock ticks once in 40 instructions, and begins anew each millisecond.
static unsigned long ticks() {
  volatile uint32_t& left = *reinterpret_cast<volatile uint32_t*>(0xE000E018);
  for (;;) {
    const unsigned long before = millis(), now = left;
    if (before == millis()) return before * 25000 + 24999 - now;
  }
}

void setup() {
%(methods)s
  static tflite::MicroInterpreter interpreter(tflite::GetModel(model), resolver, arena, sizeof arena);
  if (interpreter.AllocateTensors() != kTfLiteOk) exit(3);
  FILE* in = fopen("tensors.bin", "rb");
  FILE* out = fopen("output.bin", "wb");
  unsigned long numbers[2] = {0, static_cast<unsigned long>(interpreter.arena_used_bytes())};
  TfLiteTensor *from = interpreter.input(0), *to = interpreter.output(0);
  while (fread(from->data.raw, 1, from->bytes, in) == from->bytes) {
    const unsigned long start = ticks();
    if (interpreter.Invoke() != kTfLiteOk) exit(4);
    if (numbers[0] == 0) numbers[0] = ticks() - start;
    fwrite(to->data.raw, 1, to->bytes, out);
  }
  fwrite(numbers, 4, 2, out);
  fclose(out);
  exit(0);
}
void loop() {}
"""
EMPTY = """#include <stdio.h>
#include <stdlib.h>
#include <Arduino.h>
void setup() {
  FILE* in = fopen("tensors.bin", "rb");
  FILE* out = fopen("output.bin", "wb");
  char byte;
  while (fread(&byte, 1, 1, in) == 1) fwrite(&byte, 1, 1, out);
  fclose(out);
  exit(millis() == 0);
}
void loop() {}
"""


@dataclass(frozen=True)
class Beside:
    """What the library takes: instructions of an inference, the arena's bytes with input and output, text (bytes, -O2).

    text: without the model, and without what a sketch takes that does nothing. wrong: output bytes that are not those
    expected. (A library of 2023 rounds some operators otherwise than today's.)
    """

    instructions: int
    arena: int
    text: int
    wrong: int


def measure(library: Path, model: bytes, inputs: np.ndarray, expected: np.ndarray) -> Beside:
    """Build a sketch with the library's sources, as the engine is: -O2, for a Cortex-M4 with FPU; run it on the inputs.

    Objects are kept from one call to the next, in a folder of the desk's temporary files.
    """
    from tflm_library import library_flags, link_sketch

    from edgeforge.tflite.graph import Graph

    toolchain = replace(EMULATED, name="cortex-m4-O2", flags=("-O2", *CORTEX_M4, *EMULATED.flags[-2:]))
    known = hashlib.sha256(repr((str(library.resolve()), toolchain.flags, library_flags(library))).encode())
    cache = Path(tempfile.gettempdir()) / f"edgeforge-tflm-{os.getuid()}-{known.hexdigest()[:12]}"
    methods = [resolver_method(name) for name in sorted(set(Graph(model).names))]
    calls = "\n".join(f"  resolver.{method}();" for method in methods)
    with tempfile.TemporaryDirectory() as folder:
        sketch, empty = Path(folder) / "sketch", Path(folder) / "empty"
        for place, text in (
            (sketch, SKETCH % {"arena": ARENA, "count": len(methods), "methods": calls}),
            (empty, EMPTY),
        ):
            place.mkdir()
            (place / f"{place.name}.cc").write_text(text)
        (sketch / "model.cc").write_text(
            "alignas(16) extern const unsigned char model[];\n"
            f"alignas(16) const unsigned char model[] = {{{','.join(map(str, model))}}};\n"
        )
        (empty / "tensors.bin").write_bytes(b"")
        (sketch / "tensors.bin").write_bytes(inputs.tobytes())
        program = link_sketch(toolchain, library, sorted(sketch.glob("*.cc")), sketch / "program", cache)
        nothing = link_sketch(toolchain, library, [empty / "empty.cc"], empty / "program", cache)
        done = toolchain.run(program, timeout=60 * (1 + len(inputs)))
        if done.returncode:
            raise RuntimeError(
                f"the sketch on {library.name} ends with {done.returncode}: {done.stdout.decode()[-400:]}"
            )
        written = (sketch / "output.bin").read_bytes()
        ticks, arena = np.frombuffer(written[-8:], "<u4").tolist()
        text = _text(toolchain, program) - _text(toolchain, nothing) - len(model)
    outputs = np.frombuffer(written[:-8], np.int8).reshape(len(inputs), -1)
    return Beside(ticks * 40, arena, text, int((outputs != expected.reshape(len(inputs), -1)).sum()))


def _text(toolchain: Toolchain, program: Path) -> int:
    """Return the bytes of code, constants and initial data."""
    done = subprocess.run([f"{toolchain.prefix}size", "-A", program], capture_output=True, text=True, check=True)
    sizes = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines() if line[:1] == "."}
    return sum(sizes.get(name, 0) for name in (".text", ".data", ".ARM.exidx", ".ARM.extab"))
