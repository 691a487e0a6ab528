"""From an image to the pixels of a model's input: upright, 8 bits, gray or colour, its middle cut and resized.

The one definition of it: training images are read by it, the Raspberry Pi bundle carries this very file, and the
sketch's camera gives the same bytes (targets/arduino/camera.py). So it runs on the device's Python, 3.9 and later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

MODES = {1: "L", 3: "RGB"}  # Pillow's, by channels; gray is ITU-R 601's luma


def model_pixels(image: Image.Image, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Return any image as a model's raw input (C,H,W uint8, white is 255); shape: C,H,W, of 1 or 3 channels."""
    import numpy as np

    channels, height, width = shape
    pixels = np.asarray(fitted(_plain(image, channels), width, height))
    return np.ascontiguousarray(pixels.reshape(height, width, channels).transpose(2, 0, 1))


def fitted(image: Image.Image, width: int, height: int) -> Image.Image:
    """Return the middle of an image, cut to the sides' ratio of the result and resized to it.

    By Pillow's bilinear filter, which is antialiased: each pixel is the weighted mean of all that it covers. Columns
    first, then rows, each rounded to 8 bits; left to itself, Pillow 13 takes whichever order is quicker, and
    Pillow 11 another.
    """
    from PIL import Image

    left, top, right, bottom = middle(image.size, (width, height))
    narrowed = image.resize((width, image.height), Image.Resampling.BILINEAR, (left, 0, right, image.height))
    return narrowed.resize((width, height), Image.Resampling.BILINEAR, (0, top, width, bottom))


def middle(size: tuple[int, int], wanted: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return the largest box (left, top, right, bottom) in the middle of `size` with the sides' ratio of `wanted`.

    Sizes are width, height. Where the ratios are the same it is the whole image.
    """
    (width, height), ratio = size, wanted[0] / wanted[1]
    box_width, box_height = float(width), float(height)
    if width * wanted[1] > height * wanted[0]:
        box_width = min(ratio * height, width)  # rounding must not leave the image
    elif width * wanted[1] < height * wanted[0]:
        box_height = min(width / ratio, height)
    left, top = (width - box_width) / 2, (height - box_height) / 2
    return left, top, left + box_width, top + box_height


def _plain(image: Image.Image, channels: int) -> Image.Image:
    """Return an image upright in mode L or RGB; of 16-bit gray the upper 8 bits, where Pillow would clip at 255."""
    import numpy as np
    from PIL import Image, ImageOps

    ImageOps.exif_transpose(image, in_place=True)  # a copy would take a photo's memory twice
    if image.mode.startswith("I"):
        image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])
