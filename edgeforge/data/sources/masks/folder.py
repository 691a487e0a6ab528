"""Which pictures and masks a folder holds: images/NAME.jpg beside masks/NAME.png, or so in train, val and test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError, some
from edgeforge.recipe.listed_images import IMAGE_SUFFIXES, SPLITS, files_below

IMAGES, MASKS = "images", "masks"
LOSSLESS = (".png", ".bmp", ".tif", ".tiff", ".gif", ".pgm")  # of a mask: JPEG would change its numbers


@dataclass(frozen=True)
class Pair:
    """A picture, its mask, and its split where the folder says it."""

    image: Path
    mask: Path
    split: str = ""  # train, val, test


def pairs_in(root: Path) -> list[Pair]:
    """Return each picture with the mask of its name, in order. Raises RecipeError for one without the other."""
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))
    named = [folder for folder in folders if folder.name.lower() in SPLITS]
    if not any(folder.name.lower() == "train" for folder in named):
        return _pairs_of(root, "")
    return [pair for folder in named for pair in _pairs_of(folder, SPLITS[folder.name.lower()])]


def _pairs_of(folder: Path, split: str) -> list[Pair]:
    for name in (IMAGES, MASKS):
        if not (folder / name).is_dir():
            raise RecipeError(
                f"data.root: {folder} holds no folder {name}",
                fix="put pictures into images/ and the mask of each into masks/, by the same name, or so in train/, "
                "val/ and test/",
            )
    images = _by_name(folder / IMAGES, IMAGE_SUFFIXES)
    masks = _by_name(folder / MASKS, LOSSLESS)
    if without := sorted(images.keys() - masks.keys()):
        lossy = [path.name for path in files_below(folder / MASKS) if path.suffix.lower() in (".jpg", ".jpeg", ".webp")]
        remedy = (
            f"save masks as PNG: JPEG changes a pixel's number ({some(lossy)})"
            if lossy
            else "paint them, or take those pictures away"
        )
        raise RecipeError(
            f"data.root: {folder}: {len(without)} of {len(images)} pictures have no mask: {some(without)}", fix=remedy
        )
    if without := sorted(masks.keys() - images.keys()):
        raise RecipeError(
            f"data.root: {folder}: {len(without)} of {len(masks)} masks have no picture: {some(without)}",
            fix="add the pictures, by the same name, or take those masks away",
        )
    if not images:
        raise RecipeError(f"data.root: no image in {folder / IMAGES}", fix=f"add images ({', '.join(IMAGE_SUFFIXES)})")
    return [Pair(path, masks[name], split) for name, path in images.items()]


def _by_name(folder: Path, suffixes: tuple[str, ...]) -> dict[str, Path]:
    """Return files by their place in the folder without suffix. Raises RecipeError where two share one."""
    files = [path for path in files_below(folder) if path.suffix.lower() in suffixes]
    names = [path.relative_to(folder).with_suffix("").as_posix() for path in files]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise RecipeError(
            f"data.root: {folder}: {len(twice)} names are of two files: {some(twice)}", fix="keep one of each"
        )
    return dict(zip(names, files, strict=True))
