"""What `edgeforge init` can tell of a user's files without importing torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.inputs.arrays import require_begun
from edgeforge.inputs.image_file import open_image
from edgeforge.inputs.regular import named, require_regular
from edgeforge.inputs.sizes import ANY_SIZE, KIND
from edgeforge.recipe.guess.arrays import images_in, windows_in
from edgeforge.recipe.guess.masks import classes_in, pictures_with_masks
from edgeforge.recipe.guess.recordings import Recordings, recordings
from edgeforge.recipe.listed_images import IMAGE_SUFFIXES, Labelled, files_below
from edgeforge.recipe.schema import Columns

LARGEST = 96  # pixels: larger images seldom fit a microcontroller's memory
LONGEST_LINE = 2**20  # characters of a table's names
LOOKED_AT = 50  # images, evenly spaced
SMALLEST = 16  # pixels: sides of maps are multiples of it, so that a network halves them again and again


@dataclass(frozen=True)
class OwnData:
    """The `data` section of a user's files.

    size: (height, width), None where arrays have their own, which `pixels` is. channels: 1 gray, 3 colour, None where
    there are both. recordings: of windows and sound. labels: those that differ, where the files say them. lines: of the
    section, below size and channels.
    """

    source: str
    root: Path
    size: tuple[int, int] | None
    classes: int | None
    channels: int | None
    recordings: Recordings | None = None
    labels: frozenset[str] = frozenset()
    lines: tuple[str, ...] = ()
    pixels: tuple[int, int] | None = None


def own_data(path: Path, rate_hz: float | None = None, channels: int | None = None, rows: bool = False) -> OwnData:
    """Return what a folder, table or array file is. Raises RecipeError when it is none of these.

    rate_hz: of a sensor's samples, where no column says it. channels: of images, where that was said. rows: each line
    of a table is an input of its own.
    """
    if found_masks := pictures_with_masks(path):
        pictures, masks = found_masks
        outputs, lines = classes_in(path, masks)
        own = _images("masks", path, pictures)
        assert own.size
        height, width = (max(SMALLEST, round(side / SMALLEST) * SMALLEST) for side in own.size)
        return replace(own, size=(height, width), classes=outputs, lines=lines)
    if not _lists_images(path) and (found := recordings(path, rate_hz, rows)):
        return OwnData(found.source, path, None, found.classes, None, found, found.labels)
    if path.is_dir() and not (path / "x.npy").exists():
        from edgeforge.recipe.listed_images import list_images

        return _images("image_folder", path, list_images(path))
    if path.suffix == ".npz" and path.is_file() and (found := windows_in(path, rate_hz, channels is not None)):
        return OwnData(found.source, path, None, found.classes, None, found, found.labels)
    if path.is_dir() or path.suffix == ".npz":
        if not path.is_dir():
            require_begun(path, f"--data {named(path)}", "save it with numpy.savez(path, x=images, y=labels)")
        pixels, planes, classes, labels = images_in(path)
        return OwnData("numpy", path, None, classes, planes, labels=labels, pixels=pixels)
    if path.suffix == ".csv" and path.is_file():
        from edgeforge.recipe.listed_images import read_table

        return _images("csv", path, read_table(path, Columns()))
    if path.exists() or path.is_symlink():
        require_regular(path, "name a folder, a .csv or an .npz", ANY_SIZE)
    raise RecipeError(
        f"--data {path}: no folder, .csv or .npz there",
        fix=f"give a folder with a folder of images ({', '.join(IMAGE_SUFFIXES[:3])}, …) for each class",
    )


def _lists_images(path: Path) -> bool:
    """Say whether it is a folder with images in it, or a table of their paths."""
    if path.is_dir():
        return any(file.suffix.lower() in IMAGE_SUFFIXES for file in files_below(path))
    if path.suffix != ".csv" or not path.is_file():
        return False
    require_regular(path, "name a csv file", KIND["table"])
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return Columns().path in (name.strip().lower() for name in file.readline(LONGEST_LINE).split(","))


def _images(source: str, root: Path, rows: list[Labelled]) -> OwnData:
    """Return what some fifty of the images are: the size that all have where it is small, else one that boards take."""
    if not rows:
        raise RecipeError(f"--data {root}: it lists no image", fix="write a line a picture: its path and its label")
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
    labels = frozenset(row.label for row in rows)
    return OwnData(source, root, size if max(size) <= LARGEST else (LARGEST, LARGEST),
                   len(labels) or None, channels, labels=labels)  # fmt: skip
