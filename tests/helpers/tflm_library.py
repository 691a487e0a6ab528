"""A TFLM Arduino library, as a user has it in ~/Arduino/libraries, linked to a sketch: only the sources it needs."""

from __future__ import annotations

import logging
import os
import re
import subprocess
from pathlib import Path

from places import ROOT

from edgeforge.errors import StageFailed
from edgeforge.foreign.wording import ORIGINALS
from edgeforge.targets.arduino.emulator import SOURCES, Toolchain

VARIABLE = "EDGEFORGE_TFLM_LIBRARY"
SHIM = ROOT / "firmware" / "emulator" / "arduino"
MOST_ROUNDS = 40


def library_folder() -> Path | None:
    """Return the folder that the environment variable names."""
    named = os.environ.get(VARIABLE)
    return Path(named).expanduser() if named else None


def library_flags(library: Path) -> tuple[str, ...]:
    """Return the compiler's flags for a sketch with that library, as an mbed core sets them."""
    third_party = [folder for folder in (library / "src" / "third_party").glob("*") if folder.is_dir()]
    includes = [SHIM, library / "src", *third_party, *(folder / "include" for folder in third_party)]
    return ("-DARDUINO=10819", "-DARDUINO_ARCH_MBED", *(f"-I{path}" for path in includes))


def link_sketch(toolchain: Toolchain, library: Path, sketch: list[Path], program: Path, cache: Path) -> Path:
    """Compile and link a sketch with the library's sources that it needs, found by the symbols that are missing.

    A library has hundreds of sources, an Arduino build compiles them all: this takes a third of that.
    """
    flags = library_flags(library)
    own = toolchain.compile(sketch, program.parent / f"sketch-{toolchain.name}", *flags, "-w")
    texts = {path: path.read_text(errors="replace") for path in (library / "src").rglob("*") if path.suffix in SOURCES}
    needed: set[Path] = {SHIM / "arduino.cc"}
    for _ in range(MOST_ROUNDS):
        objects = toolchain.compile(sorted(needed), cache / toolchain.name, *flags, "-w")
        archive = program.with_suffix(".a")
        archive.unlink(missing_ok=True)
        subprocess.run([f"{toolchain.prefix}ar", "rcs", archive, *objects], check=True)
        said = _Said()
        ORIGINALS.addHandler(said)
        level = ORIGINALS.level
        ORIGINALS.setLevel(logging.INFO)
        try:
            return toolchain.link([*own, archive], program)
        except StageFailed:
            missing = set(re.findall(r"undefined reference to [`']([^']+)'", said.text))
            found = {path for path in texts if any(_defines(texts[path], symbol) for symbol in missing)}
            if found <= needed:
                raise
            needed |= found
        finally:
            ORIGINALS.removeHandler(said)
            ORIGINALS.setLevel(level)
    raise AssertionError("the library's sources do not link")


class _Said(logging.Handler):
    """Keeps what the linker itself has said, which no message repeats."""

    text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += record.getMessage()


def _defines(text: str, symbol: str) -> bool:
    """Tell whether a source seems to define a symbol: named in an unindented line, with its class."""
    name = symbol.split("(")[0].split("<")[0].removeprefix("vtable for ").removeprefix("typeinfo for ")
    parts = name.split("::")
    if symbol.startswith("vtable for "):
        wanted = re.escape(parts[-1]) + "::"
    elif len(parts) > 1 and parts[-2][:1].isupper():
        wanted = re.escape(parts[-2]) + "::" + re.escape(parts[-1]) + r"\b"
    else:
        wanted = r"\b" + re.escape(parts[-1]) + r"\b"
    return re.search(rf"^(?![ /#*]).*{wanted}", text, re.M) is not None
