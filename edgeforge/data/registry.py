"""Every data source by the name that a recipe gives it, and the one digest by which a build knows its files again."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.files import sha256_of
from edgeforge.inputs.sizes import ANY_SIZE, KIND, limit
from edgeforge.recipe.listed_images import files_below
from edgeforge.recipe.schema import Data, Recipe

SOURCES = "edgeforge.data.sources"
LOADERS = {
    "digits": "digits:load_digits",
    "mnist": "mnist:load_mnist",
    "image_folder": "image_folder:load_image_folder",
    "csv": "csv_table:load_csv",
    "numpy": "numpy_arrays:load_numpy",
    "windows": "windows.source:load_windows",
    "wav": "wav.source:load_wav",
    "masks": "masks.source:load_masks",
    "cells": "cells:load_cells",
    "matr1": "matr1.source:load_matr1",
}
# Which files a source reads, where these are not simply all of data.root.
FILES = {
    "csv": "csv_table:csv_files",
    "numpy": "numpy_arrays:numpy_files",
    "windows": "windows.source:windows_files",
    "cells": "cells:cells_files",
    "matr1": "matr1.source:matr1_files",
}
# What files a source reads, of those that are named in inputs/sizes.py.
LARGEST = {"image_folder": "image", "csv": "image", "masks": "image", "cells": "image", "wav": "sound"}


def source_modules(recipe: Recipe) -> tuple[str, ...]:
    """Return the module of a recipe's data source, which no import statement names."""
    return (_module(LOADERS[recipe.data.source]),)


def load_source(job: Job) -> Source:
    """Return what the recipe's data source yields. Raises RecipeError for files that are not what it reads."""
    source: Source = _function(LOADERS[job.recipe.data.source])(job)
    return source


def data_digest(data: Data, path: Path) -> str:
    """Return the SHA-256 (hex) of all that a source reads: of each file its name, size and content."""
    largest = KIND.get(LARGEST.get(data.source, ""), ANY_SIZE)
    if data.source in FILES:
        return digest_of(_function(FILES[data.source])(path, data), path if path.is_dir() else path.parent, largest)
    return digest_of(files_below(path), path, largest) if path.is_dir() else sha256_of(path)


def digest_of(paths: Iterable[Path], folder: Path, largest: int = ANY_SIZE) -> str:
    """Return one SHA-256 (hex) of files' names (relative to a folder), sizes and contents.

    largest: bytes of a file that the source reads; of a larger one, which it refuses unread, the size alone counts.
    """
    listed = list(paths)

    def hashed(path: Path) -> str:
        if path.is_file() and path.stat().st_size > limit(largest):
            return "too large"
        return sha256_of(path)

    with ThreadPoolExecutor() as pool:  # hashing a large file leaves the other threads free
        hashes = list(pool.map(hashed, listed))
    digest = hashlib.sha256()
    for path, content in zip(listed, hashes, strict=True):
        digest.update(f"{os.path.relpath(path, folder)}\0{path.stat().st_size}\0{content}\n".encode())
    return digest.hexdigest()


def _function(place: str) -> Any:
    return getattr(importlib.import_module(_module(place)), place.partition(":")[2])


def _module(place: str) -> str:
    return f"{SOURCES}.{place.partition(':')[0]}"
