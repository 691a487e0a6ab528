"""A whole sketch on a pseudo-terminal, what `edgeforge monitor` opens as a board's port: compiled for this desk, or for
an emulated Cortex-M4, whose own serial port QEMU puts there.
"""

from __future__ import annotations

import os
import pty
import re
import subprocess
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from places import ROOT
from tflm_library import SHIM

from edgeforge.targets.arduino.emulator import EMULATED, HOST, QEMU

# A microsecond clock that makes a step each time it is asked: samples come as fast as loop() runs, and none is lost.
STEPPING = "unsigned long micros() { static uint32_t now = 0; usleep(100); return now += 500; }"
CLOCK = "unsigned long micros() { return static_cast<uint32_t>(since(1000000)); }"


def stepping_arduino(folder: Path) -> Path:
    """Return Arduino's functions with that clock."""
    text = (SHIM / "arduino.cc").read_text()
    assert CLOCK in text
    path = folder / "arduino.cc"
    path.write_text(text.replace(CLOCK, STEPPING))
    return path


@contextmanager
def on_pty(program: Path) -> Iterator[str]:
    """Yield the port of a sketch that runs until the block ends."""
    ours, its = pty.openpty()
    tty.setraw(its)
    process = subprocess.Popen([program], stdin=ours, stdout=ours, stderr=subprocess.DEVNULL)
    try:
        yield os.ttyname(its)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(its)


@contextmanager
def on_emulated_pty(program: Path) -> Iterator[str]:
    """Yield the port of a sketch on an emulated Cortex-M4 that runs until the block ends."""
    # Without -icount, whose clock waits for the serial line at every byte.
    places = {"-serial": "pty", "-icount": None}
    pairs = dict(zip(QEMU[4::2], QEMU[5::2], strict=True)) | places
    command = [*QEMU[:4], *(part for pair in pairs.items() if pair[1] for part in pair), "-kernel", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout is not None
    try:
        found = None
        while not found:
            line = process.stdout.readline()
            assert line, "QEMU has ended"
            found = re.search(rb"redirected to (\S+)", line)
        yield found[1].decode()
    finally:
        process.kill()
        process.wait()


FLAGS = ("-DARDUINO=10819", f"-I{SHIM}", "-Wall", "-Wextra", "-Werror")
MOVED = """#include "sample.h"
namespace motion_model {
const char* beginSample() { return nullptr; }
bool readSample(RawType (&sample)[kChannels]) {
  static float turn = 0;
  for (size_t i = 0; i < kChannels; ++i) sample[i] = turn / static_cast<float>(1 << i);
  ++turn;
  return true;
}
}
"""
COUNTING = """#include <PDM.h>
#include <stdint.h>
PDMClass PDM;
int PDMClass::read(void* buffer, size_t bytes) {
  static int16_t count = 0;
  int16_t* to = static_cast<int16_t*>(buffer);
  for (size_t i = 0; i < bytes / 2; ++i) to[i] = count++;
  return static_cast<int>(bytes);
}
"""


def moved_sensor(project: Path) -> None:
    """Give a sketch of windows a sensor whose samples count: the first axis by 1, the second by a half, …"""
    (project / "sample.cc").write_text(MOVED)


def heard_sensor(folder: Path) -> tuple[str, ...]:
    """Write a microphone that counts; return the compiler's flags that switch it on."""
    (folder / "pdm.cc").write_text(COUNTING)
    return "-DEDGEFORGE_MICROPHONE=1", f"-I{ROOT / 'tests/unit/firmware/programs/microphone'}"


def sketch_program(project: Path, folder: Path, *flags: str) -> Path:
    """Compile a sketch with a clock that steps; return the program."""
    arduino = stepping_arduino(folder)
    own = [*sorted(project.rglob("*.c")), *sorted(project.glob("*.cc")), *project.glob("*.ino"), arduino]
    if (folder / "pdm.cc").exists():
        own.append(folder / "pdm.cc")
        text = arduino.read_text().replace("while (!ended) loop();", "while (!ended) PDM.hear(), loop();")
        arduino.write_text(f"#include <PDM.h>\n{text}")
    return HOST.link(HOST.compile(own, folder / "objects", *FLAGS, *flags), folder / "program")


def emulated_program(project: Path, folder: Path, *flags: str) -> Path:
    """Compile a sketch for an emulated Cortex-M4 with a serial port; return the program."""
    own = [*sorted(project.rglob("*.c")), *sorted(project.glob("*.cc")), *project.glob("*.ino"), SHIM / "arduino.cc"]
    objects = EMULATED.compile(own, folder / "emulated", *FLAGS, "-DEDGEFORGE_UART", *flags)
    return EMULATED.link(objects, folder / "emulated.elf")
