"""The one way from an image to a model's pixels: training, the Raspberry Pi and the sketch's tables give its bytes."""

import io
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edgeforge.data.pixels import fitted, middle
from edgeforge.data.sources.decode import read_image
from edgeforge.targets.arduino.camera import FRACTION_BITS, Axis, axes

SIDES = st.integers(1, 90)


def mixed(pixels: np.ndarray, axis: Axis) -> np.ndarray:
    """Apply an axis's table along the first dimension, as resize.cc does."""
    half = 1 << (FRACTION_BITS - 1)
    windows = [pixels[first : first + axis.taps].astype(np.int64) for first in axis.first.astype(int)]
    sums = [
        half + np.tensordot(weights.astype(np.int64), window, 1)
        for weights, window in zip(axis.weights, windows, strict=True)
    ]
    assert max(int(one.max()) for one in sums) < 256 << FRACTION_BITS, "nothing is cut off"
    return np.stack(sums) >> FRACTION_BITS


@settings(max_examples=150, deadline=None)
@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 128, 255]))
def test_the_tables_are_pillows_for_every_size(
    size: tuple[int, int], wanted: tuple[int, int], seed: int, contrast: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, size[::-1], np.uint8)
    image[image > contrast] = 255
    columns, rows = axes(size, wanted)
    found = mixed(mixed(image.T, columns).T, rows)
    assert (found == np.asarray(fitted(Image.fromarray(image), *wanted))).all()


@given(st.tuples(st.integers(1, 5000), st.integers(1, 5000)), st.tuples(st.integers(1, 999), st.integers(1, 999)))
def test_the_box_is_in_the_image_and_of_the_results_shape(size: tuple[int, int], wanted: tuple[int, int]) -> None:
    left, top, right, bottom = middle(size, wanted)
    assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
    assert (right - left) * wanted[1] == pytest.approx((bottom - top) * wanted[0])
    assert (right - left, bottom - top)[size[0] * wanted[1] > size[1] * wanted[0]] == (size[0], size[1])[
        size[0] * wanted[1] > size[1] * wanted[0]
    ]


def test_the_raspberry_pi_gives_the_bytes_of_training(
    firmware: Callable[[str], ModuleType], packed_bundle: Path, tmp_path: Path
) -> None:
    """Every mode, upright or turned, larger, smaller and of the model's own size."""
    images, classifier = firmware("images"), firmware("classifier")
    bundle = classifier.Bundle.read(packed_bundle)
    generator = np.random.default_rng(1)
    turned = Image.Exif()
    turned[0x0112] = 6
    colour = Image.fromarray(generator.integers(0, 256, (37, 50, 3), np.uint8))
    deep = Image.fromarray(generator.integers(0, 65536, (20, 31)).astype(np.uint16))
    pictures = [
        (colour, {"exif": turned}), (colour.convert("L"), {}), (colour.convert("P"), {}), (colour.convert("RGBA"), {}),
        (colour.convert("1"), {}), (deep, {}), (colour.resize((8, 8)), {}), (colour.resize((8, 8)), {"exif": turned}),
        (colour.resize((3, 5)), {}),
    ]  # fmt: skip
    for number, (picture, options) in enumerate(pictures):
        picture.save(tmp_path / f"{number}.png", **options)
        trained = read_image(tmp_path / f"{number}.png", (8, 8), 1)
        seen = images.read_image(tmp_path / f"{number}.png", bundle, fit=True)[0]
        assert trained.shape == (1, 8, 8) and (seen == trained).all(), number
    stream = io.BytesIO()
    colour.convert("L").resize((8, 8)).save(stream, "PNG", exif=turned)
    as_it_is = images.read_image(stream.getvalue(), bundle)
    assert (as_it_is == images.read_image(stream.getvalue(), bundle, fit=True)).all(), "turned upright in either way"
