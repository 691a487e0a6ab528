"""Which wrong answers are shown, in which order, and how large that may become."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from edgeforge.evaluate.mistakes import MOST, MOST_BYTES, SIDE, mistakes
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing

GREY = Preprocessing((1, 8, 8), 255.0, (0.0,), (1.0,), ("a", "b", "c"))
IMAGES = np.arange(6, dtype=np.uint8).repeat(64).reshape(6, 1, 8, 8) * 40
LABELS = np.array([0, 1, 2, 0, 1, 2])


def said(*classes: int, sure: float = 1.0) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[list(classes)] * sure


def test_what_only_int8_gets_wrong_comes_first_and_the_surest_of_it() -> None:
    of_int8 = said(1, 1, 0, 2, 2, 2) * np.array([1, 1, 1, 3, 1, 1], np.float32)[:, None]
    found = mistakes(IMAGES, LABELS, {"float": said(0, 1, 0, 0, 1, 0), "int8": of_int8}, np.arange(6), GREY)
    assert found and (found.float_model, found.int8_model, found.images) == ("float", "int8", 6)
    assert found.counts == {"int8": 3, "both": 1, "float": 1}
    shown = [(one.index, one.who, one.truth, one.said_float, one.said_int8) for one in found.pictures]
    assert shown == [(3, "int8", 0, 0, 2), (0, "int8", 0, 0, 1), (4, "int8", 1, 1, 2), (2, "both", 2, 0, 0),
                     (5, "float", 2, 0, 2)]  # fmt: skip


def test_a_part_of_the_test_split_keeps_its_numbers() -> None:
    index = np.array([1, 4])
    found = mistakes(IMAGES, LABELS, {"float": said(1, 1), "int8": said(1, 0)}, index, GREY)
    assert found and [(one.index, one.truth) for one in found.pictures] == [(4, 1)]
    picture = Image.open(io.BytesIO(base64.b64decode(found.pictures[0].png)))
    assert (picture.size, picture.mode, picture.getpixel((0, 0))) == ((8, 8), "L", 160)


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_few_small_and_the_same_each_time(channels: int) -> None:
    images = np.random.default_rng(0).integers(0, 256, (99, channels, 150, 300), np.uint8)
    of = replace(GREY, shape=(channels, 150, 300), mean=(0.0,) * channels, std=(1.0,) * channels)
    outputs = {"float": said(*[0] * 99), "int8": said(*[1] * 99)}
    found = mistakes(images, np.zeros(99, np.int64), outputs, np.arange(99), of)
    assert found and found.counts["int8"] == 99 and 0 < len(found.pictures) <= MOST
    assert sum(len(one.png) for one in found.pictures) <= MOST_BYTES
    assert Image.open(io.BytesIO(base64.b64decode(found.pictures[0].png))).size == (SIDE, SIDE // 2)
    assert found == mistakes(images, np.zeros(99, np.int64), outputs, np.arange(99), of)


def test_what_is_no_picture_or_no_class_has_none() -> None:
    outputs = {"float": said(*LABELS), "int8": said(*LABELS)}
    windows = replace(GREY, raw_type="float32")
    assert mistakes(IMAGES, LABELS, outputs, np.arange(6), windows) is None
    value = replace(GREY, classes=(), heads=(Head("age", unit="years"),))
    assert mistakes(IMAGES, LABELS, outputs, np.arange(6), value) is None
