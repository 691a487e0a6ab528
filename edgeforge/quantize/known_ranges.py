"""What a quantized model of PyTorch or ONNX knows of its tensors, as a file that needs neither to be read.

Written where the model is quantized, read where its ranges are put into TFLite.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.results.files import RANGES_FILE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ObservedTensor:
    """An activation: its place in the graph, its quantization, and its values in the float model.

    scale and zero_point are those of int8 [-128, 127]; scale is None where the tensor is kept in float.
    """

    name: str  # of the node in the traced graph; of the tensor in ONNX
    module: str  # path of the module that computes it; empty for a function; the node in ONNX
    scale: float | None
    zero_point: int
    values: NDArray[np.float32]  # N,C,H,W or N,C: for the inputs that `KnownRanges` holds

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that int8 can hold here."""
        assert self.scale is not None
        return (-128 - self.zero_point) * self.scale, (127 - self.zero_point) * self.scale


@dataclass(frozen=True)
class QuantizedWeights:
    """The int8 weights of a module: scale (one value, or one a channel) and values (O,I,H,W or O,I)."""

    module: str
    scale: NDArray[np.float32]
    values: NDArray[np.int8]


@dataclass(frozen=True)
class KnownRanges:
    """All activations in the graph's order, all int8 weights, and the inputs (N,C,H,W) the values are of."""

    inputs: NDArray[np.float32]
    tensors: tuple[ObservedTensor, ...]
    weights: tuple[QuantizedWeights, ...]
    float_modules: tuple[str, ...]  # modules left in float
    owner: str = "PyTorch"  # whose ranges they are

    @property
    def output_scale(self) -> float | None:
        """The scale of the last tensor; None where it is float."""
        return self.tensors[-1].scale


def write_ranges(folder: Path, ranges: KnownRanges, file: str = RANGES_FILE) -> None:
    """Write ranges.npz, or a file of another name."""
    import numpy as np

    facts = {
        "tensors": [[t.name, t.module, t.scale, t.zero_point] for t in ranges.tensors],
        "weights": [weights.module for weights in ranges.weights],
        "float_modules": ranges.float_modules,
        "owner": ranges.owner,
    }
    arrays: dict[str, Any] = {f"tensor_{i}": tensor.values for i, tensor in enumerate(ranges.tensors)}
    for place, weights in enumerate(ranges.weights):
        arrays |= {f"scale_{place}": weights.scale, f"weights_{place}": weights.values}
    np.savez(folder / file, facts=np.array(json.dumps(facts)), inputs=ranges.inputs, **arrays)


def read_ranges(folder: Path, file: str = RANGES_FILE) -> KnownRanges:
    """Return what `write_ranges` wrote."""
    import numpy as np

    with np.load(folder / file) as arrays:
        facts = json.loads(str(arrays["facts"]))
        tensors = [
            ObservedTensor(name, module, scale, zero_point, arrays[f"tensor_{place}"])
            for place, (name, module, scale, zero_point) in enumerate(facts["tensors"])
        ]
        weights = [
            QuantizedWeights(module, arrays[f"scale_{place}"], arrays[f"weights_{place}"])
            for place, module in enumerate(facts["weights"])
        ]
        float_modules = tuple(facts["float_modules"])
        return KnownRanges(arrays["inputs"], tuple(tensors), tuple(weights), float_modules, facts["owner"])
