"""The recipe: what a person wants built. Every key, default and range stands here and nowhere else."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0.0, lt=1.0)]
Positive = Annotated[int, Field(ge=1)]

TorchVariant = Literal["dynamic", "static-eager", "static-fx"]
TorchEngine = Literal["qnnpack", "x86", "fbgemm", "onednn"]
TFLiteVariant = Literal["float32", "float16", "dynamic", "int8"]
TensorType = Literal["int8", "uint8", "float32"]


class Section(BaseModel):
    """A part of the recipe: unknown keys and infinite numbers are errors, values never change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Normalize(Section):
    """Channel-wise normalisation of pixels in [0, 1]: (pixel - mean) / std; one value a channel."""

    mean: tuple[float, ...] = Field(min_length=1, description="one value a channel, of pixels in [0, 1]")
    std: tuple[Annotated[float, Field(gt=0.0)], ...] = Field(min_length=1, description="one value a channel")

    @model_validator(mode="after")
    def _same_channels(self) -> Normalize:
        if len(self.mean) != len(self.std):
            raise ValueError(f"mean has {len(self.mean)} channels and std has {len(self.std)}")
        return self


class Data(Section):
    """Where the images come from and how they are split."""

    source: Literal["digits", "mnist"] = Field(description="digits needs no download; mnist downloads once")
    root: str | None = Field(None, description="folder of the data; default: the user's cache folder")
    validation: Share = Field(0.1, description="share of the training images kept for validation")
    test: Share = Field(0.25, description="share kept for testing where the source has no test split")
    normalize: Normalize | None = Field(None, description="default: the source's own mean and std")


class Model(Section):
    """The network: a file in models/, or path/to/file.py:Class, and its constructor arguments."""

    name: str = Field(min_length=1, description="digits_cnn, mnist_cnn, or path/to/file.py:Class")
    args: dict[str, Any] = Field(default_factory=dict, description="keyword arguments of the class")

    @property
    def class_name(self) -> str | None:
        """The class after the colon; None: the file's only one."""
        return self.name.partition(":")[2] or None


class EarlyStopping(Section):
    """Stop when the validation loss has not improved for `patience` epochs."""

    patience: Positive = 5
    min_delta: float = Field(0.0, ge=0.0)


class Train(Section):
    """How the network is trained; the best validation epoch is kept."""

    epochs: Positive = 10
    batch_size: Positive = 64
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(1e-3, gt=0.0)
    weight_decay: float = Field(0.0, ge=0.0)
    early_stopping: EarlyStopping | None = None


class Trainer(Section):
    """Passed to pytorch_lightning.Trainer as it stands; what is not set keeps Lightning's default.

    EdgeForge itself sets the rest: callbacks, logger, checkpoints, epochs, determinism.
    """

    accelerator: str = "cpu"
    devices: int | str | tuple[int, ...] = 1
    strategy: str | None = None
    num_nodes: Positive | None = None
    precision: str | int | None = None
    max_steps: int | None = None
    max_time: str | None = None
    limit_train_batches: int | float | None = None
    limit_val_batches: int | float | None = None
    overfit_batches: int | float | None = None
    val_check_interval: int | float | None = None
    check_val_every_n_epoch: Positive | None = None
    accumulate_grad_batches: Positive | None = None
    gradient_clip_val: float | None = None
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    benchmark: bool | None = None
    detect_anomaly: bool | None = None
    sync_batchnorm: bool | None = None


class Calibration(Section):
    """The representative dataset: which training images set the activation ranges."""

    samples: Positive = Field(200, description="training images, balanced over the classes")
    file: str | None = Field(None, description="your own .npz: x (N,C,H,W float32, normalised), optionally y")


class TorchInt8(Section):
    """PyTorch INT8 baselines; `engine` is the reference that comparisons use."""

    variants: tuple[TorchVariant, ...] = ("dynamic", "static-eager", "static-fx")
    engine: TorchEngine = Field("qnnpack", description="faithful integer arithmetic on every processor")
    also_fx_on: tuple[TorchEngine, ...] = Field(("x86",), description="further engines to judge static-fx on")


class OnnxInt8(Section):
    """ONNX Runtime's static INT8 (QDQ), beside the float export."""

    static: bool = True
    per_channel: bool = True
    weights: Literal["uint8", "int8"] = Field(
        "uint8", description="int8 weights saturate in ONNX Runtime on x86 processors without VNNI"
    )


class TFLite(Section):
    """TFLite variants; `backend: onnx2tf` uses onnx2tf's own, slower, conversion."""

    variants: tuple[TFLiteVariant, ...] = ("float32", "float16", "dynamic", "int8")
    io: TensorType = Field("int8", description="input and output type of the int8 model")
    per_channel_dense: bool = Field(
        False, description="per-channel weights in dense layers: many TFLM libraries compute them wrongly"
    )
    backend: Literal["fast", "onnx2tf"] = "fast"


class Quantize(Section):
    """Which quantized variants are made, and how they are calibrated."""

    calibration: Calibration = Calibration()
    torch: TorchInt8 = TorchInt8()
    onnx: OnnxInt8 = OnnxInt8()
    tflite: TFLite = TFLite()


class Measure(Section):
    """How latency is measured: one image at a time, after warm-up."""

    threads: Positive = 1
    runs: int = Field(300, ge=20)
    warmup: int = Field(30, ge=1)


class RaspberryPi(Section):
    """The bundle for a Raspberry Pi, or for any 64-bit Linux that ONNX Runtime runs on."""

    format: Literal["onnx", "ort"] = Field("onnx", description="ort: ONNX Runtime's own format")
    optimize: Literal["basic", "extended"] = Field(
        "extended", description="basic keeps plain ONNX operators, as TensorRT, XNNPACK and ACL need them"
    )


class Recipe(Section):
    """Everything `edgeforge build` needs to know."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="names the build folder and the sketch")
    seed: int = Field(42, ge=0, lt=2**32)
    data: Data
    model: Model
    train: Train = Train()
    trainer: Trainer = Trainer()
    quantize: Quantize = Quantize()
    measure: Measure = Measure()
    targets: tuple[str, ...] = Field((), description="boards, as `edgeforge boards` lists them")
    raspberry_pi: RaspberryPi | None = Field(None, description="pack a bundle for the Raspberry Pi: {} for defaults")
