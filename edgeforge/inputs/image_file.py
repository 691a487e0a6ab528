"""Opens a picture: a regular file, of a format that is no program, and of no more pixels than may be unpacked.

Pillow by itself opens what it can find a way to: an EPS called .png starts Ghostscript. The Raspberry Pi bundle carries
this very file, so it runs on the device's Python, 3.9 and later, and imports nothing of EdgeForge's.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFile

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")  # as Pillow calls them; PPM: PGM and PBM too
MOST_PIXELS = 64_000_000  # a few kilobytes can claim gigabytes
MOST_BYTES = 256 * 2**20


class ImageRefused(ValueError):
    """What is wrong with a file, or with the size of a picture, before it is unpacked."""


def open_image(source: Path | bytes, most_pixels: int = MOST_PIXELS) -> ImageFile.ImageFile:
    """Return a picture whose header has been read, and nothing more.

    Raises ImageRefused for what is none, or too large; what Pillow raises for one that is damaged; FileNotFoundError.
    """
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None  # Pillow's own limit is one for the whole process, and only warns at first
    data = source if isinstance(source, bytes) else _read(source)
    if len(data) > MOST_BYTES:
        raise ImageRefused(f"it has more than {MOST_BYTES:,} bytes")
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    if image.width * image.height > most_pixels:
        raise ImageRefused(f"more than {most_pixels:,} pixels: {image.width:,} x {image.height:,}")
    return image


def _read(path: Path) -> bytes:
    """Return a file's bytes. A named pipe, which would wait for ever, is refused as what it is."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ImageRefused("it is no file, but a folder, a named pipe or a device")
        if found.st_size > MOST_BYTES:
            raise ImageRefused(f"it has {found.st_size:,} bytes; at most {MOST_BYTES:,} are read")
        return file.read(MOST_BYTES)
