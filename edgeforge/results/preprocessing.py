"""What a model's input and output mean: from raw pixels to its input, and from its output vector to its heads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.results.files import PREPROCESSING_FILE
from edgeforge.tflite.associated_files import append_files, associated_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABELS_FILE = "labels.txt"


@dataclass(frozen=True)
class Head:
    """One thing that a model says of an input: its class or, with no classes, a value in a unit.

    The model has one output vector; each head's logits (one a class) or normalised value is a slice of it, in the
    order of `Preprocessing.heads`.
    """

    name: str
    classes: tuple[str, ...] = ()
    unit: str = ""  # of a value, such as cycles
    mean: float = 0.0  # of the training values (of their natural logarithms where `log` is set)
    std: float = 1.0
    log: bool = False

    @property
    def size(self) -> int:
        """How many elements of the output vector are this head's."""
        return len(self.classes) or 1

    def normalised(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the network is trained to give for values in `unit`: what `value` undoes."""
        import numpy as np

        return ((np.log(values) if self.log else values) - self.mean) / self.std

    def value(self, output: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return values in `unit` of a value head's outputs."""
        import numpy as np

        value = output.astype(np.float64) * self.std + self.mean
        return np.exp(value) if self.log else value


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
    raw_type: Literal["uint8", "float32"] = "uint8"  # float32: sensor values, not pixels

    def __post_init__(self) -> None:
        if not self.heads:
            object.__setattr__(self, "heads", (Head("class", self.classes),))

    @property
    def outputs(self) -> int:
        """The length of the model's output vector."""
        return sum(head.size for head in self.heads)

    @property
    def classified(self) -> slice | None:
        """Where the primary head's logits are in the output vector; None: that head is a value."""
        return slice(0, self.heads[0].size) if self.heads[0].classes else None

    def slices(self) -> dict[str, slice]:
        """Return each head's place in the output vector."""
        places, start = {}, 0
        for head in self.heads:
            places[head.name] = slice(start, start + head.size)
            start += head.size
        return places

    def apply(self, raw: NDArray[Any]) -> NDArray[np.float32]:
        """Turn raw pixels (N,C,H,W of raw_type) into model inputs (N,C,H,W float32)."""
        import numpy as np

        mean = np.asarray(self.mean, np.float32).reshape(1, -1, 1, 1)
        std = np.asarray(self.std, np.float32).reshape(1, -1, 1, 1)
        return (raw.astype(np.float32) / np.float32(self.raw_max) - mean) / std

    def to_json(self) -> str:
        """Return the text that stands in every artifact."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Preprocessing:
        """Read what `to_json` wrote."""
        values = json.loads(text)
        return cls(
            shape=tuple(values["shape"]),
            raw_max=values["raw_max"],
            mean=tuple(values["mean"]),
            std=tuple(values["std"]),
            classes=tuple(values["classes"]),
            heads=tuple(Head(**{**head, "classes": tuple(head["classes"])}) for head in values.get("heads", ())),
            raw_type=values.get("raw_type", "uint8"),
        )


def with_preprocessing(flatbuffer: bytes, preprocessing: Preprocessing) -> bytes:
    """Return a .tflite file: the flatbuffer with labels.txt and preprocessing.json appended."""
    labels = "\n".join(preprocessing.classes) + "\n"
    return append_files(flatbuffer, {LABELS_FILE: labels, PREPROCESSING_FILE: preprocessing.to_json()})


def read_preprocessing_of(data: bytes) -> Preprocessing | None:
    """Return the preprocessing inside a .tflite file; None when it carries none."""
    text = associated_file(data, PREPROCESSING_FILE)
    return None if text is None else Preprocessing.from_json(text)
