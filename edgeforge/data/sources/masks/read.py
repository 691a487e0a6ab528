"""Reads a mask: the class of each pixel as a number, cut and resized as its picture is, by the nearest pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.data.sources.decode import one_at_a_time
from edgeforge.inputs.image_file import open_image
from edgeforge.results.head import IGNORED

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

WHITE = 255  # what many programs paint the second of two classes with


class MaskRefused(ValueError):
    """What is wrong with a mask."""


def numbers_of(classes: tuple[str, ...], ignore: int | None) -> list[int]:
    """Return the number of each class in masks: from 0 on, but for that of pixels without a class."""
    return [number for number in range(len(classes) + 1) if number != ignore][: len(classes)]


def read_mask(
    path: Path, picture: Path, size: tuple[int, int], classes: tuple[str, ...], ignore: int | None = None
) -> NDArray[np.uint8]:
    """Return a mask (H,W uint8) of `size` height, width: each pixel's class, IGNORED where its number is `ignore`.

    In the file a pixel is a class's number (see numbers_of), or 0 and 255 of two classes.
    Of a picture with a palette the index counts, not the colour. Raises MaskRefused for a mask of another size than
    its picture's, for colours, and for numbers that are no class.
    """
    import numpy as np
    from PIL import Image

    wanted = upright_size(picture)
    with open_image(path) as file, one_at_a_time(file):
        if file.size != wanted:
            raise MaskRefused(f"it has {file.width} x {file.height} pixels, its picture {wanted[0]} x {wanted[1]}")
        numbers = _numbers(file)
        known, listed = numbers_of(classes, ignore), f"and there are {len(classes)} classes, from 0 on"
        if ignore == 0:
            listed = f"and there are {len(classes)} classes, from 1 on"
        if (lowest := int(numbers.min())) < 0 or int(numbers.max()) > WHITE:
            raise MaskRefused(f"it has pixels of {lowest if lowest < 0 else int(numbers.max())}, {listed}")
        whole = Image.fromarray(numbers.astype(np.uint8))
        present = {number for number, count in enumerate(whole.histogram()) if count} - {ignore}
        if len(classes) == 2 and ignore not in (0, WHITE) and present <= {0, WHITE}:
            known = [0, WHITE]
        if unknown := present - set(known):
            raise MaskRefused(f"it has pixels of {max(unknown)}, {listed}")
        table = np.full(WHITE + 1, IGNORED, np.uint8)
        table[known] = np.arange(len(classes))
        found: NDArray[np.uint8] = table[np.asarray(nearest(whole, size[1], size[0]))]
        return found


def nearest(mask: Image.Image, width: int, height: int) -> Image.Image:
    """Return the middle of a mask, cut as pixels.fitted cuts its picture, and resized by the nearest pixel."""
    from PIL import Image

    from edgeforge.data.pixels import middle

    return mask.resize((width, height), Image.Resampling.NEAREST, middle(mask.size, (width, height)))


def upright_size(path: Path) -> tuple[int, int]:
    """Return width and height of a picture as it is seen: a camera may have said that it was turned."""
    with open_image(path) as file, one_at_a_time(file):  # of a PNG it may stand behind the pixels
        turned = file.getexif().get(0x0112, 1) >= 5
        return (file.height, file.width) if turned else file.size


def _numbers(file: Image.Image) -> NDArray[Any]:
    import numpy as np

    pixels = np.asarray(file)
    if pixels.ndim == 3:
        if not (pixels[..., :3] == pixels[..., :1]).all() or (pixels.shape[2] == 4 and pixels[..., 3].min() < WHITE):
            raise MaskRefused("its pixels are colours, not a class's number")
        pixels = pixels[..., 0]
    with np.errstate(invalid="ignore"):
        if pixels.dtype.kind == "f" and (pixels % 1 != 0).any():
            raise MaskRefused("its pixels are no whole numbers")
    return pixels
