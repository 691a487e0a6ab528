"""Reads a mask: the class of each pixel as a number, cut and resized as its picture is, by the nearest pixel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.inputs.image_file import open_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

WHITE = 255  # what many programs paint the second of two classes with


class MaskRefused(ValueError):
    """What is wrong with a mask."""


def read_mask(path: Path, picture: Path, size: tuple[int, int], classes: tuple[str, ...]) -> NDArray[np.uint8]:
    """Return a mask (H,W uint8) of `size` height, width. A pixel is a class's number, or 0 and 255 of two classes.

    Of a picture with a palette the index counts, not the colour. Raises MaskRefused for a mask of another size than
    its picture's, for colours, and for numbers that are no class.
    """
    import numpy as np
    from PIL import Image

    with open_image(path) as file:
        numbers = _numbers(file)
    wanted = upright_size(picture)
    if numbers.shape[::-1] != wanted:
        found = "{} x {}".format(*numbers.shape[::-1])
        raise MaskRefused(f"it has {found} pixels, its picture {wanted[0]} x {wanted[1]}")
    if len(classes) == 2 and set(np.unique(numbers).tolist()) <= {0, WHITE}:
        numbers = numbers // WHITE
    if (largest := int(numbers.max())) >= len(classes):
        raise MaskRefused(f"it has pixels of {largest}, and there are {len(classes)} classes, from 0 on")
    whole = Image.fromarray(numbers.astype(np.uint8))
    return np.asarray(nearest(whole, size[1], size[0]))


def nearest(mask: Image.Image, width: int, height: int) -> Image.Image:
    """Return the middle of a mask, cut as pixels.fitted cuts its picture, and resized by the nearest pixel."""
    from PIL import Image

    from edgeforge.data.pixels import middle

    return mask.resize((width, height), Image.Resampling.NEAREST, middle(mask.size, (width, height)))


def upright_size(path: Path) -> tuple[int, int]:
    """Return width and height of a picture as it is seen: a camera may have said that it was turned."""
    with open_image(path) as file:
        turned = file.getexif().get(0x0112, 1) >= 5
        return (file.height, file.width) if turned else file.size


def _numbers(file: Image.Image) -> NDArray[np.int64]:
    import numpy as np

    pixels = np.asarray(file)
    if pixels.ndim == 3:
        if not (pixels[..., :3] == pixels[..., :1]).all() or (pixels.shape[2] == 4 and pixels[..., 3].min() < WHITE):
            raise MaskRefused("its pixels are colours, not a class's number")
        pixels = pixels[..., 0]
    return pixels.astype(np.int64)
