"""A network outside of any build: through ONNX to TFLite, and what that changes of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.artifact import Preprocessing
from edgeforge.errors import first_line
from edgeforge.export.onnx import write_onnx
from edgeforge.export.tflite import convert_variants
from edgeforge.recipe import TFLite, TFLiteVariant

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn


@dataclass(frozen=True)
class Converted:
    """The files of one network, and why a TFLite variant could not be made."""

    onnx: Path
    tflite: dict[TFLiteVariant, Path]
    refused: dict[TFLiteVariant, str]


def convert_network(
    network: nn.Module, inputs: NDArray[np.float32], folder: Path, settings: TFLite | None = None, name: str = "model"
) -> Converted:
    """Write NAME.onnx and NAME_VARIANT.tflite of a network in evaluation mode.

    inputs: N,C,H,W float32 in the model's input space: they calibrate. Raises StageFailed when PyTorch cannot
    export the network, RecipeError for an operator that TFLite has none of.
    """
    import torch

    with torch.no_grad():
        outputs = int(network(torch.from_numpy(inputs[:1])).shape[1])
    channels, height, width = (int(size) for size in inputs.shape[1:])
    classes = tuple(str(number) for number in range(outputs))
    plain = Preprocessing((channels, height, width), 1.0, (0.0,) * channels, (1.0,) * channels, classes)
    source = folder / f"{name}.onnx"
    write_onnx(network, plain, source)
    made = convert_variants(source, inputs, settings or TFLite(), lambda share, text: None)
    files, refused = {}, {}
    for kind, outcome in made.items():
        if isinstance(outcome, Exception):
            refused[kind] = first_line(outcome)
            continue
        files[kind] = folder / f"{name}_{kind}.tflite"
        files[kind].write_bytes(outcome)
    return Converted(source, files, refused)


def relative_error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference as a share of the expected values' range."""
    return float(abs(found - expected).max() / (expected.max() - expected.min()))


def correlation(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return Pearson's correlation of all values."""
    import numpy as np

    return float(np.corrcoef(found.ravel(), expected.ravel())[0, 1])
