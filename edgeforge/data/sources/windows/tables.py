"""Recordings in tables: a csv or Parquet file a recording, in a folder a class, or one file of many recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.windows.recording import Recording
from edgeforge.data.task import joined
from edgeforge.errors import RecipeError, some
from edgeforge.foreign.wording import cause
from edgeforge.inputs.arrays import require_begun
from edgeforge.inputs.memory import require_memory
from edgeforge.inputs.parquet import batches, open_parquet
from edgeforge.inputs.regular import named, open_regular, require_regular
from edgeforge.inputs.sizes import KIND
from edgeforge.inputs.table import open_table
from edgeforge.recipe.listed_images import SPLITS, files_below
from edgeforge.recipe.recorded_files import PARQUET, TABLES
from edgeforge.recipe.schema import Data
from edgeforge.results.rows.calibration import Finding
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray

SUFFIXES = (*TABLES, PARQUET)
MAGIC = b"PAR1"  # begins and ends a Parquet file
EMPTY = ("", "nan", "na", "null", "none")
LONGEST_LABEL = 255  # characters


@dataclass(frozen=True)
class Table:
    """A file's columns by name, each a list of texts (csv) or an array (Parquet), all equally long."""

    path: Path
    columns: dict[str, Any]

    @property
    def length(self) -> int:
        """How many rows it has."""
        return len(next(iter(self.columns.values()), ()))


def tables_below(root: Path) -> list[Path]:
    """Return the tables in a folder and below."""
    return [path for path in files_below(root) if path.suffix.lower() in SUFFIXES]


def require_table(path: Path) -> None:
    """Raise RecipeError for a file that is no table, or no .npz, by its size and its ends."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        require_begun(path, f"data.root: {named(path)}", "save it with numpy.savez(path, x=windows, y=labels)")
    elif suffix == PARQUET:
        with open_regular(path, "name a Parquet file", KIND["arrays"]) as file:
            begun = file.read(4)
            file.seek(max(file.seek(0, 2) - 4, 0))
            if (begun, file.read()) == (MAGIC, MAGIC):
                return
        raise RecipeError(f"{named(path)} is no Parquet file, or one that is cut short", fix="save it again")
    else:
        require_regular(path, "name a csv file", KIND["table"])


def read_tables(root: Path, data: Data, findings: list[Finding]) -> tuple[list[Recording], tuple[str, ...]]:
    """Return all recordings of a file or folder, and their axes.

    In a folder each file is a recording: of the class that its folder is called after, or of a column data.columns.
    label. In one file data.columns.recording tells recordings apart; without it the file is one, or, where a window is
    one sample, each line.
    Raises RecipeError naming file and line.
    """
    paths = tables_below(root) if root.is_dir() else [root]
    if not paths:
        raise RecipeError(
            f"data.root: {named(root)} holds no table", fix=f"files are {', '.join(SUFFIXES)}, or an .npz"
        )
    axes = data.axes
    recordings: list[Recording] = []
    for path in paths:
        table = _read(path)
        label, split = _of_folder(path, root)
        label = None if data.heads else label
        _require_columns(table, data, axes, label)
        axes = axes or _other_columns(table, data, label)
        recordings += _recordings(table, data, axes, label, split, len(paths) > 1)
    if not recordings:
        raise RecipeError(f"data.root: {named(root)}: its tables have no rows", fix="record something")
    return recordings, axes


def axes_of(path: Path, axes: tuple[str, ...]) -> NDArray[Any]:
    """Return a table's columns of these names (samples,axes float32). Raises RecipeError naming what is wrong."""
    import numpy as np

    table = _read(path)
    for name in axes:
        if name not in table.columns:
            known = f"there are: {some(list(table.columns))}"
            raise RecipeError(f"{named(path)}:1: there is no column '{name}'{nearest(name, table.columns)}", fix=known)
    return np.stack([_numbers(table, name) for name in axes], axis=1).astype(np.float32)


def _of_folder(path: Path, root: Path) -> tuple[str | None, str]:
    """Return the class and the split that the folders above a file say: CLASS/file, or train/CLASS/file."""
    parts = list(path.relative_to(root).parts[:-1]) if root.is_dir() else []
    split = ""
    if parts and parts[0].lower() in SPLITS:
        split = SPLITS[parts.pop(0).lower()]
    return (" ".join(parts[0].split()) if parts else None), split


def _read(path: Path) -> Table:
    if path.suffix.lower() == PARQUET:
        return _parquet(path)
    with open_table(path) as reader:
        names = [name.strip() for name in next(reader, [])]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if not names or twice or all(_number(name) is not None for name in names):
            found = f"names '{twice[0]}' twice" if twice else "is no line of names"
            raise RecipeError(f"{named(path)}:1 {found}", fix="its first line names the columns: time, ax, ay, …")
        rows = []
        for row in reader:
            if row and len(row) != len(names):
                raise RecipeError(
                    f"{named(path)}:{reader.line_num}: {len(row)} values, the first line names {len(names)}",
                    fix="mend the line",
                )
            if row:
                rows.append(row)
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return Table(path, dict(zip(names, columns, strict=True)))


def _parquet(path: Path) -> Table:
    with open_parquet(path) as file:
        import pyarrow

        table = pyarrow.Table.from_batches(list(batches(file, path)), file.schema_arrow)
        return Table(path, {name: table[name].to_numpy(zero_copy_only=False) for name in table.column_names})


def _require_columns(table: Table, data: Data, axes: tuple[str, ...], label: str | None) -> None:
    columns = data.columns
    wanted = {name: f"columns.{key}" for key in ("recording", "time", "split") if (name := getattr(columns, key))}
    wanted |= dict.fromkeys(axes, "axes")
    if label is None:
        wanted |= dict.fromkeys(data.labels, "heads" if data.heads else "columns.label")
    for name, key in wanted.items():
        if name not in table.columns:
            raise RecipeError(
                f"{named(table.path)}:1: there is no column '{name}'{nearest(name, table.columns)}",
                fix=f"name it in data.{key}; there are: {some(list(table.columns))}"
                + ("; or put each class's files into a folder of its own" if key == "columns.label" else ""),
            )


def _other_columns(table: Table, data: Data, label: str | None) -> tuple[str, ...]:
    """Return the columns that nothing else is said of. Raises RecipeError when one of them is no number."""
    columns = data.columns
    taken = {columns.recording, columns.time, columns.split, *(data.labels if label is None else ())}
    names = tuple(name for name in table.columns if name not in taken)
    texts = [name for name in names if table.length and _number(str(table.columns[name][0])) is None]
    if texts or not names:
        found = f"'{texts[0]}' is no column of numbers" if texts else "there is no column beside those of data.columns"
        hint = f"name the measured ones in data.axes; there are: {some(list(table.columns))}"
        if label is not None and columns.label in texts:
            listed = some(list(table.columns))
            hint = f"the class is the folder's name: name the measured columns in data.axes: {listed}"
        raise RecipeError(f"{named(table.path)}: {found}", fix=hint)
    return names


def _recordings(
    table: Table, data: Data, axes: tuple[str, ...], label: str | None, split: str, many: bool
) -> Iterator[Recording]:
    import numpy as np

    columns = data.columns
    if not table.length:
        return
    values = np.stack([_numbers(table, axis) for axis in axes], axis=1).astype(np.float32)
    time = _time(table, columns.time) if columns.time else None
    texts = [label] * table.length if label is not None else _labels(table, data)
    labels = np.array(texts)
    splits = _splits(table, columns.split) if columns.split else [split] * table.length
    of = [""] * table.length
    if columns.recording:
        of = [str(one) for one in table.columns[columns.recording]]
    elif data.window == 1:
        of = [f"line {place + 2}" for place in range(table.length)]
    place = 0
    seen: dict[str, list[slice]] = {}
    for name, rows in groupby(of):
        count = len(list(rows))
        seen.setdefault(name, []).append(slice(place, place + count))
        place += count
    for name, parts in seen.items():
        rows = np.r_[tuple(parts)]
        own = {splits[row] for row in rows}
        part = f"{columns.recording} {name[:80]}" if columns.recording else name
        shown = f"{table.path.name}: {part}" if part else table.path.name
        if len(own) > 1:
            raise RecipeError(
                f"{named(table.path)}: {shown} is in {' and '.join(sorted(own))}", fix="give it one split"
            )
        shown = f"{table.path.parent.name}/{shown}" if many else shown
        yield Recording(shown, values[rows], labels[rows], None if time is None else time[rows], own.pop())


def _numbers(table: Table, name: str) -> NDArray[Any]:
    """Return a column as float64; empty and nan are NaN. Raises RecipeError naming the line of what is no number."""
    import numpy as np

    column = table.columns[name]
    if not isinstance(column, tuple) and column.dtype.kind in "iufb":
        return np.asarray(column, np.float64)
    try:
        return np.array(column, dtype=np.float64)
    except (ValueError, TypeError):
        found = [_number(str(text)) for text in column]
    for place, (value, text) in enumerate(zip(found, column, strict=True)):
        if value is None:
            raise RecipeError(
                f"{named(table.path)}:{place + 2}: {name}: '{str(text)[:40]}' is no number",
                fix="mend the line; decimals have a point; leave it empty where there is none",
            )
    return np.array(found, np.float64)


def _number(text: str) -> float | None:
    if text.strip().lower() in EMPTY:
        return float("nan")
    try:
        return float(text)
    except ValueError:
        return None


def _time(table: Table, name: str) -> NDArray[Any]:
    """Return a time column as numbers; dates and times as seconds."""
    import numpy as np

    column = table.columns[name]
    first = column[0]
    if _number(str(first)) is None or getattr(getattr(column, "dtype", None), "kind", "") == "M":
        try:
            dates = np.array([str(one).strip().removesuffix("Z") for one in column], "datetime64[ns]")
        except ValueError as error:
            raise RecipeError(
                f"{named(table.path)}: {name}: {cause(error)}", fix="write numbers, or dates as 2024-05-01T12:00:00.02"
            ) from error
        since = dates - dates[0]
        return np.where(np.isnat(since), np.nan, since.astype(np.int64) / 1e9)
    return _numbers(table, name)


def _labels(table: Table, data: Data) -> Sequence[str]:
    columns = [_column_of_labels(table, name) for name in data.labels]
    return columns[0] if data.heads is None else [joined(parts) for parts in zip(*columns, strict=True)]


def _column_of_labels(table: Table, name: str) -> list[str]:
    labels = ["" if one is None or one != one else " ".join(str(one).split()) for one in table.columns[name]]
    for place, label in enumerate(labels):
        if not label:
            raise RecipeError(
                f"{named(table.path)}:{place + 2}: '{name}' is empty", fix="fill it in, or remove the line"
            )
        if len(label) > LONGEST_LABEL:
            what = f"'{name}' is a text of {len(label):,} characters, no label"
            raise RecipeError(f"{named(table.path)}:{place + 2}: {what}", fix="name the class in a few words")
    require_memory(4 * len(labels) * max(map(len, labels), default=0), f"{named(table.path)}: '{name}'")
    return labels


def _splits(table: Table, name: str) -> list[str]:
    words = [str(one).strip().lower() for one in table.columns[name]]
    for place, word in enumerate(words):
        if word not in SPLITS:
            raise RecipeError(
                f"{named(table.path)}:{place + 2}: {name}: '{word}' is no split", fix="write train, val or test"
            )
    return [SPLITS[word] for word in words]
