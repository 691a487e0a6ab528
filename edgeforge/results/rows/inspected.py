"""What a model file is made of, layer by layer: the schema of `edgeforge inspect --json`.

Tensors and layers are named by their place in these lists. Sizes in bytes.
"""

from __future__ import annotations

from typing import Literal

from edgeforge.results.rows.fit import ArenaRow
from edgeforge.results.rows.row import Row
from edgeforge.results.rows.time import TimeRow

Format = Literal["TFLite", "ONNX", "TorchScript", "torch.export", "PyTorch weights"]


class TensorRow(Row):
    """A tensor. shape: None where it is not known; a size of 0 is one that the file leaves free.

    scales, zero_points: one, or one a channel; empty where it is not quantized. kind: a constant is in the file, a
    variable keeps its values from one inference to the next. written_by: a layer, None for inputs and constants.
    """

    name: str
    shape: list[int] | None
    dtype: str
    bytes: int | None
    kind: Literal["activation", "constant", "variable"] = "activation"
    scales: list[float] = []
    zero_points: list[int] = []
    written_by: int | None = None
    read_by: list[int] = []


class InspectedLayer(Row):
    """An operator. parameters: numbers of the file that it reads, constant_bytes what they take there.

    module: the PyTorch module that it came from, empty where neither the file nor its build folder says so. live_bytes:
    activations that are live while it runs, each once; None where a shape is not known. milliseconds: an estimate.
    """

    operator: str
    name: str
    module: str = ""
    reads: list[int] = []
    writes: list[int] = []
    options: dict[str, str] = {}
    macs: int = 0
    parameters: int = 0
    constant_bytes: int = 0
    live_bytes: int | None = None
    milliseconds: float | None = None


class ModelRow(Row):
    """A model file. arena: the activations' memory over time; where there is a board, as TFLM lays it out there."""

    file: str
    format: Format
    size_bytes: int
    sha256: str
    layers: list[InspectedLayer] = []
    tensors: list[TensorRow] = []
    inputs: list[int] = []
    outputs: list[int] = []
    macs: int = 0
    parameters: int = 0
    constant_bytes: int = 0
    peak_bytes: int | None = None
    peak_layer: int | None = None
    arena: ArenaRow | None = None
    board: str = ""  # its title
    time: TimeRow | None = None
    notes: list[str] = []


class ChangedLayer(Row):
    """A layer of one file and its counterpart in the other; None: it has none. What differs, in words."""

    a: int | None
    b: int | None
    label: str
    differences: list[str] = []
    integers_changed: int | None = None  # weights of the same shape and type whose values differ; None: none compared
    integers: int | None = None  # of so many
    largest: float | None = None  # the largest difference among them


class ModelDifference(Row):
    """What differs between two files. totals: name → of a and of b. same_bytes: the very same file."""

    a: ModelRow
    b: ModelRow
    same_bytes: bool
    totals: dict[str, tuple[str, str]] = {}
    layers: list[ChangedLayer] = []
    matched: int = 0  # layers that have a counterpart
    reason: str = ""  # why layers were not compared
