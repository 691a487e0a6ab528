"""Decodes many image files into one array of pixels; those that cannot be read are named."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from itertools import batched
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Progress
from edgeforge.errors import MissingDependency, RecipeError
from edgeforge.foreign.wording import cause_in
from edgeforge.inputs.image_file import open_image

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageFile

LARGE, LARGE_PIXELS = threading.Lock(), 8_000_000
LUMA = (0.299, 0.587, 0.114)  # Pillow's weights of gray (ITU-R 601-2)
ORIENTATION = 0x0112  # EXIF's tag; below: what Pillow's exif_transpose does for it
TURNED = {2: "FLIP_LEFT_RIGHT", 3: "ROTATE_180", 4: "FLIP_TOP_BOTTOM", 5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE",
          8: "ROTATE_90"}  # fmt: skip
AT_ONCE = 64  # pictures that wait for a thread: each that waits takes a kilobyte
COPIES = 2.5  # of all pixels that lie in memory at once while they are split and written


def decode(
    paths: list[Path], size: tuple[int, int], channels: int, progress: Progress
) -> tuple[NDArray[Any], dict[int, str]]:
    """Return the pixels of all files (N,C,H,W), and of those that cannot be read index → reason.

    uint8; float32, whole numbers to 65535, where a file is of 16 bits a channel: 8-bit pixels beside it count 257 each.
    Raises RecipeError when they would not fit into memory, MissingDependency for what no installed package decodes.
    """
    import numpy as np
    import psutil

    shape = (len(paths), channels, *size)
    places: dict[Path, list[int]] = {}  # a picture that is listed many times is decoded once
    for index, path in enumerate(paths):
        places.setdefault(path, []).append(index)
    deep = any(is_deep(path) for path in places)
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
    done = 0

    def read(path: Path) -> str:
        try:
            pixels[places[path]] = (read_deep if deep else read_image)(path, size, channels)
        except MissingDependency:
            raise
        except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them to
            return cause_in(error, "the image is damaged")
        return ""

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for some in batched(places, AT_ONCE):
            for path, reason in zip(some, pool.map(read, some), strict=True):
                refused |= dict.fromkeys(places[path], reason) if reason else {}
            done += len(some)
            progress(0.9 * done / len(places), f"decoding {len(places):,} images, {megabytes:,.0f} MB in memory")
    return pixels, dict(sorted(refused.items()))


def read_image(path: Path, size: tuple[int, int], channels: int) -> NDArray[np.uint8]:
    """Return an image (C,H,W uint8), as `pixels.model_pixels` has it; size: height, width."""
    from edgeforge.data.pixels import model_pixels

    with open_image(path) as file, one_at_a_time(file):
        return model_pixels(file, (channels, *size))


def one_at_a_time(image: Image.Image) -> AbstractContextManager[Any]:
    """Return what keeps threads from unpacking several large images at once: each may take half a gigabyte."""
    return LARGE if image.width * image.height > LARGE_PIXELS else nullcontext()


def is_deep(path: Path) -> bool:
    """Say whether a file is an image of 16 bits a channel; False for one that cannot be read."""

    try:
        with open_image(path) as file:
            return file.mode.startswith("I") or _is_cut(file)
    except Exception:  # said where it is decoded
        return False


def _is_cut(file: ImageFile.ImageFile) -> bool:
    """Say whether Pillow would decode channels of 16 bits, other than gray alone, to their upper 8."""
    raw_modes = [args if isinstance(args, str) else args[0] for *_, args in file.tile if args]
    return not file.mode.startswith("I") and any(";16" in str(mode) for mode in raw_modes)


def read_deep(path: Path, size: tuple[int, int], channels: int) -> NDArray[np.float32]:
    """Return an image (C,H,W float32, whole numbers to 65535) as `read_image` does, with all of its 16 bits.

    Pillow keeps those of gray pictures alone; colours are decoded by OpenCV. Raises MissingDependency without it.
    """
    import numpy as np
    from PIL import Image, ImageOps

    from edgeforge.data.pixels import fitted

    with open_image(path) as file, one_at_a_time(file):
        if _is_cut(file):
            turned = TURNED.get(file.getexif().get(ORIENTATION, 1))
            pixels = _colours(path)
        else:
            image, turned = ImageOps.exif_transpose(file), None
            if image.mode.startswith("I"):
                pixels = np.asarray(image).astype(np.float32)[..., None]
            else:
                pixels = np.asarray(image.convert("RGB")).astype(np.float32) * 257
    if channels == 1:
        pixels = pixels if pixels.shape[2] == 1 else (pixels @ LUMA)[..., None]
    height, width = size
    planes = []
    for plane in np.moveaxis(pixels.astype(np.float32), 2, 0):
        whole = Image.fromarray(np.ascontiguousarray(plane))
        whole = whole if turned is None else whole.transpose(Image.Transpose[turned])
        planes.append(np.rint(np.asarray(fitted(whole, width, height))).clip(0, 65535))
    return np.repeat(planes, channels // len(planes), axis=0)


def _colours(path: Path) -> NDArray[np.float32]:
    """Return a picture's colours (H,W,3 float32, whole numbers to 65535), as they lie in the file."""
    try:
        import cv2
    except ImportError as error:
        raise MissingDependency(
            f"{path.name} has colours of 16 bits, of which Pillow keeps 8", fix="pip install opencv-python-headless"
        ) from error
    found: NDArray[Any] | None = cv2.imread(
        str(path), cv2.IMREAD_ANYDEPTH | cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    )
    if found is None:
        raise ValueError("its colours of 16 bits cannot be decoded")
    scale = 257 if found.dtype == "uint8" else 1
    colours: NDArray[np.float32] = found[..., ::-1].astype("float32") * scale
    return colours
