"""What `edgeforge init` can tell of recordings: tables of a sensor's samples, or folders of .wav files."""

from __future__ import annotations

import wave
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from statistics import median

import yaml

from edgeforge.errors import RecipeError, some
from edgeforge.inputs.parquet import batches, open_parquet
from edgeforge.inputs.regular import named, require_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.inputs.table import open_table
from edgeforge.recipe.listed_images import SPLITS, files_below
from edgeforge.recipe.recorded_files import PARQUET, SOUNDS, TABLES, UNITS
from edgeforge.recipe.schema import Columns, Sound

LOOKED_AT = 4000  # rows of the first table
FILES_LOOKED_AT = 20  # .wav files, evenly spaced
SECONDS = 2  # that a window lasts
SENSORS = (5, 5000)  # samples a second of usual sensors: of which unit a time is
TIMES = ("time", "timestamp", "t", "seconds", "millis", "micros")  # names of such a column


@dataclass(frozen=True)
class Recordings:
    """lines: of the `data` section, below source and root. inputs: axes of a window, 1 of sound. labels: all kinds.

    rows: a window is one line of a table. count: recordings of sound there are.
    """

    source: str
    classes: int | None
    inputs: int
    lines: tuple[str, ...]
    labels: frozenset[str] = frozenset()
    rows: bool = False
    count: int | None = None


def recordings(path: Path, rate_hz: float | None, rows: bool = False) -> Recordings | None:
    """Return what the recordings of a folder or a table are; None where it holds none.

    rate_hz: samples a second of a sensor, where no column says the time. rows: each line is an input of its own.
    Raises RecipeError where nothing says it.
    """
    if path.is_dir():
        files = files_below(path)
        if sounds := [file for file in files if file.suffix.lower() in SOUNDS]:
            return _sound(path, sounds)
        tables = [file for file in files if file.suffix.lower() in (*TABLES, PARQUET)]
        labels = {folder for file in tables if (folder := _class_of(file.relative_to(path).parts[:-1]))}
        return _windows(tables, rate_hz, sorted(labels), rows) if tables else None
    table = path.suffix.lower() in (*TABLES, PARQUET) and path.is_file()
    return _windows([path], rate_hz, [], rows) if table else None


def _class_of(folders: tuple[str, ...]) -> str:
    """Return the class that the folders above a table say: CLASS, or train/CLASS; empty where none does."""
    return next(iter(folders[1:] if folders and folders[0].lower() in SPLITS else folders), "")


def _windows(tables: list[Path], rate_hz: float | None, labels: list[str], each_row: bool) -> Recordings:
    """Return windows of tables like the first. labels: of the folders that they lie in; none: a column says them."""
    table = tables[0]
    rows = list(islice(_rows(table), LOOKED_AT))
    names, rows = (rows[0], rows[1:]) if rows else ([], [])
    if len(rows) < 2:
        raise RecipeError(f"{named(table)} has no samples", fix="its first line names the columns: time, ax, ay, az")
    columns = {name: [row[place] for row in rows if place < len(row)] for place, name in enumerate(names)}
    time = next((name for name in names if name.lower() in TIMES), None)
    label = None if labels else next((name for name in names if name.lower() == Columns().label), None)
    recording = next((name for name in names if name.lower() == "recording"), None)
    axes = [name for name in names if name not in (time, label, recording) and _numbers(columns[name][:20])]
    if not axes or (not labels and label is None):
        raise RecipeError(
            f"{named(table)}: no column of {'measured numbers' if not axes else 'labels'} in {some(names)}",
            fix="put each class's recordings into a folder of its own, or name the columns: --template imu",
        )
    found = _labels_in(tables, label) if label else frozenset(labels)
    if each_row:
        told = {"label": label} if label and label != Columns().label else {}
        lines = ["  window: 1                   # each line is an input of its own", f"  axes: {flow(axes)}"]
        lines += [f"  columns: {flow(told)}"] if told else []
        return Recordings("windows", len(found), len(axes), tuple(lines), found, rows=True)
    said = rate_hz is not None
    rate = rate_hz or (_rate(columns[time]) if time else None)
    if rate is None:
        raise RecipeError(
            f"{named(table)}: how many samples a second it has is not told by it",
            fix="say it: --rate-hz 50; or --rows, where each line is an input of its own",
        )
    window = max(2, min(round(SECONDS * rate), len(rows) // 2))
    place = {"label": label, "recording": recording, "time": None if said else time}
    told = {key: name for key, name in place.items() if name and (key, name) != ("label", Columns().label)}
    lines = [
        f"  rate_hz: {rate:g}".ljust(29) + f" # {'as was said' if said else f'by the column {time!r}'}",
        f"  window: {window}".ljust(29) + f" # samples: {window / rate:.3g} s",
        f"  stride: {max(1, window // 2)}".ljust(29) + " # from a window to the next",
        f"  axes: {flow(axes)}",
        *([f"  columns: {flow(told)}"] if told else []),
    ]
    return Recordings("windows", len(found), len(axes), tuple(lines), found)


def _labels_in(tables: list[Path], column: str) -> frozenset[str]:
    """Return what stands in a column of all tables: classes may begin where the first rows end."""
    found: set[str] = set()
    for table in tables:
        rows = _rows(table)
        names = next(rows, [])
        if column in names:
            place = names.index(column)
            found |= {" ".join(row[place].split()) for row in rows if place < len(row)}
    return frozenset(found - {""})


def _rows(table: Path) -> Iterator[list[str]]:
    """Yield a table's rows as texts, the first of them the columns' names."""
    if table.suffix.lower() == PARQUET:
        with open_parquet(table) as file:
            yield list(file.schema_arrow.names)
            for part in batches(file, table):
                columns = (part.column(place).to_pylist() for place in range(part.num_columns))
                yield from (
                    ["" if one is None else str(one).strip() for one in row] for row in zip(*columns, strict=True)
                )
        return
    with open_table(table) as reader:
        yield from ([one.strip() for one in row] for row in reader if row)


def flow(values: object) -> str:
    """Return values as YAML has them on one line."""
    return yaml.safe_dump(values, default_flow_style=True, width=10_000, allow_unicode=True).strip()


def _numbers(texts: list[str]) -> bool:
    return all(_number(text) is not None for text in texts)


def _number(text: str) -> float | None:
    try:
        return float(text or "nan")
    except ValueError:
        return None


def _rate(times: list[str]) -> float | None:
    """Return the samples a second of a column of times, where one unit alone gives a usual sensor's."""
    found = [_number(text) for text in times]
    steps = [after - before for before, after in pairwise(found) if before is not None and after is not None]
    usual = median(steps) if steps else 0.0
    if not usual > 0:
        return None
    rates = [scale / usual for scale in UNITS.values() if SENSORS[0] <= scale / usual <= SENSORS[1]]
    return float(f"{rates[0]:.3g}") if len(rates) == 1 else None


def _sound(root: Path, files: list[Path]) -> Recordings:
    """Return clips of folders of .wav files: as long as most of them are."""
    noise = Sound.model_fields["noise"].default
    folders = sorted({file.relative_to(root).parts[0] for file in files if len(file.relative_to(root).parts) > 1})
    classes = [name for name in folders if name != noise]
    if len(classes) < 2:
        raise RecipeError(
            f"--data {named(root)}: it holds recordings of {some(classes) or 'no class'}",
            fix="put the recordings of each class into a folder of its own",
        )
    own = [file for file in files if file.relative_to(root).parts[0] in classes]
    lengths = [found for file in own[:: max(len(own) // FILES_LOOKED_AT, 1)] if (found := _milliseconds(file))]
    clip = max(100 * round(median(lengths or [1000]) / 100), 100)
    has_noise = noise in folders
    lines = [
        "  sound:",
        "    rate_hz: 16000            # of the board's microphone; recordings of another rate are resampled",
        f"    clip_ms: {clip}".ljust(29) + " # as long as most recordings are",
        "    features: mfcc            # log-mel, mfcc or microfrontend, by the C code that the board runs",
        "    window_ms: 30",
        "    stride_ms: 20",
        "    bands: 40",
        "    coefficients: 10",
        *(["    silence: silence          # a class made of the noise",
           "    augment: {copies: 2, shift_ms: 100, noise: 0.8, snr_db: [0, 20]}"] if has_noise else []),
        "  test: 0.2                   # of the speakers",
    ]  # fmt: skip
    return Recordings("wav", len(classes) + has_noise, 1, tuple(lines), count=len(own))


def _milliseconds(path: Path) -> float | None:
    try:
        require_regular(path, "name a .wav file", KIND["sound"])
        with wave.open(str(path), "rb") as file:
            return 1000 * file.getnframes() / file.getframerate()
    except (wave.Error, EOFError, OSError, ZeroDivisionError, RecipeError):  # the build names it
        return None
