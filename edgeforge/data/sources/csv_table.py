"""A csv file of image paths and labels, and of splits where a column says them."""

from __future__ import annotations

from pathlib import Path

from edgeforge.builder.stage import Job
from edgeforge.data.source import Source
from edgeforge.data.sources.labelled import load_labelled
from edgeforge.recipe.listed_images import read_table
from edgeforge.recipe.schema import Data
from edgeforge.recipe.user_files import USER_DATA


def load_csv(job: Job) -> Source:
    """Return the images that data.root lists, resized. Raises RecipeError naming the line that is wrong."""
    path, data = job.files[USER_DATA], job.recipe.data
    return load_labelled(job, read_table(path, data.columns, data.labels if data.heads else ()), f"data.root: {path}")


def csv_files(path: Path, data: Data) -> list[Path]:
    """Return the table and the images that it lists."""
    return [path, *sorted({row.path for row in read_table(path, data.columns, data.labels if data.heads else ())})]
