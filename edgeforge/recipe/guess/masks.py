"""What `edgeforge init` can tell of pictures with masks: images/NAME.jpg beside masks/NAME.png."""

from __future__ import annotations

from pathlib import Path

from edgeforge.errors import RecipeError, some
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.image_file import open_image
from edgeforge.inputs.regular import named
from edgeforge.recipe.listed_images import IMAGE_SUFFIXES, SPLITS, Labelled, files_below

IMAGES, MASKS = "images", "masks"
LOOKED_AT = 200  # masks, evenly spaced
WHITE = 255


def pictures_with_masks(path: Path) -> tuple[list[Labelled], list[Path]] | None:
    """Return the pictures and the masks of a folder; None where it is none of pictures with masks."""
    folders = [path] if path.is_dir() else []
    folders += [one for one in (sorted(path.iterdir()) if path.is_dir() else []) if one.name.lower() in SPLITS]
    found = [folder for folder in folders if (folder / IMAGES).is_dir() and (folder / MASKS).is_dir()]
    if not found:
        return None
    pictures = [file for folder in found for file in files_below(folder / IMAGES) if _is_image(file)]
    masks = [file for folder in found for file in files_below(folder / MASKS) if _is_image(file)]
    return [Labelled(picture, "") for picture in pictures], masks


def classes_in(root: Path, masks: list[Path]) -> tuple[int, tuple[str, ...]]:
    """Return how many outputs a pixel has, and the lines of the `data` section: classes, and the number of none.

    Raises RecipeError where the masks' numbers are no classes from 0 on.
    """
    import numpy as np

    present: set[int] = set()
    for file in masks[:: max(len(masks) // LOOKED_AT, 1)]:
        try:
            with open_image(file) as picture:
                pixels = np.asarray(picture)
        except Exception as error:
            raise RecipeError(
                f"--data {named(file)}: {cause_in(error, 'the image is damaged')}", fix="save the mask again as PNG"
            ) from error
        present |= {int(one) for one in np.unique(pixels if pixels.ndim == 2 else pixels[..., 0])}
    numbers = sorted(present)
    if numbers == [0, WHITE]:
        return 1, ("  classes: [background, object]    # pixels of 0 and of 255",)
    ignored = len(numbers) > 2 and numbers[-1] == WHITE
    known = numbers[:-1] if ignored else numbers
    if len(known) < 2 or known != list(range(len(known))):
        raise RecipeError(
            f"--data {named(root)}: its masks have pixels of {some([str(one) for one in numbers])}: classes are "
            "numbered from 0 on, each in some mask",
            fix="number them so; 255 may be pixels of no class",
        )
    names = ", ".join(["background", *(f"class{place}" for place in known[1:])])
    lines = [f"  classes: [{names}]    # of the masks' numbers from 0 on: give them their names"]
    lines += ["  ignore: 255                 # pixels of no class: neither learned nor judged"] if ignored else []
    return 1 if len(known) == 2 else len(known), tuple(lines)


def _is_image(file: Path) -> bool:
    return file.suffix.lower() in IMAGE_SUFFIXES
