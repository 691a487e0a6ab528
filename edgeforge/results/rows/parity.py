"""What the report says of parity: float against int8 layer by layer, and runtimes against each other."""

from __future__ import annotations

from edgeforge.results.rows.row import Row


class Deviation(Row):
    """How far quantized values are from float ones."""

    sqnr_db: float | None  # signal to quantization noise; None when equal
    cosine: float
    max_error: float
    max_steps: float | None = None  # the same in steps of the tensor's scale


class Advice(Row):
    """Something wrong with a layer's quantization, and what to do about it."""

    rule: str
    what: str
    remedy: str


class LayerRow(Row):
    """One operator of the quantized model beside its counterpart in the float model.

    own: what this layer alone does. Its operator is given the float values on its inputs' grids; the float operator
    is given those same values. Rounding of the inputs is thus charged to the layers that made them.
    accumulated: the whole quantized network up to here against the whole float network.
    grid_sqnr_db: what rounding the float output onto this tensor's grid leaves; `own` below it is the weights' part.
    output_sqnr_db: of the network's outputs if this layer alone were quantized; cost: its share of all such noise.
    """

    name: str  # features.3 (CONV_2D 2)
    module: str | None = None  # the PyTorch module it came from
    operator: str
    place: int | None  # in the quantized file; None for one that is only in the float file
    shape: list[int]
    precision: str  # of the output: int8, uint8, int16, float32
    reason: str = ""  # why it could not be compared
    scale: float | None = None
    zero_point: int | None = None
    low: float | None = None  # the values that the tensor can hold
    high: float | None = None
    minimum: float | None = None  # the values that the float model has
    maximum: float | None = None
    own: Deviation | None = None
    accumulated: Deviation | None = None
    grid_sqnr_db: float | None = None
    saturation: float | None = None  # share of float values more than half a step outside low..high
    output_sqnr_db: float | None = None
    cost: float | None = None
    advice: list[Advice] = []
    output: str = ""  # of several outputs of the network, which this one is


class OutputRow(Row):
    """One of several outputs of the network."""

    name: str
    step: float | None  # its scale
    sqnr_db: float | None  # all layers quantized; None when equal, or not compared


class RuntimePairRow(Row):
    """Two runtimes on the same images, on the grid of the TFLite model's output."""

    a: str
    b: str
    images: int
    identical: float  # share of outputs, not of images
    within_one: float | None  # share at most one step apart
    max_steps: int | None  # None when the output is float
    max_difference: float  # in logits
    same_class: float | None  # share of images; None: the primary head is a value
    one_file: bool  # both run the same .tflite file: integers were compared, nothing was rounded


class ParityRow(Row):
    """Layers of one quantized model, and its runtimes; `reason` says why there are none."""

    reason: str = ""
    model: str = ""  # the variant compared
    images: int = 0
    output_sqnr_db: float | None = None  # of the network's outputs, all layers quantized
    layers: list[LayerRow] = []
    runtimes: list[RuntimePairRow] = []
    left_out: dict[str, str] = {}  # runtime → why it could not be compared
    notes: list[str] = []
    step: float | None = None  # the output's scale; of several see `outputs`
    outputs: list[OutputRow] = []  # where there are several
