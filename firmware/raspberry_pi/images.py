"""Images from files, bytes and cameras, as the arrays that the model takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from bundle import Bundle, BundleError, files_in
from image_file import ImageRefused, open_image
from pixels import MODES, model_pixels

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm")
MAX_PIXELS = 64_000_000  # an image that unpacks to more is refused: a few kilobytes can claim gigabytes


def read_image(
    source: Path | bytes, bundle: Bundle, *, fit: bool = False, name: str = "", most: int = MAX_PIXELS
) -> NDArray[Any]:
    """Return an image as pixels (1,C,H,W uint8, white is 255).

    fit: turn any size and mode into the model's own, cutting what its shape leaves over, as is always done where
    training did so. Without it another size or mode is an error, as a resized image is not what the model was tested
    on. most: its pixels. Raises BundleError.
    """
    fit = fit or bundle.any_size
    name = name or str(source)
    try:
        with open_image(source, MAX_PIXELS) as image:
            require_size(image, bundle, fit=fit, name=name, most=most)
            image.load()
            return to_pixels(image, bundle, fit=fit, name=name)
    except FileNotFoundError as error:
        raise BundleError(f"{name}: no such file") from error
    except UnidentifiedImageError as error:
        raise BundleError(f"{name}: not an image (PNG, JPEG, BMP, GIF, WebP, TIFF or PPM)") from error
    except ImageRefused as error:
        raise BundleError(f"{name}: {error}") from error
    # Pillow's decoders raise these, and SyntaxError, for damaged files.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, OverflowError, MemoryError) as error:
        raise BundleError(f"{name}: a damaged image") from error


def require_size(image: Image.Image, bundle: Bundle, *, fit: bool, name: str, most: int) -> None:
    """Raise BundleError for an image that its header says is too large, or no image of the model's, in any position."""
    if image.width * image.height > most:
        raise BundleError(f"{name}: {image.width}x{image.height}, more than {most:,} pixels: send it smaller")
    _, height, width = bundle.shape
    if not fit and image.size not in ((width, height), (height, width)):
        raise _another(image, bundle, name)


def _another(image: Image.Image, bundle: Bundle, name: str) -> BundleError:
    channels, height, width = bundle.shape
    found = f"{image.width}x{image.height} {image.mode}"
    return BundleError(f"{name}: {found}, the model takes {width}x{height} {MODES.get(channels)}; --fit converts it")


def to_pixels(image: Image.Image, bundle: Bundle, *, fit: bool, name: str) -> NDArray[Any]:
    """Return a PIL image as pixels (1,C,H,W uint8). Raises BundleError when it is not as the model takes it."""
    channels, height, width = bundle.shape
    mode = MODES.get(channels)
    if mode is None:
        raise BundleError(f"the model takes {channels} channels; images have 1 or 3")
    ImageOps.exif_transpose(image, in_place=True)
    if not fit and (image.mode != mode or image.size != (width, height)):
        raise _another(image, bundle, name)
    return model_pixels(image, bundle.shape)[None]


def image_files(paths: list[str]) -> Iterator[Path]:
    """Return files as they stand, and the images below folders in the order of their names."""
    return files_in(paths, SUFFIXES, "image")


def camera_frames(source: str, count: int) -> Iterator[tuple[str, Image.Image]]:
    """Yield `count` frames (0: without end) as (name, RGB image).

    source: `auto` for the camera of picamera2, or a number, file or address for OpenCV.
    """
    frames = _picamera() if source == "auto" else None
    if frames is None:
        frames = _opencv("0" if source == "auto" else source)
    for number, frame in enumerate(frames):
        if count and number == count:
            return
        yield f"frame-{number}", frame


def _picamera() -> Iterator[Image.Image] | None:
    """Return the frames of the Raspberry Pi's camera; None without picamera2."""
    try:
        from picamera2 import Picamera2
    except ImportError:
        return None

    def frames() -> Iterator[Image.Image]:
        try:
            camera = Picamera2()
            # picamera2 names formats by the order in a 32-bit word: its BGR888 is R,G,B in memory.
            camera.configure(camera.create_still_configuration(main={"size": (640, 480), "format": "BGR888"}))
            camera.start()
        except (RuntimeError, IndexError) as error:
            raise BundleError("the camera cannot be opened: is it plugged in, and used by nothing else?") from error
        try:
            while True:
                yield Image.fromarray(camera.capture_array("main"))
        finally:
            camera.stop()

    return frames()


def _opencv(source: str) -> Iterator[Image.Image]:
    try:
        import cv2
    except ImportError as error:
        advice = "sudo apt install python3-picamera2, or pip install opencv-python-headless"
        raise BundleError(f"no camera: neither picamera2 nor OpenCV is installed; {advice}") from error
    capture: Any = cv2.VideoCapture(int(source) if source.isdigit() else source)
    if not capture.isOpened():
        raise BundleError(f"camera {source} cannot be opened by OpenCV")
    try:
        while True:
            there, frame = capture.read()
            if not there:
                return
            yield Image.fromarray(np.ascontiguousarray(frame[:, :, ::-1]))  # OpenCV gives B,G,R
    finally:
        capture.release()
