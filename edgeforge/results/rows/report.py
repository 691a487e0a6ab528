"""The report's data: what `report.json` holds, and the one source for the table, the page and comparisons."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from edgeforge.results.rows.board_run import BoardRun
from edgeforge.results.rows.calibration import CalibrationRow, Finding
from edgeforge.results.rows.engine import EngineRow
from edgeforge.results.rows.fit import FitRow
from edgeforge.results.rows.mixed import MixedRow
from edgeforge.results.rows.parity import ParityRow
from edgeforge.results.rows.pictures.maps import MapsRow
from edgeforge.results.rows.pruning import PruningRow
from edgeforge.results.rows.row import Row
from edgeforge.results.rows.sound.listening import ListeningRow
from edgeforge.results.rows.training import TrainingRow
from edgeforge.results.variant import TFLITE_INT8, TORCH_FLOAT

SCHEMA_VERSION: Literal[1] = 1

Verdict = Literal["better", "tie", "worse", "reference"]

# How people call the runtimes, in the order in which reports show them.
RUNTIMES = {
    "torch": "PyTorch",
    "onnxruntime": "ONNX Runtime",
    "litert": "TFLite",
    "tflm": "TFLite Micro",
    "engine": "Standalone engine",
}


class HeadRow(Row):
    """One thing that the model says of an input: a class or, with no classes, a value in a unit."""

    name: str
    classes: list[str] = []
    unit: str = ""
    kind: str = ""  # as Head has it; left out: classes, or with none a value


class Drop(Row):
    """A head against the reference's on the same images.

    Classes: accuracy, by the exact McNemar test on the images they differ on. A value: RMSE, by paired bootstrap.
    A map: mean IoU, by paired bootstrap over images.
    """

    points: float  # reference top-1 (or mean IoU) minus this one, in percentage points; negative is a gain
    only_reference_right: int = 0
    only_variant_right: int = 0
    p_value: float | None = None
    verdict: Verdict
    rmse: float | None = None  # of a value: this RMSE minus the reference's, with its 95 % interval
    rmse_low: float | None = None
    rmse_high: float | None = None
    iou_low: float | None = None  # of a map: this mean IoU minus the reference's, 95 % interval in percentage points
    iou_high: float | None = None
    unit: str = ""


class HeadMetrics(Row):
    """One head over the whole test split (or `images` of it), with 95 % intervals.

    Classes: accuracy with its Wilson interval, and the rest. A value: errors in its unit, RMSE with its bootstrap
    interval.
    """

    images: int
    head: str = "class"
    correct: int = 0
    top1: float | None = None
    top1_low: float | None = None
    top1_high: float | None = None
    precision_macro: float | None = None
    recall_macro: float | None = None
    balanced: float | None = None  # accuracy: mean recall of the classes that occur
    threshold: float | None = None  # of yes or no: the probability, or the error of a reconstruction, that is a yes
    precision: float | None = None  # of a yes, at the threshold; None: it is never said
    recall: float | None = None  # None: there is none
    f1: float | None = None
    auroc: float | None = None  # over all thresholds
    auprc: float | None = None
    r2: float | None = None  # of a value: the share of its variance that is explained
    iou: float | None = None  # of a map: intersection over union of all pixels, mean over classes
    iou_low: float | None = None
    iou_high: float | None = None
    ious: list[float | None] = []  # by class; None: neither there nor found
    dice: float | None = None  # mean over classes
    pixels: float | None = None  # share that is right
    confusion: list[list[int]] = []  # rows: true class, columns: predicted class; of a map: pixels
    unit: str = ""
    rmse: float | None = None
    rmse_low: float | None = None
    rmse_high: float | None = None
    mae: float | None = None
    largest: float | None = None
    truth: list[float] = []  # of a value, evenly spaced where there are many: what the scatter plot shows
    predicted: list[float] = []
    drop: Drop | None = None  # of heads after the first; that one's stands in its variant's row


class Metrics(HeadMetrics):
    """The primary head's metrics, those of the other heads, and the primary head's on further test sets."""

    others: list[HeadMetrics] = []
    further: dict[str, HeadMetrics] = {}


class Latency(Row):
    """One image at a time after warm-up; ratio to the reference by paired bootstrap (95 %)."""

    p50: float  # ms
    p99: float  # ms
    threads: int
    runs: int
    ratio: float | None = None  # median latency over the reference's
    ratio_low: float | None = None
    ratio_high: float | None = None
    verdict: Verdict | None = None


class Agreement(Row):
    """How far the outputs are from the reference's on the same images."""

    top1: float | None  # share of images with the same class; None: the primary head is a value
    max_abs_logit: float
    sqnr_db: float | None  # None when the outputs are equal
    max_steps: float | None = None  # against the fake-quant model, in output quantization steps


class Check(Row):
    """Something proven (or not) about a file, such as 'no float tensor left'."""

    name: str
    passed: bool
    detail: str


class VariantRow(Row):
    """One deployable model, measured; or the reason why it could not be made."""

    name: str  # torch-fx-int8
    runtime: str  # torch, onnxruntime, litert, tflm
    precision: str  # fp32, fp16, dynamic-int8, int8
    detail: str = ""  # engine, kernels, subset: what a reader must know
    status: Literal["ok", "failed"] = "ok"
    reason: str = ""
    file: str | None = None  # relative to the build folder
    size_bytes: int | None = None
    metrics: Metrics | None = None
    drop: Drop | None = None
    latency_ms: Latency | None = None
    agreement: Agreement | None = None
    peak_memory_bytes: int | None = None  # resident memory that loading and running it added
    arena_bytes: int | None = None
    checks: list[Check] = []
    warnings: list[str] = []


class TargetRow(Row):
    """One board: does the model fit its memory and with what room, and does its library take the model."""

    board: str
    title: str
    fits: bool | None  # its memory; None: cannot be said (no model to pack)
    library_takes_it: bool | None = None
    reason: str = ""  # the verdict on memory, and the library's where it has something against the model
    flash_bytes: int | None = None  # all that is packed, and the core
    flash_limit_bytes: int
    ram_bytes: int | None = None  # arena with its margin, runtime and core
    ram_limit_bytes: int
    arena_bytes: int | None = None  # predicted for the board
    arena_head_bytes: int | None = None
    arena_tail_bytes: int | None = None
    operators: list[str] = []
    project: str | None = None  # relative to the build folder
    fit: FitRow | None = None  # what all this is made of

    @property
    def deployable(self) -> bool | None:
        """Whether both verdicts are yes; None: cannot be said."""
        return None if self.fits is None else self.fits and self.library_takes_it is not False


class EdgeTPUOperator(Row):
    """One operator, in the order of execution; `reason` says why it would run on the CPU, or what to watch."""

    operator: str  # CONV_2D
    name: str  # of its output tensor
    maps: bool
    reason: str = ""


class EdgeTPURow(Row):
    """Which operators an Edge TPU would run: by its published limits, and by its compiler where there is one."""

    mapped: int
    operators: list[EdgeTPUOperator]
    compiler: str  # what edgetpu_compiler said, or that it is not on the PATH
    compiler_mapped: int | None = None
    compiler_cpu: int | None = None


class StageRow(Row):
    """One stage of the build: from the store, or run, and how long it took when it ran."""

    name: str
    cached: bool
    seconds: float
    peak_memory_bytes: int | None = None


class PiLatency(Row):
    """One variant of the bundle with one number of threads: one image at a time after warm-up, all variants in turn."""

    variant: str  # onnx-fp32, tflite-int8
    threads: int
    runs: int
    p50_ms: float
    p90_ms: float
    p99_ms: float
    images_per_second: float
    provider: str  # ONNX Runtime's execution provider, or LiteRT


class PiHead(Row):
    """One of several heads in the self-test."""

    head: str
    largest_difference: float
    tolerance: float
    same_class: int  # images


class PiSelfTest(Row):
    """The bundle's outputs on a device against those of the desk that packed it; of several heads the furthest's."""

    variant: str
    passed: bool
    images: int
    largest_difference: float  # of the logits
    tolerance: float
    tolerance_is: str
    same_class: int  # images
    provider: str
    heads: list[PiHead] = []  # of several, each


class PiLoad(Row):
    """The HTTP endpoint under load on loopback: `clients` connections, each sending one image after the other."""

    clients: int
    requests: int
    statuses: dict[str, int]  # HTTP status, or the name of the client's error
    seconds: float
    requests_per_second: float
    p50_ms: float
    p90_ms: float
    p99_ms: float


class PiDevice(Row):
    """What the bundle's own scripts measured on one computer: `desk`, or the host it was deployed to."""

    name: str
    bundle: str = ""  # the SHA-256 of the archive that was measured
    device: dict[str, Any]  # model, machine, cores, system, python, onnxruntime, providers, governor
    temperature_c: dict[str, float | None]  # before, after
    throttled: dict[str, list[str]] | None = None  # now, since_boot: under-voltage and the like, on a Raspberry Pi
    selftest: list[PiSelfTest]
    latency: list[PiLatency]
    memory_bytes: dict[str, int | None]  # variant → peak resident memory of a process that runs it
    chosen: dict[str, Any] | None = None  # variant, threads, p50_ms, against
    perf: dict[str, Any] | None = None  # per_image: variant → event → count; or reason
    load: list[PiLoad] = []
    malformed: dict[str, Any] | None = None  # requests, statuses, alive: what was answered to images that are none
    load_reason: str = ""  # why the endpoint was not loaded


class RaspberryPiRow(Row):
    """The Raspberry Pi bundle, and every computer it was measured on, the desk first."""

    bundle: str  # relative to the build folder
    size_bytes: int
    files: dict[str, int]  # the models in it → bytes
    format: str
    optimize: str
    left_out: str = ""  # which variants the bundle has not, and why
    goldens: dict[str, str] = {}  # variant → which runtime's outputs the self-test compares with
    findings: list[Finding] = []  # of the runtime that should have given them
    devices: list[PiDevice]


class Mistake(Row):
    """One picture; classes by their number, `index` in the test split."""

    index: int
    who: Literal["int8", "both", "float"]  # of the two models is wrong
    truth: int
    said_float: int
    said_int8: int
    png: str  # base64, at most `evaluate.mistakes.SIDE` pixels a side


class MistakesRow(Row):
    """What two models get wrong of the images that both were run on; the primary head's classes."""

    float_model: str
    int8_model: str
    images: int
    counts: dict[Literal["int8", "both", "float"], int]  # all, also those whose picture is not shown
    pictures: list[Mistake]  # those that only int8 gets wrong first


class Report(Row):
    """Everything a build found out."""

    # `schema` in the file; that name is taken in pydantic.
    schema_version: Literal[1] = Field(SCHEMA_VERSION, alias="schema")
    recipe: str
    build: str = ""  # which one this is of: the beginning of the key that stands at `report` in recipe.lock.yaml
    finished: str = ""  # UTC
    seed: int
    reference: str = TORCH_FLOAT
    shipped: str = TFLITE_INT8  # the variant that TFLM runs and that is packed for the boards
    classes: list[str]
    heads: list[HeadRow] = []  # left out: one head with these classes
    input_shape: list[int]  # C,H,W
    normalize: dict[str, list[float]]
    split: dict[str, int]  # images in train, validation, test
    toolchain: dict[str, str]
    machine: dict[str, Any]
    variants: list[VariantRow]
    targets: list[TargetRow]
    calibration: CalibrationRow
    training: TrainingRow
    pruning: PruningRow | None = None
    edge_tpu: EdgeTPURow | None = None
    findings: list[Finding]
    stages: list[StageRow]
    recipe_yaml: str
    parity: ParityRow | None = None  # layer by layer, and runtime by runtime
    mixed: MixedRow | None = None
    engine: EngineRow | None = None  # the model that ships as plain C
    qat: TrainingRow | None = None  # the fine-tuning with fake quantization
    raspberry_pi: RaspberryPiRow | None = None
    listening: ListeningRow | None = None  # a network of sound on continuous recordings
    mistakes: MistakesRow | None = None  # where inputs are pictures and outputs classes
    maps: MapsRow | None = None  # where outputs are a class for each pixel
    board_runs: list[BoardRun] = []  # what `edgeforge monitor` measured on boards
