"""Runs hostile inputs over every verb and counts what became of them, by verb and by kind: see count_hostile.py."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import ceil
from pathlib import Path

import hostile_arrays as arrays
import hostile_onnx as onnx
import hostile_options as options
import hostile_recipes as recipes
import hostile_recordings as recordings
import hostile_records as records
import hostile_searches as searches
import hostile_serial as serial
import hostile_tflite as tflite
from hostile_cases import Case, Generator, made, removed, snapshot_of
from hostile_judge import judged
from warm_process import Warm

WHOLE = "right build"  # of all stages: it takes half a minute of a quiet core
# Each generator, and its share of all inputs.
GENERATORS: dict[str, tuple[Generator, int]] = {
    **{f"tflite, {verb}": (partial(tflite.on_verb, verb), 10) for verb in tflite.VERBS},
    "onnx and torch, bench": (onnx.on_bench, 14),
    "onnx and torch, inspect": (onnx.on_inspect, 8),
    "onnx and torch, build": (onnx.on_build, 8),
    "samples": (arrays.on_samples, 10),
    "training arrays": (arrays.on_training, 6),
    "images": (arrays.on_images, 5),
    "tables": (arrays.on_tables, 5),
    "labels": (arrays.on_labels, 6),
    "recipes": (recipes.on_texts, 10),
    "keys": (recipes.on_keys, 14),
    "starts": (recipes.on_starts, 3),
    "sets": (recipes.on_sets, 6),
    "options": (options.on_options, 20),
    "right": (options.on_right, 3),
    "reports": (records.on_reports, 6),
    "records": (records.on_records, 4),
    "stores": (records.on_stores, 3),
    "devices": (records.on_devices, 4),
    "boards": (serial.on_boards, 3),
    "sounds": (recordings.on_sounds, 6),
    "masks": (recordings.on_masks, 4),
    "windows": (recordings.on_windows, 8),
    "searches": (searches.on_searches, 6),
    "sections of a search": (searches.on_sections, 3),
    "files of boards": (searches.on_boards, 4),
}


@dataclass(frozen=True)
class Found:
    """One input and what became of it."""

    generator: str
    number: int
    verb: str
    kind: str
    words: tuple[str, ...]
    verdict: str
    shown: str
    code: int | None
    seconds: float
    memory: int


def shares(count: int) -> dict[str, int]:
    """Return how many inputs of `count` each generator makes, one at least."""
    total = sum(weight for _, weight in GENERATORS.values())
    return {name: ceil(count * weight / total) for name, (_, weight) in GENERATORS.items()}


def case_of(generator: str, number: int, seed: int) -> Case:
    """Return the same case for the same three."""
    return GENERATORS[generator][0](random.Random(f"{seed} {generator} {number}"))


def run_all(wanted: list[tuple[str, int]], seed: int) -> Iterator[Found]:
    """Yield what became of each (generator, number)."""
    scratch = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        with Warm() as warm:
            for place, (generator, number) in enumerate(wanted):
                yield run_one(warm, generator, number, seed, scratch / str(place))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def run_one(warm: Warm, generator: str, number: int, seed: int, root: Path) -> Found:
    case = case_of(generator, number, seed)
    place = made(case, root)
    before = snapshot_of(place)
    words = list(case.words)
    with ExitStack() as stack:
        if case.board:
            port = stack.enter_context(serial.speaking(case.board))  # type: ignore[arg-type]
            words = [port if word == "PORT" else word for word in words]
        ended = warm.run(
            words,
            place.work,
            place.environment,
            8.0 if case.kind == WHOLE else 4.0 if case.slow else 2.0 if case.board else 1.0,
        )
    verdict, shown = judged(case, ended, place, before, snapshot_of(place))
    removed(place)
    return Found(
        generator, number, case.verb, case.kind, case.words, verdict, shown, ended.code, ended.seconds, ended.memory
    )


def table(found: list[Found], key: str) -> str:
    """Return counts of verdicts, a row a verb, generator or kind."""
    rows: dict[str, Counter[str]] = {}
    for one in found:
        rows.setdefault(getattr(one, key), Counter())[one.verdict] += 1
    verdicts = sorted({one.verdict for one in found}, key=lambda name: (name not in ("refused", "taken"), name))
    width = max(map(len, [*rows, key]), default=4)
    lines = [f"{key:{width}} " + " ".join(f"{name:>13}" for name in ("all", *verdicts))]
    for name, counts in [*sorted(rows.items()), ("all", Counter(one.verdict for one in found))]:
        numbers = [counts.total(), *(counts[verdict] for verdict in verdicts)]
        lines.append(f"{name:{width}} " + " ".join(f"{number or '–':>13}" for number in numbers))
    return "\n".join(lines)
