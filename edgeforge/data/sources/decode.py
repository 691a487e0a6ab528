"""Decodes many image files into one array of pixels; those that cannot be read are named."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Progress
from edgeforge.errors import RecipeError
from edgeforge.foreign.wording import cause

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COPIES = 2.5  # of all pixels that lie in memory at once while they are split and written


def decode(
    paths: list[Path], size: tuple[int, int], channels: int, progress: Progress
) -> tuple[NDArray[Any], dict[int, str]]:
    """Return the pixels of all files (N,C,H,W), and of those that cannot be read index → reason.

    uint8; float32, whole numbers to 65535, where a file is of 16-bit gray: 8-bit pixels beside it count 257 each.
    Raises RecipeError when they would not fit into memory.
    """
    import numpy as np
    import psutil

    shape = (len(paths), channels, *size)
    deep = any(is_deep(path) for path in paths)
    kind: Any = np.float32 if deep else np.uint8
    megabytes, free = (
        int(np.prod(shape, dtype=np.int64)) * kind().itemsize / 1e6,
        psutil.virtual_memory().available / 1e6,
    )
    if COPIES * megabytes > free:
        raise RecipeError(
            f"data.size: {len(paths):,} images of {channels}x{size[0]}x{size[1]} are {megabytes:,.0f} MB; building "
            f"needs {COPIES} times that, and {free:,.0f} MB of memory are free",
            fix="lower data.size, use fewer images, or a machine with more memory",
        )
    pixels = np.zeros(shape, kind)
    refused: dict[int, str] = {}

    def read(index: int) -> str:
        try:
            pixels[index] = (read_deep if deep else read_image)(paths[index], size, channels)
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


def is_deep(path: Path) -> bool:
    """Say whether a file is an image of 16-bit gray; False for one that cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as file:
            return file.mode.startswith("I")
    except Exception:  # said where it is decoded
        return False


def read_deep(path: Path, size: tuple[int, int], channels: int) -> NDArray[np.float32]:
    """Return an image (C,H,W float32, whole numbers to 65535) as `read_image` does, with all of its 16 bits."""
    import numpy as np
    from PIL import Image, ImageOps

    from edgeforge.data.pixels import fitted

    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
        if image.mode.startswith("I"):
            gray = np.asarray(image).astype(np.float32)
        else:
            gray = np.asarray(image.convert("L")).astype(np.float32) * 257
    height, width = size
    values = np.rint(np.asarray(fitted(Image.fromarray(gray), width, height))).clip(0, 65535)
    return np.repeat(values[None], channels, axis=0)
