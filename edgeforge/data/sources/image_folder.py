"""A folder of images with a folder a class, or with such a folder for each of train, val and test."""

from __future__ import annotations

from pathlib import Path

from edgeforge.builder.stage import Job
from edgeforge.data.sources.labelled import load_labelled, some
from edgeforge.data.splits import Source
from edgeforge.data.user_data import IMAGE_SUFFIXES, SPLITS, USER_DATA, Labelled, files_below
from edgeforge.errors import RecipeError


def load_image_folder(job: Job) -> Source:
    """Return the images of data.root, resized. Raises RecipeError for a folder that is laid out otherwise."""
    root = job.files[USER_DATA]
    return load_labelled(job, list_images(root), f"data.root: {root}")


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
        rows += [Labelled(path, label, split) for path in images]
    if empty:
        raise RecipeError(
            f"data.root: no image in {some(empty)} of {root}",
            fix=f"add images ({', '.join(IMAGE_SUFFIXES)}) or remove the folder",
        )
    return rows


def _folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
