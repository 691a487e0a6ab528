"""What every data source yields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edgeforge.features.settings import FeatureSettings
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Sampling
from edgeforge.results.rows.calibration import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Stream:
    """A continuous recording: its rows of features (frames,values uint8), and the words said in it.

    events: N,3: the class, the frame that it begins with and the one that it ends with.
    """

    rows: NDArray[np.uint8]
    events: NDArray[np.int64]


@dataclass(frozen=True)
class Clips:
    """Some clips of sound of the test split as they were recorded: their places there, and samples (N,length int16)."""

    places: NDArray[np.int64]
    samples: NDArray[np.int16]


@dataclass(frozen=True)
class Source:
    """What a data source yields: raw images (N,C,H,W uint8, or float32), labels (N), and how pixels are to be read.

    test_images is None where the source has no test split of its own: the recipe's share is set apart. So it is with
    validation_images. mean and std left out: those of the training split are computed.
    heads: left out: one head of `classes`. With several, or a value, labels are (N,heads) float64, classes as
    numbers and values in their unit; the first head is the primary one. A value's mean and std are computed here.
    groups: N numbers; inputs of one group, such as crops of one photograph, are never split.
    further: more test sets by name, as (images, labels), reported beside the test split.
    sampling: of windows (N,axes,1,samples), how they were taken.
    sound: of clips of sound (N,1,frames,values), what they are features of; streams: continuous recordings by split.
    clips: a few of the test split, by which a device proves its features.
    """

    images: NDArray[Any]
    labels: NDArray[Any]
    test_images: NDArray[Any] | None
    test_labels: NDArray[Any] | None
    classes: tuple[str, ...]
    raw_max: float  # the value of a white pixel
    mean: tuple[float, ...] = ()  # of the training pixels in [0, 1], one a channel
    std: tuple[float, ...] = ()
    validation_images: NDArray[Any] | None = None
    validation_labels: NDArray[Any] | None = None
    findings: tuple[Finding, ...] = ()  # for the report
    heads: tuple[Head, ...] = ()
    groups: NDArray[np.int64] | None = None
    further: dict[str, tuple[NDArray[Any], NDArray[Any]]] = field(default_factory=dict)
    sampling: Sampling | None = None
    sound: FeatureSettings | None = None
    streams: dict[str, Stream] = field(default_factory=dict)
    clips: Clips | None = None
