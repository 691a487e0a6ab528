"""The user's own data as files: which there are, and the one digest by which a build knows them again."""

from __future__ import annotations

import csv
import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.files import sha256_of
from edgeforge.recipe.schema import Columns, Data
from edgeforge.suggest import nearest

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
USER_DATA = "data/own"  # its name among a job's files


@dataclass(frozen=True)
class Labelled:
    """One image of the user's: its file, its class, and its split where the user has chosen it."""

    path: Path
    label: str
    split: str = ""  # train, val, test
    where: str = ""  # of a csv: file:line


def files_below(folder: Path) -> list[Path]:
    """Return the files of a folder and of all below it, in order; hidden ones are left out."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(place, name) for name in sorted(names) if not name.startswith(".")]
    return found


def read_table(path: Path, columns: Columns) -> list[Labelled]:
    """Return the lines of a csv file of image paths and labels. Raises RecipeError naming file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=max(",;\t", key=head.count), strict=True)
            names = reader.fieldnames or []
            for key, name in columns:
                if name is not None and name not in names:
                    raise RecipeError(
                        f"{path}:1: there is no column '{name}'{nearest(name, names)}",
                        fix=f"name it in data.columns.{key}; there are: {', '.join(names)}",
                    )
            return [_row(path, reader.line_num, row, columns) for row in reader]
    except UnicodeDecodeError as error:
        raise RecipeError(f"{path}: not UTF-8 text", fix="save the file as UTF-8") from error
    except csv.Error as error:
        raise RecipeError(f"{path}:{reader.reader.line_num}: {error}", fix="mend the line") from error


def _row(path: Path, line: int, row: dict[str, str | None], columns: Columns) -> Labelled:
    where = f"{path}:{line}"
    name, label = (row[columns.path] or "").strip(), " ".join((row[columns.label] or "").split())
    split = (row[columns.split] or "").strip().lower() if columns.split else ""
    for key, value in ((columns.path, name), (columns.label, label)):
        if not value:
            raise RecipeError(f"{where}: '{key}' is empty", fix="fill it in, or remove the line")
    if columns.split and split not in SPLITS:
        raise RecipeError(f"{where}: {columns.split}: '{split}' is no split", fix="write train, val or test")
    image = path.parent / Path(name).expanduser()
    if not image.is_file():
        raise RecipeError(f"{where}: no such file: {name}", fix=f"paths are relative to {path.parent or '.'}")
    return Labelled(image, label, SPLITS.get(split, ""), where)


def data_digest(data: Data, path: Path) -> str:
    """Return the SHA-256 (hex) of all that a source reads: of each file its name, size and content."""
    if data.source == "csv":
        table = read_table(path, data.columns)
        return digest_of([path, *sorted({row.path for row in table})], path.parent)
    if data.source == "cells":
        from edgeforge.data.sources.cells import cells_files

        return digest_of(cells_files(path), path)
    if data.source == "matr1":
        from edgeforge.data.sources.matr1.source import matr1_files

        return digest_of(matr1_files(path), path)
    return digest_of(files_below(path), path) if path.is_dir() else sha256_of(path)


def digest_of(paths: Iterable[Path], folder: Path) -> str:
    """Return one SHA-256 (hex) of files' names (relative to a folder), sizes and contents."""
    listed = list(paths)
    with ThreadPoolExecutor() as pool:  # hashing a large file leaves the other threads free
        hashes = list(pool.map(sha256_of, listed))
    digest = hashlib.sha256()
    for path, content in zip(listed, hashes, strict=True):
        digest.update(f"{os.path.relpath(path, folder)}\0{path.stat().st_size}\0{content}\n".encode())
    return digest.hexdigest()
