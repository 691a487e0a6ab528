"""Decodes many image files into one array of pixels; those that cannot be read are named."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.builder.stage import Progress
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COPIES = 2.5  # of all pixels that lie in memory at once while they are split and written


def decode(
    paths: list[Path], size: tuple[int, int], channels: int, progress: Progress
) -> tuple[NDArray[np.uint8], dict[int, str]]:
    """Return the pixels of all files (N,C,H,W uint8), and of those that cannot be read index → reason.

    Raises RecipeError when they would not fit into memory.
    """
    import numpy as np
    import psutil

    shape = (len(paths), channels, *size)
    megabytes, free = int(np.prod(shape, dtype=np.int64)) / 1e6, psutil.virtual_memory().available / 1e6
    if COPIES * megabytes > free:
        raise RecipeError(
            f"data.size: {len(paths):,} images of {channels}x{size[0]}x{size[1]} are {megabytes:,.0f} MB; building "
            f"needs {COPIES} times that, and {free:,.0f} MB of memory are free",
            fix="lower data.size, use fewer images, or a machine with more memory",
        )
    pixels = np.zeros(shape, np.uint8)
    refused: dict[int, str] = {}

    def read(index: int) -> str:
        try:
            pixels[index] = read_image(paths[index], size, channels)
        except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
            return cause(error)
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for index, reason in enumerate(pool.map(read, range(len(paths)))):
            if reason:
                refused[index] = reason
            if index % 50 == 0:
                progress(0.9 * index / len(paths), f"decoding {len(paths):,} images, {megabytes:,.0f} MB in memory")
    return pixels, refused


def read_image(path: Path, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Return an image (C,H,W uint8), as `pixels.model_pixels` has it; size: height, width."""
    from PIL import Image

    from edgeforge.data.pixels import model_pixels

    with Image.open(path) as file:
        return model_pixels(file, (channels, *size))
