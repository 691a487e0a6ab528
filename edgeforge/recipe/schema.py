"""The recipe: what a person wants built. Every key, default and range stands here and in sections/."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from edgeforge.errors import RecipeError
from edgeforge.features.settings import FeatureSettings, Kind
from edgeforge.hardware.board import Board
from edgeforge.recipe.sections.numbers import Count, Decibels, Deviation, Limit, Name, Number, Share, Side
from edgeforge.recipe.sections.quantize import Quantize
from edgeforge.recipe.sections.search import Search
from edgeforge.recipe.sections.section import Section
from edgeforge.recipe.sections.training import Prune, Train, Trainer

DEFAULT_LIBRARY = "chirale-2.0.0"  # its key in libraries.toml

Criterion = Literal["balanced", "f1"]


class Normalize(Section):
    """Channel-wise normalisation of pixels in [0, 1]: (pixel - mean) / std; one value a channel."""

    mean: tuple[Number, ...] = Field(min_length=1, description="one value a channel, of pixels in [0, 1]")
    std: tuple[Deviation, ...] = Field(min_length=1, description="one value a channel")

    @model_validator(mode="after")
    def _same_channels(self) -> Normalize:
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} channels and std has {len(self.std)}")
        return self


class Columns(Section):
    """The columns of a table, by the names in its first line."""

    path: str = Field("path", description="csv: of an image, relative to the csv file, or absolute")
    label: str = Field("label", description="of files in a folder a class: that folder's name, not a column")
    split: str | None = Field(None, description="says train, val or test; default: split by the seed")
    recording: str | None = Field(
        None, description="windows: which recording a sample is of; default: a file is a recording"
    )
    time: str | None = Field(None, description="windows: of a sample, in s, ms, us or ns, or a date and time")


class HeadLabels(Section):
    """One of several heads: a column of labels, and what it means."""

    task: Literal["classes", "value", "binary"] = Field(description="as data.task has it")
    label: str | None = Field(None, description="the column; default: the head's name; of an array y: in its order")
    classes: tuple[str, ...] | None = Field(None, description="in the order of the outputs; default: by name")
    threshold: Share | None = Field(None, description="binary: the probability from which on it is the second class")
    unit: str | None = Field(None, max_length=40, description="value: of the labels, such as mm")
    log: bool = Field(False, description="value: learn its logarithm, for labels that span decades")

    @model_validator(mode="after")
    def _fits_the_task(self) -> HeadLabels:
        for key, task in (("threshold", "binary"), ("unit", "value"), ("log", "value")):
            if getattr(self, key) and self.task != task:
                raise ValueError(f"{key} belongs to task {task}; this is task {self.task}")
        if self.classes and self.task == "value":
            raise ValueError("classes make no sense with task: value")
        return self


class SoundAugment(Section):
    """Training clips again, changed: shifted, and with background noise. Further clips are made of each, once."""

    copies: int = Field(0, ge=0, le=100, description="changed clips beside each training clip as it is")
    shift_ms: int = Field(100, ge=0, le=10_000, description="earlier or later by up to so much")
    noise: float = Field(0.8, ge=0.0, le=1.0, description="share of the changed clips with noise of sound.noise")
    snr_db: tuple[Decibels, Decibels] = Field((0.0, 20.0), description="how much louder than the noise, from and to")
    recording_minutes: int = Field(
        0, ge=0, le=600, description="of a continuous recording of training clips, whose windows are trained on too: "
        "words, half a word as `unknown`, pauses as sound.silence",
    )  # fmt: skip

    @model_validator(mode="after")
    def _in_order(self) -> SoundAugment:
        if self.snr_db[0] > self.snr_db[1]:
            raise ValueError(f"snr_db: from {self.snr_db[0]:g} to {self.snr_db[1]:g} is no range")
        return self


class Sound(Section):
    """How clips of sound become pictures: a row a frame, of whole numbers from 0 to 255 (docs/sound.md)."""

    rate_hz: int = Field(16_000, ge=4000, le=48_000, description="of the microphone; recordings are resampled to it")
    clip_ms: int = Field(1000, ge=100, le=10_000, description="what the network hears at a time")
    features: Kind = Field("log-mel", description="a band's power; mfcc: its cosine transform; TFLM's microfrontend")
    window_ms: int = Field(30, ge=4, le=500, description="of a frame")
    stride_ms: int = Field(20, ge=2, le=500, description="from a frame to the next")
    bands: int = Field(40, ge=8, le=128, description="from lower_hz to upper_hz, evenly spaced in mel")
    coefficients: int = Field(13, ge=2, le=64, description="mfcc: the first of the cosine transform")
    lower_hz: float = Field(125.0, gt=0.0, le=24_000.0)
    upper_hz: float | None = Field(None, gt=0.0, le=24_000.0, description="default: 7500, or 15/32 of rate_hz if lower")
    noise: str = Field("_background_noise_", min_length=1, description="folder beside the classes, if it is there")
    silence: str | None = Field(None, min_length=1, description="a class of that name is made of the noise")
    unknown: tuple[str, ...] = Field((), description="folders that together are one class, `unknown`")
    augment: SoundAugment = SoundAugment()

    @model_validator(mode="after")
    def _can_be_computed(self) -> Sound:
        if self.features == "mfcc" and self.coefficients > self.bands:
            raise ValueError(f"coefficients: {self.coefficients} of {self.bands} bands; there are as many as bands")
        try:
            self.settings.check("sound")
        except RecipeError as error:
            raise ValueError(f"{error.reason.removeprefix('sound: ')}; {error.fix}") from error
        if self.clip_samples < self.settings.window:
            raise ValueError(f"clip_ms: {self.clip_ms} is shorter than window_ms: {self.window_ms}")
        return self

    @property
    def clip_samples(self) -> int:
        """The samples of a clip."""
        return self.rate_hz * self.clip_ms // 1000

    @property
    def settings(self) -> FeatureSettings:
        """What the features' C code is compiled for."""
        window, stride = (self.rate_hz * ms // 1000 for ms in (self.window_ms, self.stride_ms))
        upper = self.upper_hz or min(7500.0, self.rate_hz * 15 / 32)
        kept = self.coefficients if self.features == "mfcc" else 0
        return FeatureSettings(
            self.features, self.rate_hz, window, stride, self.bands, self.lower_hz, upper, coefficients=kept
        )


# The user's own data, and which keys of `data` each source takes.
TASK = ("task", "threshold", "unit", "log", "normal", "percentile")
ONE_HEAD = ("task", "threshold", "unit", "log", "normal", "classes")  # keys that say of the only head what heads say
PUBLIC = ("task", "normal", "percentile")  # of digits and mnist
OWN_SOURCES = {
    "image_folder": ("size", "channels", "corrupt", "classes", "raw_max", *TASK),
    "csv": ("size", "channels", "corrupt", "columns", "classes", "raw_max", "heads", *TASK),
    "numpy": ("classes", "raw_max", "heads", *TASK),
    "windows": ("corrupt", "columns", "classes", "window", "stride", "rate_hz", "axes", "layout", "heads", *TASK),
    "wav": ("corrupt", "classes", "sound"),
    "masks": ("size", "channels", "corrupt", "classes", "ignore", "raw_max", "task", "threshold"),
    "cells": (),
    "matr1": (),
}


SourceName = Literal["digits", "mnist", "image_folder", "csv", "numpy", "windows", "wav", "masks", "cells", "matr1"]


class Data(Section):
    """Where the images come from and how they are split."""

    source: SourceName = Field(
        description="digits needs no download; mnist downloads once; image_folder, csv and numpy are your own images, "
        "windows and wav your own recordings of sensors and of sound, masks pictures with a class for each pixel; "
        "cells (BCCD), matr1 (batteries) are public data"
    )
    root: str | None = Field(
        None, description="folder of the data, or the .csv or .npz file; default: the user's cache folder"
    )
    size: tuple[Side, Side] | None = Field(None, description="[height, width] that images are cut and resized to")
    channels: Literal[1, 3] = Field(3, description="1: grey; 3: red, green, blue")
    corrupt: Literal["skip", "refuse"] = Field(
        "skip", description="images that cannot be read, samples that are no numbers: named in the report"
    )
    columns: Columns = Columns()
    sound: Sound = Sound()
    classes: tuple[Name, ...] | None = Field(
        None, description="in the order of the outputs; default: by name; masks: of the pixels' numbers, from 0 on"
    )
    task: Literal["classes", "value", "binary", "map", "reconstruction"] | None = Field(
        None,
        description="value: labels are numbers in a unit, one output; binary: of two classes the second or not, one "
        "output; map: of masks, a class for each pixel; reconstruction: the input again, learned of the normal class "
        "alone; default: classes, asked for where labels are many numbers",
    )
    heads: dict[str, HeadLabels] | None = Field(
        None,
        description="several labels of an input, by the heads' names: {species: {task: classes}, age: {task: value}}; "
        "the first is the primary one",
    )
    ignore: int | None = Field(
        None,
        ge=0,
        le=255,
        description="masks: the number of pixels that are of no class, often 255: they are neither learned nor judged; "
        "classes are numbered by the others from 0 on",
    )
    threshold: Share | Criterion | None = Field(
        None,
        description="binary, or masks of two classes: the probability from which on it is the second class; balanced "
        "or f1: that of the best balanced accuracy, or F1, on the validation inputs; default: balanced, of masks 0.5",
    )
    normal: str | None = Field(
        None, description="reconstruction: the class that is trained on; all others are anomalies"
    )
    percentile: float = Field(
        95.0, gt=0.0, le=100.0, description="reconstruction: of the errors of normal validation inputs: the threshold"
    )
    unit: str | None = Field(None, max_length=40, description="value: of the labels, such as mm")
    log: bool = Field(False, description="value: learn its logarithm, for labels that span decades")
    raw_max: float | None = Field(
        None,
        ge=1e-9,
        le=1e9,
        description="the value that becomes 1; default 255, of 16-bit images 65535 (a 12-bit sensor: 4095)",
    )
    window: Count | None = Field(
        None, description="windows: samples in one; 1: each line of a table is an input of its own"
    )
    stride: Count | None = Field(None, description="windows: samples from one to the next; default: half a window")
    rate_hz: float | None = Field(None, gt=0.0, le=1e6, description="windows: samples a second, of every recording")
    axes: tuple[Name, ...] = Field(
        (),
        description="windows: the columns that are measured, in the order of the input; "
        "of an .npz file all axes' names, or some of them",
    )
    layout: Literal["ncl", "nlc"] | None = Field(
        None, description="windows: of the array x in an .npz file, N,axes,time or N,time,axes"
    )
    validation: float = Field(
        0.1,
        ge=0.0,
        lt=1.0,
        description="share of the training images for validation; 0: none, with train.keep: last",
    )
    test: Share = Field(0.25, description="share kept for testing where the source has no test split")
    normalize: Normalize | None = Field(None, description="default: the source's own mean and std")

    @model_validator(mode="after")
    def _fits_the_source(self) -> Data:
        takes = OWN_SOURCES.get(self.source, PUBLIC)
        if self.source not in OWN_SOURCES and self.task not in (None, "reconstruction"):
            raise ValueError(f"source {self.source} has classes; it is of task classes or reconstruction")
        for key in dict.fromkeys(key for keys in OWN_SOURCES.values() for key in keys):
            if key not in takes and getattr(self, key) != type(self).model_fields[key].default:
                *owners, last = (source for source, keys in OWN_SOURCES.items() if key in keys)
                named = f"{', '.join(owners)} and {last}" if owners else last
                raise ValueError(f"{key} belongs to source {named}; this is {self.source}")
        if self.source in OWN_SOURCES and not self.root:
            raise ValueError(f"source {self.source} needs root: where your data is")
        if "size" in takes and self.size is None:
            raise ValueError(f"source {self.source} needs size, for instance size: [96, 96]")
        if self.heads is not None:
            self._heads_are_said()
        if self.source == "windows":
            self._windows_are_said()
        if self.source == "masks" or self.task == "map":
            self._masks_are_named()
        if (self.normal is None) == (self.task == "reconstruction"):
            raise ValueError("task reconstruction and normal belong together: name the class that is trained on")
        if isinstance(self.threshold, str) and self.validation == 0:
            raise ValueError(f"threshold: {self.threshold} is chosen on validation inputs, and data.validation is 0")
        if self.percentile != 95.0 and self.task != "reconstruction":
            raise ValueError("percentile belongs to task reconstruction: set data.task: reconstruction too")
        for key, task in (("threshold", "binary"), ("unit", "value"), ("log", "value")):
            if getattr(self, key) and self.task != task and self.source != "masks":
                raise ValueError(f"{key} belongs to task {task}: set data.task: {task} too")
        if self.classes and self.task == "value":
            raise ValueError("classes make no sense with task: value")
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """The columns of labels: one a head."""
        return tuple(one.label or name for name, one in (self.heads or {}).items()) or (self.columns.label,)

    def of_head(self, name: str, label: str) -> Data:
        """Return the same data with one of `heads` alone, whose labels are in a column."""
        assert self.heads is not None
        said = self.heads[name].model_dump(exclude={"label"})
        columns = self.columns.model_copy(update={"label": label})
        return self.model_copy(update={**said, "columns": columns, "heads": None})

    def _heads_are_said(self) -> None:
        if not self.heads:
            raise ValueError("heads: name one at least, or leave it out")
        if said := [key for key in ONE_HEAD if getattr(self, key)]:
            raise ValueError(f"{said[0]} and heads: each head says its own; leave data.{said[0]} out")
        if self.columns.label != "label":
            raise ValueError("columns.label and heads: each head names its column; leave columns.label out")
        if twice := [name for name in self.labels if self.labels.count(name) > 1]:
            raise ValueError(f"heads: two are of the column '{twice[0]}'")
        if wrong := [name for name in self.heads if not 0 < len(name.strip()) <= 40]:
            raise ValueError(f"heads: '{wrong[0][:40]}' is no name of up to 40 characters")

    def _masks_are_named(self) -> None:
        if self.source != "masks":
            raise ValueError(
                f"task map needs a class for each pixel: source masks has them, {self.source} has one label an input"
            )
        if self.task not in (None, "map"):
            raise ValueError(f"source masks is of task map; this is task {self.task}")
        if self.classes is None:
            raise ValueError("source masks needs classes: what a pixel of 0, 1, … is, for instance [background, cell]")
        if not 2 <= len(self.classes) <= 255 or len(set(self.classes)) < len(self.classes):
            raise ValueError(f"classes: masks have from 2 to 255 different ones, these are {len(self.classes)}")
        if self.threshold is not None and len(self.classes) != 2:
            raise ValueError(f"threshold belongs to masks of two classes; these have {len(self.classes)}")

    def _windows_are_said(self) -> None:
        if self.rate_hz is None and self.window != 1:
            raise ValueError("source windows needs rate_hz: samples a second, for instance rate_hz: 50")
        if self.stride is not None and self.window is None:
            raise ValueError("stride belongs to window: say how many samples one has")
        named = [name for name in (self.columns.recording, self.columns.time, self.columns.split) if name]
        for name in (*named, *self.labels):
            if name in self.axes:
                raise ValueError(f"axes: '{name}' is a column of columns: already")
        if len(set(self.axes)) < len(self.axes):
            raise ValueError("axes: a column is named twice")


# A model in one of these files is finished: it is taken as it is, and not trained.
FINISHED = {".onnx": "ONNX", ".pt": "TorchScript", ".ts": "TorchScript", ".pt2": "torch.export"}


NAMED_WEIGHTS = ("timm/", "torchvision/")
WEIGHT_FILES = (".pt", ".pth", ".ckpt", ".safetensors", ".bin")


def split_class(name: str) -> tuple[str, str | None]:
    """Return the file and the class of `path/to/file.py:Class`; a colon in the path is no class."""
    path, _, class_name = name.rpartition(":")
    return (path, class_name) if path and class_name.isidentifier() else (name.removesuffix(":"), None)


def is_named(weights: str) -> bool:
    """Say whether weights are a name of timm's or torchvision's, and no file's path."""
    return weights.startswith(NAMED_WEIGHTS) and Path(weights).suffix.lower() not in WEIGHT_FILES


class Model(Section):
    """The network: a file in models/, or path/to/file.py:Class, and its constructor arguments.

    Or a finished model: an .onnx, TorchScript (.pt, .ts) or torch.export (.pt2) file.
    """

    name: str = Field(min_length=1, description="digits_cnn, path/to/file.py:Class, or a finished model: file.onnx")
    args: dict[str, Any] = Field(default_factory=dict, description="keyword arguments of the class")
    weights: str | None = Field(
        None,
        description="to begin with: a state dict (.pt, .pth, .ckpt or .safetensors), or a name of timm's or "
        "torchvision's: timm/mobilenetv3_small_050, torchvision/resnet18.IMAGENET1K_V1",
    )
    fresh: tuple[str, ...] = Field((), description="layers that take no weights from there, such as classifier")
    input: Literal["ncl", "nc1l", "nc", "nlc", "ncl1"] | None = Field(
        None,
        description="how the network takes windows of c axes and l samples, where more than one would go through it; "
        "default: the first of ncl (nn.Conv1d), nc1l (nn.Conv2d), nc (nn.Linear, of one sample), nlc (nn.GRU) and ncl1 "
        "that does",
    )
    layout: Literal["nchw", "nhwc"] | None = Field(
        None, description="of an ONNX file's input, where its shape and operators do not say: EdgeForge asks then"
    )
    ranges: dict[str, tuple[Limit, Limit]] = Field(
        default_factory=dict,
        description="of tensors that a quantized ONNX file has no range of: {logits: [-9, 12]}",
    )

    @model_validator(mode="after")
    def _of_onnx(self) -> Model:
        for key in ("layout", "ranges"):
            if getattr(self, key) and self.finished != "ONNX":
                raise ValueError(f"{key} belongs to a finished ONNX model; {self.name} is none")
        for name, (low, high) in self.ranges.items():
            if not low < high:
                raise ValueError(f"ranges: {name}: [{low:g}, {high:g}] has no width")
        return self

    @property
    def onnx(self) -> str | None:
        """The finished ONNX file; None: another kind of model."""
        return self.name if self.finished == "ONNX" else None

    @model_validator(mode="after")
    def _finished_as_it_is(self) -> Model:
        for key in ("args", "weights", "fresh"):
            if self.finished and getattr(self, key):
                raise ValueError(f"{key} makes no sense with {self.name}: a finished {self.finished} model")
        if self.fresh and not self.weights:
            raise ValueError("fresh belongs to weights: name their file too")
        return self

    @property
    def finished(self) -> str:
        """What kind of finished model it is: ONNX, TorchScript, torch.export; empty: a class of a Python file."""
        return FINISHED.get(Path(self.name).suffix.lower(), "")

    @property
    def named_weights(self) -> str | None:
        """`timm/…` or `torchvision/…` of weights that go by a name there; None: a file's path, or no weights."""
        return self.weights if self.weights and is_named(self.weights) else None

    @property
    def class_name(self) -> str | None:
        """The class after the colon; None: the file's only one."""
        return split_class(self.name)[1]


class Distill(Section):
    """Training with a teacher: a larger network, trained before, whose outputs the network learns beside the labels.

    The loss is weight * T² * KL(teacher, student) of the outputs softened by T, + (1 - weight) * the usual one
    (Hinton, Vinyals, Dean 2015, arXiv:1503.02531).
    """

    teacher: Model = Field(description="as `model`, with its weights: {name: mnist_cnn, weights: model.ckpt}")
    temperature: float = Field(
        4.0, gt=0.0, le=1e6, description="T: higher shows more of what the teacher finds similar"
    )
    weight: float = Field(0.7, ge=0.0, le=1.0, description="of the teacher, against the labels")

    @model_validator(mode="after")
    def _a_trained_teacher(self) -> Distill:
        if self.teacher.finished == "ONNX":
            raise ValueError("teacher: an ONNX file cannot teach; name a Python network, TorchScript or torch.export")
        if not self.teacher.finished and not self.teacher.weights:
            raise ValueError("teacher: weights are missing: name the checkpoint of a trained network")
        return self


class Measure(Section):
    """How latency is measured: one image at a time, after warm-up."""

    threads: int = Field(1, ge=1, le=256)
    runs: int = Field(300, ge=20, le=1_000_000)
    warmup: Count = 30


class RaspberryPi(Section):
    """The bundle for a Raspberry Pi, or for any 64-bit Linux that ONNX Runtime and LiteRT run on."""

    variants: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="the variants in it, of ONNX and TFLite; default: onnx-fp32, onnx-static-int8 and the TFLite one "
        "that ships",
    )
    format: Literal["onnx", "ort"] = Field("onnx", description="ort: ONNX Runtime's own format")
    optimize: Literal["basic", "extended"] = Field(
        "extended", description="basic keeps plain ONNX operators, as TensorRT, XNNPACK and ACL need them"
    )


class Listen(Section):
    """A network of sound as it is used: on a continuous recording, its answers smoothed, against a threshold a class.

    Smoothing and thresholds are chosen on a recording of the validation clips, and judged on one of the test clips.
    """

    every_ms: int = Field(200, ge=10, le=10_000, description="from an inference to the next")
    minutes: int = Field(10, ge=1, le=600, description="of each of the two recordings, composed of clips and noise")
    detection: Share = Field(0.9, description="share of the words that should be detected, with few false alarms")
    pause_ms: int = Field(1000, ge=0, le=60_000, description="after a detection, without another")


class Engine(Section):
    """The model that ships as a C library without interpreter."""

    core: str | None = Field(
        None, description="cortex-m0plus, -m3, -m4, -m7, -m33, -m55 or portable; default: that of all targets"
    )
    optimize: Literal["speed", "size", "ram"] = Field("speed", description="what kernels are chosen by")
    rounding: Literal["double", "single"] = Field("double", description="single: LiteRT's arithmetic, not TFLM's")
    max_ram: int | None = Field(
        None, gt=0, lt=2**32, description="bytes that arena, input and output may take together"
    )


class Recipe(Section):
    """Everything `edgeforge build` needs to know."""

    library: str = Field(
        DEFAULT_LIBRARY, description="the TFLM library of the sketch; a model that it would compute wrongly is refused"
    )
    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="names the build folder and the sketch")
    seed: int = Field(42, ge=0, lt=2**32)
    data: Data
    model: Model
    train: Train = Train()
    trainer: Trainer = Trainer()
    distill: Distill | None = None
    prune: Prune | None = None
    quantize: Quantize = Quantize()
    measure: Measure = Measure()
    targets: tuple[str, ...] = Field((), description="boards, as `edgeforge boards` lists them")
    boards: dict[str, Board] = Field(default_factory=dict, description="your own boards, for targets to name")
    on_misfit: Literal["stop", "report"] = Field(
        "stop", description="report: a model too big for a board is shown only"
    )
    runtime: Literal["tflm", "engine"] = Field("tflm", description="what computes the model in the sketch")
    listen: Listen | None = Field(
        None, description="judge a network of sound on continuous recordings: {} for defaults"
    )
    engine: Engine | None = Field(None, description="compile the model that ships to plain C: {} for defaults")
    search: Search | None = Field(None, description="what `edgeforge search` tries; a build takes no notice of it")
    raspberry_pi: RaspberryPi | None = Field(None, description="pack a bundle for the Raspberry Pi: {} for defaults")

    @model_validator(mode="before")
    @classmethod
    def _compiles_what_its_sketch_runs(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("runtime") == "engine" and values.get("engine") is None:
            return {**values, "engine": {}}
        return values

    @model_validator(mode="after")
    def _windows_are_no_images(self) -> Recipe:
        windows, augment = self.data.source == "windows", self.train.augment
        if self.model.input and not windows:
            raise ValueError(f"model.input belongs to data.source: windows; this is {self.data.source}")
        if windows and augment and (augment.flip or augment.colour):
            raise ValueError("train.augment: flip and colour are for images; windows take noise, scale, shift, rotate")
        if windows and augment and augment.rotate is True:
            raise ValueError("train.augment.rotate: of windows, give the largest angle in degrees, for instance 20")
        return self

    @model_validator(mode="after")
    def _masks_turn_with_their_pictures(self) -> Recipe:
        augment = self.train.augment
        if self.data.source != "masks" or not augment:
            return self
        bent = [key for key in ("shift", "scale") if getattr(augment, key)]
        bent += ["rotate by degrees"] if augment.rotate and augment.rotate is not True else []
        if bent:
            raise ValueError(
                f"train.augment: {' and '.join(bent)} would leave pixels without a class; masks take flip, "
                "rotate: true, colour and noise"
            )
        return self

    @model_validator(mode="after")
    def _listens_to_sound(self) -> Recipe:
        if self.listen and self.data.source != "wav":
            raise ValueError(f"listen: belongs to source wav; this is {self.data.source}")
        if self.listen and self.data.validation == 0:
            raise ValueError("listen: chooses its thresholds on validation recordings, and data.validation is 0")
        masked = self.train.augment and (self.train.augment.mask_frames or self.train.augment.mask_bands)
        if masked and self.data.source != "wav":
            raise ValueError(
                f"train.augment: mask_frames and mask_bands belong to source wav; this is {self.data.source}"
            )
        return self

    @model_validator(mode="after")
    def _validates_what_it_chooses_by(self) -> Recipe:
        if self.data.task == "reconstruction":
            self._trains_on_the_normal_class()
        if self.data.validation == 0 and self.train.keep != "last":
            raise ValueError("data.validation: 0 leaves nothing to choose the best epoch by: set train.keep: last")
        return self

    def _trains_on_the_normal_class(self) -> None:
        if self.data.validation == 0:
            raise ValueError("data.task: reconstruction chooses its threshold on validation inputs, and there are none")
        if self.distill:
            raise ValueError("distill: makes no sense with data.task: reconstruction, which is given no labels")
        if self.model.finished or self.train.epochs == 0:
            raise ValueError(
                "data.task: reconstruction trains a network in Python; a finished one has no threshold yet"
            )
