"""Which images the user's own data name: those of a folder a class, or of a table."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from edgeforge.errors import RecipeError, some
from edgeforge.inputs.regular import named
from edgeforge.inputs.table import open_table
from edgeforge.recipe.schema import Columns
from edgeforge.suggest import nearest

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True, slots=True)
class Labelled:
    """One image of the user's: its file, its class, and its split where the user has chosen it."""

    path: Path
    label: str
    split: str = ""  # train, val, test
    where: str = ""  # of a csv: file:line


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of all below it, in order; hidden ones are left out."""
    found, seen = [], {_identity(folder)}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in list(folders):  # a link to a folder above it would be followed without end
            identity = _identity(Path(place, name))
            if identity in seen:
                folders.remove(name)
            seen.add(identity)
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return found


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def read_table(path: Path, columns: Columns, labels: tuple[str, ...] = ()) -> list[Labelled]:
    """Return the lines of a csv file of image paths and labels. Raises RecipeError naming file and line.

    labels: the columns of several heads' labels, which are joined by U+001F.
    """
    wanted = [(f"columns.{key}", name) for key, name in columns if key != "label"]
    wanted += [("heads", name) for name in labels] or [("columns.label", columns.label)]
    with open_table(path) as reader:
        names = next(reader, [])
        for key, name in wanted:
            if name is not None and name not in names:
                raise RecipeError(
                    f"{path}:1: there is no column '{name}'{nearest(name, names)}",
                    fix=f"name it in data.{key}; there are: {some(names)}",
                )
        found: dict[str, Path] = {}  # a table may list one picture many times
        rows = ((reader.line_num, dict(zip_longest(names, row))) for row in reader if row)
        chosen = labels or (columns.label,)
        return [_row(path, line, row, columns, chosen, found) for line, row in rows]


def _row(
    path: Path,
    line: int,
    row: dict[str | None, str | None],
    columns: Columns,
    labels: tuple[str, ...],
    found: dict[str, Path],
) -> Labelled:
    """found: the files that were met already, by the name that the table has."""
    where = f"{path}:{line}"
    name = (row[columns.path] or "").strip()
    texts = {key: " ".join((row[key] or "").split()) for key in labels}
    split = (row[columns.split] or "").strip().lower() if columns.split else ""
    for key, value in ((columns.path, name), *texts.items()):
        if not value:
            raise RecipeError(f"{where}: '{key}' is empty", fix="fill it in, or remove the line")
    if columns.split and split not in SPLITS:
        raise RecipeError(f"{where}: {columns.split}: '{split}' is no split", fix="write train, val or test")
    if name not in found:
        image = path.parent / Path(name).expanduser()
        if not image.is_file():
            raise RecipeError(f"{where}: no such file: {name}", fix=f"paths are relative to {path.parent or '.'}")
        found[name] = image
    return Labelled(found[name], sys.intern("\x1f".join(texts.values())), SPLITS.get(split, ""), where)


def list_images(root: Path) -> list[Labelled]:
    """Return the images of all classes; files that are none are passed over, as are hidden ones."""
    folders = _folders(root)
    named = [folder for folder in folders if folder.name.lower() in SPLITS]
    if not any(folder.name.lower() == "train" for folder in named):
        return _images_of(root, folders, "")
    others = [folder.name for folder in folders if folder not in named]
    if others:
        raise RecipeError(
            f"data.root: {root} holds train and other folders: {some(others)}",
            fix="keep train, val and test there alone, each with a folder a class",
        )
    rows = []
    for folder in named:
        rows += _images_of(folder, _folders(folder), SPLITS[folder.name.lower()])
    return rows


def _images_of(root: Path, folders: list[Path], split: str) -> list[Labelled]:
    if not folders:
        loose = [path for path in root.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES]
        found = f"{len(loose)} images but no folders" if loose else "no folders"
        raise RecipeError(
            f"data.root: {root} holds {found}", fix="put the images of each class into a folder of its own"
        )
    rows, empty = [], []
    for folder in folders:
        images = [path for path in files_below(folder) if path.suffix.lower() in IMAGE_SUFFIXES]
        if not images:
            empty.append(folder.name)
        label = " ".join(folder.name.split())
        if named(label) != label:
            raise RecipeError(f"data.root: {named(folder)}: its name is no UTF-8", fix="rename the folder")
        rows += [Labelled(path, label, split) for path in images]
    if empty:
        raise RecipeError(
            f"data.root: no image in {some(empty)} of {root}",
            fix=f"add images ({', '.join(IMAGE_SUFFIXES)}) or remove the folder",
        )
    return rows


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
