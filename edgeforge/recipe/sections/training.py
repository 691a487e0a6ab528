"""How a network is trained, and what is pruned from it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from edgeforge.recipe.sections.numbers import Count, Rate, Share, Steps
from edgeforge.recipe.sections.section import Section


class EarlyStopping(Section):
    """Stop when the validation loss has not improved for `patience` epochs."""

    patience: Count = 5
    min_delta: float = Field(0.0, ge=0.0, le=1e9)


class Augment(Section):
    """Random changes of training images, another for each image and epoch, the same in every run with this seed."""

    flip: bool = Field(False, description="left-right and up-down, each for half of the images")
    rotate: bool | Annotated[float, Field(gt=0.0, le=180.0)] = Field(
        False,
        description="true: by multiples of 90 degrees; a number: by up to so many degrees; of windows: x, y, z of each "
        "three axes, about a random direction, as a board that is mounted otherwise",
    )
    shift: float = Field(0.0, ge=0.0, lt=1.0, description="by up to this share of height and width, or of a window")
    scale: float = Field(
        0.0, ge=0.0, lt=1.0, description="larger or smaller by up to this share; of windows: their values"
    )
    colour: float = Field(0.0, ge=0.0, le=1.0, description="brightness, contrast and saturation by up to this share")
    noise: float = Field(
        0.0, ge=0.0, le=1000.0, description="standard deviation of what is added to the normalised input"
    )
    mask_frames: int = Field(0, ge=0, le=1000, description="sound: up to so many frames in a row become the mean")
    mask_bands: int = Field(0, ge=0, le=128, description="sound: up to so many bands (SpecAugment, arXiv:1904.08779)")


class Train(Section):
    """How the network is trained; the best validation epoch is kept."""

    epochs: int = Field(10, ge=0, le=1_000_000, description="0: the network is taken as it is, with model.weights")
    batch_size: Count = 64
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: Rate = 1e-3
    weight_decay: float = Field(0.0, ge=0.0, le=1000.0)
    schedule: Literal["constant", "cosine", "onecycle"] = Field(
        "constant", description="of the learning rate, step by step: cosine falls to 0, onecycle rises to lr first"
    )
    keep: Literal["best", "last"] = Field("best", description="which epoch: of the lowest validation loss, or the last")
    class_weights: Literal["balanced"] | None = Field(
        None, description="balanced: a rare class counts as much in the loss as a frequent one"
    )
    value_loss: Literal["huber", "mse"] = Field("huber", description="of heads that are a value, normalised")
    head_weights: dict[str, Annotated[float, Field(ge=0.0, le=1e6)]] = Field(
        default_factory=dict, description="weight of each head's loss; default: 1"
    )
    augment: Augment | None = Field(None, description="random changes of the training images")
    early_stopping: EarlyStopping | None = None
    freeze: tuple[str, ...] = Field((), description="layers that are not trained, such as features or features.*")
    logger: Literal["tensorboard", "mlflow", "csv"] | None = Field(
        None,
        description="writes each epoch's figures into logs/ of the build folder too; mlflow: where "
        "MLFLOW_TRACKING_URI says, if it is set",
    )


Device = Annotated[int, Field(ge=-1, le=1024)]
DEVICES = r"^(auto|-1|\d{1,4}(,\d{1,4})*,?)$"
Part = Annotated[int, Field(ge=0, le=1_000_000_000)] | Annotated[float, Field(ge=0.0, le=1.0)]  # batches, or a share
Precision = Literal[
    "32-true", "16-mixed", "bf16-mixed", "64-true", "16-true", "bf16-true", "transformer-engine",
    "transformer-engine-float16", "64", "32", "16", "bf16", 64, 32, 16,
]  # fmt: skip


class Trainer(Section):
    """Passed to pytorch_lightning.Trainer as it stands; what is not set keeps Lightning's default.

    EdgeForge itself sets the rest: callbacks, logger, checkpoints, epochs, determinism.
    """

    accelerator: Literal["cpu", "gpu", "cuda", "mps", "tpu", "hpu", "auto"] = "cpu"
    devices: Device | Annotated[str, Field(pattern=DEVICES)] | tuple[Device, ...] = 1
    strategy: str | None = None
    num_nodes: int | None = Field(
        None, ge=1, le=1, description="a build trains on one machine: others would be waited for"
    )
    precision: Precision | None = None
    max_steps: int | None = Field(None, ge=-1, le=1_000_000_000)
    max_time: str | None = Field(None, pattern=r"^\d{1,3}(:\d{1,2}){3}$", description="days:hours:minutes:seconds")
    limit_train_batches: Part | None = None
    limit_val_batches: Part | None = None
    overfit_batches: Part | None = None
    val_check_interval: Part | None = None
    check_val_every_n_epoch: Count | None = None
    accumulate_grad_batches: Count | None = None
    gradient_clip_val: float | None = Field(None, ge=0.0, le=1e9)
    gradient_clip_algorithm: Literal["norm", "value"] | None = None
    benchmark: bool | None = None
    detect_anomaly: bool | None = None
    sync_batchnorm: bool | None = None


class Prune(Section):
    """Fine-tuning that removes weights or channels, between training and quantization.

    magnitude: the smallest weights of each layer become zero, along a cubic schedule; files compress better.
    channels: whole channels go, and with them multiply-accumulates, bytes and arena.
    """

    method: Literal["magnitude", "channels"] = "magnitude"
    initial_sparsity: float = Field(0.0, ge=0.0, lt=1.0, description="magnitude: share of zeros at begin_step")
    final_sparsity: Share = Field(0.8, description="magnitude: share of zeros from end_step on")
    begin_step: int = Field(0, ge=0, le=1_000_000_000, description="magnitude: optimizer step at which pruning begins")
    end_step: Steps | None = Field(None, description="magnitude: default: three quarters of the fine-tuning")
    ratio: float = Field(0.5, ge=0.0, lt=1.0, description="channels: share of each layer's channels that is removed")
    rounds: Count = Field(1, description="channels: remove in so many rounds, each fine-tuned")
    epochs: Count = Field(3, description="of fine-tuning; with several rounds, of each")
    lr: Rate | None = Field(None, description="default: train.lr")
    skip: tuple[str, ...] = Field((), description="modules left as they are, by their names in the network")

    @model_validator(mode="after")
    def _consistent(self) -> Prune:
        if self.final_sparsity < self.initial_sparsity:
            raise ValueError(f"final_sparsity {self.final_sparsity} is below initial_sparsity {self.initial_sparsity}")
        if self.end_step is not None and self.end_step <= self.begin_step:
            raise ValueError(f"end_step {self.end_step} is not after begin_step {self.begin_step}")
        other = "channels" if self.method == "magnitude" else "magnitude"
        for name, field in type(self).model_fields.items():
            if (field.description or "").startswith(f"{other}:") and getattr(self, name) != field.default:
                raise ValueError(f"{name} belongs to method {other}; this is method {self.method}")
        return self
