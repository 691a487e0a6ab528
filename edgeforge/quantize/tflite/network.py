"""A network outside of any build: through ONNX to TFLite, and what that changes of its outputs."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.export.onnx import write_onnx
from edgeforge.foreign.wording import reason_of
from edgeforge.quantize.tflite.convert import convert_variants
from edgeforge.recipe.sections.quantize import TFLite, TFLiteVariant
from edgeforge.results.preprocessing import Preprocessing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn


@dataclass(frozen=True)
class Converted:
    """The TFLite files of one network, and why a variant could not be made."""

    tflite: dict[TFLiteVariant, Path]
    refused: dict[TFLiteVariant, str]


def convert_network(
    network: nn.Module, inputs: NDArray[np.float32], folder: Path, settings: TFLite | None = None
) -> Converted:
    """Write model.onnx and model_VARIANT.tflite of a network in evaluation mode.

    inputs: N,C,H,W float32 in the model's input space: they calibrate. Raises StageFailed when PyTorch cannot
    export the network, RecipeError for an operator that TFLite has none of.
    """
    source = folder / "model.onnx"
    export_network(network, inputs, source)
    # Never beside torch: with both libraries loaded, LiteRT ends the process.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(convert_file, source, inputs, settings or TFLite()).result()


def export_network(network: nn.Module, inputs: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    """Write a network as ONNX with an input (1,C,H,W) that needs no preprocessing; return its logits of the inputs."""
    import torch

    with torch.no_grad():
        logits = network(torch.from_numpy(inputs))
    channels, height, width = (int(size) for size in inputs.shape[1:])
    classes = tuple(str(number) for number in range(logits.shape[1]))
    write_onnx(
        network, Preprocessing((channels, height, width), 1.0, (0.0,) * channels, (1.0,) * channels, classes), path
    )
    result: NDArray[np.float32] = logits.numpy()
    return result


def convert_file(source: Path, inputs: NDArray[np.float32], settings: TFLite) -> Converted:
    """Write STEM_VARIANT.tflite beside an .onnx file. Raises RecipeError for an operator that TFLite has none of."""
    files, refused = {}, {}
    for kind, outcome in convert_variants(source, inputs, settings, lambda share, text: None).variants.items():
        if isinstance(outcome, Exception):
            refused[kind] = reason_of(outcome)
            continue
        files[kind] = source.with_name(f"{source.stem}_{kind}.tflite")
        files[kind].write_bytes(outcome)
    return Converted(files, refused)


def relative_error(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return the largest difference as a share of the expected values' range."""
    return float(abs(found - expected).max() / (expected.max() - expected.min()))


def correlation(found: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    """Return Pearson's correlation of all values."""
    import numpy as np

    return float(np.corrcoef(found.ravel(), expected.ravel())[0, 1])
