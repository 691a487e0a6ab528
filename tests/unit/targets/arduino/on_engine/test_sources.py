"""The engine's C library in a sketch: includes that an Arduino build finds, names that two models do not share."""

import re
import subprocess
from pathlib import Path

from places import DATA

from edgeforge.targets.arduino.on_engine.sources import EngineSources, in_sketch, read_sources
from edgeforge.targets.engine.compile import compile_model
from edgeforge.targets.engine.emit.library import write_library
from edgeforge.targets.engine.options import Options, core_named


def library(folder: Path, name: str) -> EngineSources:
    model = compile_model((DATA / "digits_int8.tflite").read_bytes(), name, Options(core_named("m0plus")))
    write_library(model, folder / name)
    return read_sources(folder / name, name)


def test_only_the_c_library_itself_is_taken(tmp_path: Path) -> None:
    files = library(tmp_path, "digits").files
    assert {"digits.h", "digits.c", "digits_weights.c", "engine.h"} <= set(files)
    assert not any(path.startswith(("arduino/", "zephyr/")) for path in files)


def test_every_include_is_found_from_its_own_file(tmp_path: Path) -> None:
    files = in_sketch(library(tmp_path, "digits"))
    for path, text in files.items():
        for name in re.findall(r'#include "([^"]+)"', text):
            assert str(Path("/x", path).parent.joinpath(name).resolve().relative_to("/x")) in files, (path, name)


def test_two_models_share_no_name_and_compile_without_a_search_path(tmp_path: Path) -> None:
    symbols = []
    for name in ("digits", "words"):
        folder = tmp_path / "sketch" / name
        for path, text in in_sketch(library(tmp_path, name)).items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        sources = sorted(folder.rglob("*.c"))
        for source in sources:
            subprocess.run(["gcc", "-std=c11", "-c", source, "-o", source.with_suffix(".o")], check=True)
        objects = [source.with_suffix(".o") for source in sources]
        done = subprocess.run(["nm", "--defined-only", "--extern-only", *objects], capture_output=True, text=True)
        symbols.append({line.split()[-1] for line in done.stdout.splitlines() if len(line.split()) == 3})
    assert symbols[0] and not symbols[0] & symbols[1]
