"""What a model's input and output mean: from raw pixels to its input, and from its output vector to its heads."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.errors import RecipeError
from edgeforge.features.settings import FeatureSettings
from edgeforge.results.files import PREPROCESSING_FILE
from edgeforge.results.head import Head
from edgeforge.tflite.associated_files import append_files, associated_file
from edgeforge.tflite.tensors import as_records

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Classified = Callable[["NDArray[Any]"], "NDArray[Any]"]  # output vectors (N,outputs) → classes (N)
LABELS_FILE = "labels.txt"
IMAGE_CHANNELS = (1, 3)
MADE = "build or pack the model again"
LARGEST_SIDE = 2**20
SMALLEST_SIDE, MOST_SLENDER = 8, 3  # of an image: pixels, and times the other side


@dataclass(frozen=True)
class Sampling:
    """How windows are taken of a sensor: its axes, samples a second, and samples from one window to the next."""

    rate_hz: float
    stride: int
    axes: tuple[str, ...]


RawType = Literal["uint8", "float32", "int32"]  # bytes; sensor values; whole numbers that a model takes as they are


@dataclass(frozen=True)
class RawInput:
    """One input of a model: from raw values (N,C,H,W) to its own, (raw / raw_max - mean) / std, channel by channel."""

    name: str
    shape: tuple[int, int, int]  # C,H,W
    raw_max: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    raw_type: RawType = "uint8"

    @property
    def values(self) -> int:
        """How many values it has."""
        return prod(self.shape)

    @property
    def largest_byte(self) -> int:
        """The largest raw value of bytes: that of a white pixel in the training data."""
        # A model whose raw values end at 1 or below takes bytes as they are: it scales them itself.
        return min(round(self.raw_max), 255) if self.raw_max > 1 else 255

    def apply(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Turn raw values (N,C,H,W of raw_type) into the model's (N,C,H,W float32)."""
        import numpy as np

        mean = np.asarray(self.mean, np.float32).reshape(1, -1, 1, 1)
        std = np.asarray(self.std, np.float32).reshape(1, -1, 1, 1)
        return (raw.astype(np.float32) / np.float32(self.raw_max) - mean) / std

    def undo(self, x: NDArray[np.float32]) -> NDArray[Any]:
        """Return raw values of normalised ones (N,C,H,W): what `apply` undoes, rounded where raw values are whole."""
        import numpy as np

        mean = np.asarray(self.mean, np.float32).reshape(1, -1, 1, 1)
        std = np.asarray(self.std, np.float32).reshape(1, -1, 1, 1)
        raw = (x * std + mean) * np.float32(self.raw_max)
        if self.raw_type == "uint8":
            return np.clip(np.rint(raw), 0, 255).astype(np.uint8)
        return np.rint(raw).astype(np.int32) if self.raw_type == "int32" else raw


@dataclass(frozen=True)
class Preprocessing:
    """From raw pixels to the model's true input: (raw / raw_max - mean) / std, channel by channel.

    It travels with every artifact: inside .pt and .onnx files, appended to .tflite files, and as constants
    in the Arduino sketch. So does what the output vector means: `classes` are those of its first head.
    """

    shape: tuple[int, int, int]  # C,H,W
    raw_max: float  # 255 for 8-bit images
    mean: tuple[float, ...]
    std: tuple[float, ...]
    classes: tuple[str, ...]
    heads: tuple[Head, ...] = ()  # left out: one head with these classes
    raw_type: RawType = "uint8"
    sampling: Sampling | None = None  # of windows, whose shape is axes,1,samples
    sound: FeatureSettings | None = None  # of clips of sound, whose shape is 1,frames,values
    inputs: tuple[
        RawInput, ...
    ] = ()  # of several, each; raw inputs are records of them then. The fields above: the first

    def __post_init__(self) -> None:
        if not self.heads:
            object.__setattr__(self, "heads", (Head("class", self.classes),))

    @property
    def outputs(self) -> int:
        """The length of the model's output vector."""
        return sum(head.size for head in self.heads)

    @property
    def classified(self) -> Classified | None:
        """What tells the primary head's classes of output vectors; None: it is a value, or the input again."""
        head = self.heads[0]
        if head.kind == "reconstruction":
            return None
        return (lambda outputs: head.decide(outputs[:, : head.size])) if head.classes else None

    @property
    def is_image(self) -> bool:
        """Whether raw inputs are pictures, which a camera could take."""
        return self.raw_type == "uint8" and self.sound is None and picture_shape(self.shape)

    @property
    def largest_byte(self) -> int:
        """The largest raw value of bytes: that of a white pixel in the training data."""
        return self.every_input[0].largest_byte

    @property
    def every_input(self) -> tuple[RawInput, ...]:
        """Each input of the model; the only one has no name."""
        return self.inputs or (RawInput("", self.shape, self.raw_max, self.mean, self.std, self.raw_type),)

    def slices(self) -> dict[str, slice]:
        """Return each head's place in the output vector."""
        places, start = {}, 0
        for head in self.heads:
            places[head.name] = slice(start, start + head.size)
            start += head.size
        return places

    def apply(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Turn raw pixels (N,C,H,W of raw_type) into model inputs (N,C,H,W float32); of several inputs records (N)."""
        if self.inputs:
            return as_records({one.name: one.apply(raw[one.name]) for one in self.inputs})
        return self.every_input[0].apply(raw)

    def as_outputs(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Return what a model that gives its input again should give for raw inputs: N,H*W*C."""
        return self.apply(raw).transpose(0, 2, 3, 1).reshape(len(raw), -1)

    def to_json(self) -> str:
        """Return the text that stands in every artifact."""
        values = asdict(self)
        if self.sampling is None:  # of images: files of before are the same
            del values["sampling"]
        if self.sound is None:  # of images: files of before are the same
            del values["sound"]
        if not self.inputs:  # of one: files of before are the same
            del values["inputs"]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote. Raises RecipeError for anything else: the file may be a stranger's."""
        from pydantic import TypeAdapter, ValidationError

        try:
            read = TypeAdapter(cls).validate_json(text)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "its text"
            raise RecipeError(f"{PREPROCESSING_FILE} in it is not EdgeForge's: {where} is wrong", fix=MADE) from error
        for one in read.inputs:
            if not _sound(one):
                raise RecipeError(
                    f"{PREPROCESSING_FILE} in it tells of an input '{one.name[:40]}' that is none", fix=MADE
                )
        if len({one.name for one in read.inputs}) < len(read.inputs):
            raise RecipeError(f"{PREPROCESSING_FILE} in it tells of two inputs of one name", fix=MADE)
        numbers = (read.raw_max, *read.mean, *read.std, *(number for head in read.heads for number in head.numbers))
        if not all(map(isfinite, numbers)) or read.raw_max <= 0 or not all(one > 0 for one in read.std):
            raise RecipeError(f"{PREPROCESSING_FILE} in it holds numbers that are none, or below 0", fix=MADE)
        if not all(head.threshold and 0 < head.threshold < 1 for head in read.heads if head.decides):
            raise RecipeError(f"{PREPROCESSING_FILE} in it has a threshold that is no probability", fix=MADE)
        if not all(1 <= size <= LARGEST_SIDE for size in read.shape) or not len(read.mean) == len(read.std):
            raise RecipeError(f"{PREPROCESSING_FILE} in it has the shape {read.shape}", fix=MADE)
        if read.sound:
            read.sound.check(f"{PREPROCESSING_FILE} in it")
            if read.shape[2] != read.sound.values or read.shape[0] != 1 or read.raw_type != "uint8":
                raise RecipeError(
                    f"{PREPROCESSING_FILE} in it has {read.sound.values} features and {read.shape}", fix=MADE
                )
        if len(read.mean) not in (1, read.shape[0]):
            raise RecipeError(f"{PREPROCESSING_FILE} in it has {len(read.mean)} means for {read.shape}", fix=MADE)
        if read.sampling and not (
            isfinite(read.sampling.rate_hz)
            and read.sampling.rate_hz > 0
            and 0 < read.sampling.stride <= LARGEST_SIDE
            and read.shape[:2] == (len(read.sampling.axes), 1)
        ):
            raise RecipeError(f"{PREPROCESSING_FILE} in it tells of windows that are none", fix=MADE)
        return read


def _sound(one: RawInput) -> bool:
    """Say whether an input that a file tells of may be one."""
    return (
        all(map(isfinite, (one.raw_max, *one.mean, *one.std)))
        and min(one.raw_max, *one.std) > 0
        and all(1 <= size <= LARGEST_SIDE for size in one.shape)
        and len(one.mean) == len(one.std)
        and len(one.mean) in (1, one.shape[0])
    )


def picture_shape(shape: tuple[int, int, int]) -> bool:
    """Tell whether C,H,W may be a picture's: grey or colour, and no long strip, as windows of sensor values are."""
    channels, *sides = shape
    return channels in IMAGE_CHANNELS and min(sides) >= SMALLEST_SIDE and max(sides) <= MOST_SLENDER * min(sides)


def with_preprocessing(flatbuffer: bytes, preprocessing: Preprocessing) -> bytes:
    """Return a .tflite file: the flatbuffer with labels.txt and preprocessing.json appended."""
    labels = "\n".join(preprocessing.classes) + "\n"
    return append_files(flatbuffer, {LABELS_FILE: labels, PREPROCESSING_FILE: preprocessing.to_json()})


def read_preprocessing_of(data: bytes) -> Preprocessing | None:
    """Return the preprocessing inside a .tflite file; None when it carries none."""
    text = associated_file(data, PREPROCESSING_FILE)
    return None if text is None else Preprocessing.from_json(text)
