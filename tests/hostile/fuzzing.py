"""libFuzzer on C and C++ of ours, under ASan and UBSan: builds a fuzzer, runs it for a number of inputs."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from engine_program import FIRMWARE
from places import ROOT

from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.expressions import identifier
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.ir import C_TYPES
from edgeforge.targets.engine.network import Network
from edgeforge.targets.engine.options import Options

HERE = Path(__file__).parent
SANITIZED = ("-g", "-O1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
TRY = "int LLVMFuzzerTestOneInput(const unsigned char *data, unsigned long size) { return (int)(size - size) + !data; }"


@cache
def why_not() -> str:
    """Return why no fuzzer can be built here; empty where one can."""
    if not shutil.which("clang"):
        return "needs clang with libFuzzer: sudo apt-get install clang libclang-rt-14-dev"
    command = ["clang", *SANITIZED, "-x", "c", "-", "-o", "/dev/null"]
    done = subprocess.run(command, input=TRY, capture_output=True, text=True)
    return "" if done.returncode == 0 else "clang has no libFuzzer here: sudo apt-get install libclang-rt-14-dev"


@dataclass(frozen=True)
class Fuzzed:
    """What a fuzzer came to: inputs tried, how many a processor's hour brings, edges covered; `found`: its report."""

    inputs: int
    each_hour: int
    edges: int
    found: str


def compiled(sources: list[Path], folder: Path, *include: Path) -> Path:
    """Return a fuzzer of these sources."""
    c = all(source.suffix == ".c" for source in sources)
    command = ["clang" if c else "clang++", "-std=c11" if c else "-std=c++17", *SANITIZED]
    command += [f"-I{path}" for path in include] + [str(path) for path in sources] + ["-o", str(folder / "fuzzer")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / "fuzzer"


def fuzzed(fuzzer: Path, corpus: Path, inputs: int, longest: int, seed: int = 1) -> Fuzzed:
    """Run a fuzzer on so many inputs; it begins with the files in `corpus`, which it leaves as they are."""
    new = fuzzer.parent / "new"
    new.mkdir(exist_ok=True)
    words = [f"-runs={inputs}", f"-seed={seed}", f"-max_len={longest}", "-print_final_stats=1", "-rss_limit_mb=1024",
             "-timeout=10", f"-artifact_prefix={fuzzer.parent}/"]  # fmt: skip
    begun = _processor_seconds()
    done = subprocess.run([fuzzer, *words, new, corpus], capture_output=True, text=True, errors="replace")
    numbers = {name: int(value) for name, value in re.findall(r"stat::(\w+):\s+(\d+)", done.stderr)}
    covered = re.findall(r"cov: (\d+)", done.stderr)
    tried = numbers.get("number_of_executed_units", 0)
    hourly = round(tried / max(_processor_seconds() - begun, 0.01) * 3600)
    return Fuzzed(tried, hourly, int(covered[-1]) if covered else 0, done.stderr[-4000:] if done.returncode else "")


def _processor_seconds() -> float:
    """Return those of ended children: others that are at work on this machine do not lengthen them."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def protocol_fuzzer(folder: Path) -> Path:
    """Return the fuzzer of the sketch's serial protocol."""
    firmware = ROOT / "firmware" / "arduino"
    return compiled([HERE / "fuzz" / "protocol.cc", firmware / "protocol.cc"], folder, firmware)


def engine_fuzzer(model: bytes, folder: Path, options: Options | None = None) -> Path:
    """Return the fuzzer of a network's generated C, every buffer of its exact size."""
    network = compile_model(model, "net", options)
    write_library(network, folder)
    (folder / "fuzz.c").write_text(_program(network))
    name = identifier(network.name)
    kernels = list((folder / "kernels").rglob("*.c")) or list((FIRMWARE / "kernels").glob("*.c"))
    return compiled([folder / "fuzz.c", folder / f"{name}.c", folder / f"{name}_weights.c", *kernels], folder, folder)


def _program(network: Network) -> str:
    name = identifier(network.name)
    ends = [("in", n, one) for n, one in enumerate(network.inputs)]
    ends += [("out", n, one) for n, one in enumerate(network.outputs)]
    made = "\n".join(f"    {w}{n} = malloc({max(t.bytes, 1)});" for w, n, t in ends)
    declared = "\n".join(f"  static {C_TYPES[t.kind]} *{w}{n};" for w, n, t in ends)
    filled = "\n".join(f"  data = fill(in{n}, {t.bytes}, data, end);" for w, n, t in ends if w == "in")
    passed = ", ".join(f"{w}{n}" for w, n, _ in ends)
    return f"""#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "{name}.h"
static const uint8_t *fill(void *place, size_t bytes, const uint8_t *data, const uint8_t *end) {{
  const size_t count = (size_t)(end - data) < bytes ? (size_t)(end - data) : bytes;
  memset(place, count ? data[0] : 0x80, bytes);
  if (count) memcpy(place, data, count);
  return data + count;
}}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {{
  static void *arena;
{declared}
  const uint8_t *end = data + size;
  if (!arena) {{
    arena = malloc({name.upper()}_ARENA_BYTES + 1);
    memset(arena, 0x5a, {name.upper()}_ARENA_BYTES);
{made}
    {name}_init(arena);
  }}
{filled}
  {name}_invoke({passed});
  return 0;
}}
"""
