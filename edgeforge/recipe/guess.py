"""What `edgeforge init` can tell of a user's files without importing torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.image_file import open_image
from edgeforge.recipe.listed_images import IMAGE_SUFFIXES, Labelled

LARGEST = 96  # pixels: larger images seldom fit a microcontroller's memory
LOOKED_AT = 50  # images, evenly spaced


@dataclass(frozen=True)
class OwnData:
    """The `data` section of a user's files.

    size: (height, width), None where arrays have their own. channels: 1 gray, 3 colour, None where there are both.
    """

    source: str
    root: Path
    size: tuple[int, int] | None
    classes: int | None
    channels: int | None


def own_data(path: Path) -> OwnData:
    """Return what a folder, table or array file is. Raises RecipeError when it is none of these."""
    if path.is_dir() and not (path / "x.npy").exists():
        from edgeforge.recipe.listed_images import list_images

        rows = list_images(path)
        return _images("image_folder", path, rows)
    if path.is_dir() or path.suffix == ".npz":
        return OwnData("numpy", path, None, None, None)
    if path.suffix == ".csv" and path.is_file():
        from edgeforge.recipe.listed_images import read_table
        from edgeforge.recipe.schema import Columns

        return _images("csv", path, read_table(path, Columns()))
    raise RecipeError(
        f"--data {path}: no folder, .csv or .npz there",
        fix=f"give a folder with a folder of images ({', '.join(IMAGE_SUFFIXES[:3])}, …) for each class",
    )


def _images(source: str, root: Path, rows: list[Labelled]) -> OwnData:
    """Return what some fifty of the images are: the size that all have where it is small, else one that boards take."""
    sizes: set[tuple[int, int]] = set()
    gray: set[bool] = set()
    for row in rows[:: max(len(rows) // LOOKED_AT, 1)]:
        try:
            with open_image(row.path) as image:
                sizes.add((image.height, image.width))
                gray.add(image.mode.startswith(("1", "L", "I", "F")))
        except Exception:  # the build names it
            continue
    size = sizes.pop() if len(sizes) == 1 else (LARGEST, LARGEST)
    channels = None if len(gray) == 2 else 1 if gray == {True} else 3
    return OwnData(source, root, size if max(size) <= LARGEST else (LARGEST, LARGEST),
                   len({row.label for row in rows}) or None, channels)  # fmt: skip
