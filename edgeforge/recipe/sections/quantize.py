"""Which quantized variants are made, and how they are calibrated."""

from __future__ import annotations

from typing import Any, Literal, get_args

from pydantic import Field, model_validator

from edgeforge.recipe.sections.numbers import Count, Rate
from edgeforge.recipe.sections.section import Section

TorchVariant = Literal["dynamic", "static-eager", "static-fx", "pt2e"]
TorchObserver = Literal["histogram", "minmax", "moving-average"]
TorchEngine = Literal["qnnpack", "x86", "fbgemm", "onednn"]
TFLiteVariant = Literal["float32", "float16", "dynamic", "int8"]
TensorType = Literal["int8", "uint8", "float32"]
PTQScheme = Literal["int8", "int16x8", "dynamic", "weight-only"]
ObserverName = Literal["minmax", "moving-average", "percentile", "mse", "entropy"]

QDQ = "tflite-qdq-int8"  # made of a quantized ONNX file


class Calibration(Section):
    """The representative dataset: which training images set the activation ranges."""

    samples: Count = Field(200, description="training images, balanced over the classes")
    file: str | None = Field(None, description="your own .npz: x (N,C,H,W float32, normalised), optionally y")


class QAT(Section):
    """Quantization-aware training: fine-tuning the trained network with TFLite's arithmetic in its forward."""

    mode: Literal["fx", "eager", "pt2e"] = Field(
        "fx", description="eager: for models with QuantStub and DeQuantStub; pt2e: torch.export and torchao"
    )
    epochs: Count = 2
    lr: Rate = 1e-4
    batch_size: Count = 64
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    freeze_bn_after: float | None = Field(None, ge=0.0, le=1e6, description="epochs; default: half of them")
    freeze_observers_after: float | None = Field(
        None, ge=0.0, le=1e6, description="epochs; default: three quarters of them"
    )
    skip: tuple[str, ...] = Field((), description="modules left in float")


class TorchInt8(Section):
    """PyTorch INT8 baselines; `engine` is the reference that comparisons use."""

    variants: tuple[TorchVariant, ...] = Field(
        ("dynamic", "static-eager", "static-fx"),
        description="pt2e: torchao's, by torch.export, which is to follow eager mode and FX",
    )
    engine: TorchEngine = Field("qnnpack", description="faithful integer arithmetic on every processor")
    also_fx_on: tuple[TorchEngine, ...] = Field(("x86",), description="further engines to judge static-fx on")
    observer: TorchObserver = Field("histogram", description="how calibration sets the activations' ranges")


class OnnxInt8(Section):
    """ONNX Runtime's static INT8 (QDQ), beside the float export."""

    static: bool = True
    per_channel: bool = True
    weights: Literal["uint8", "int8"] = Field(
        "uint8", description="int8 weights saturate in ONNX Runtime on x86 processors without VNNI"
    )


class TFLite(Section):
    """TFLite variants; `backend: tensorflow` makes them by its converter, to compare with: extra [tensorflow]."""

    variants: tuple[TFLiteVariant, ...] = ("float32", "float16", "dynamic", "int8")
    io: TensorType = Field("int8", description="input and output type of the int8 model")
    per_channel_dense: bool | None = Field(
        None,
        description="per-channel weights in dense layers: many TFLM libraries compute them wrongly; default: false, "
        "and of a quantized ONNX file as it has them",
    )
    backend: Literal["direct", "tensorflow"] = "direct"
    compact: bool = Field(True, description="store equal quantization tables once; false: as the converter wrote them")


class AdaRound(Section):
    """Learned rounding of weights (Nagel et al. 2020): how long, and on how many images."""

    iterations: Count = Field(300, description="steps of Adam, layer by layer")
    samples: Count = Field(128, description="calibration images it learns from")


class PTQ(Section):
    """One further TFLite variant, made from the float32 one by ai-edge-quantizer and what is asked for here."""

    scheme: PTQScheme = "int8"
    name: str | None = Field(None, pattern=r"^[a-z0-9][a-z0-9.-]{0,39}$", description="after tflite-; default: derived")
    ranges: Literal["calibrated", "torch", "torch-pt2e"] = Field(
        "calibrated",
        description="torch: those of torch-fx-int8, so that only kernels differ from PyTorch's; "
        "torch-pt2e: those of torch-pt2e-int8",
    )
    observer: ObserverName | None = Field(None, description="how activation ranges are chosen; default: minmax")
    percentile: float | None = Field(None, gt=50.0, le=100.0, description="share kept, in percent; default: 99.99")
    weights: Literal["per-channel", "per-tensor"] = "per-channel"
    io: Literal["int8", "uint8", "int16", "float32"] | None = Field(
        None, description="default: int8; of int16x8: int16"
    )
    equalize: bool = Field(False, description="cross-layer equalization, before anything else")
    bias_correction: bool = Field(False, description="mean errors of each layer go into its bias")
    adaround: AdaRound | None = Field(None, description="true, or how: learned rounding of weights")

    @model_validator(mode="before")
    @classmethod
    def _adaround_by_default(cls, values: Any) -> Any:
        if isinstance(values, dict) and isinstance(values.get("adaround"), bool):
            return values | {"adaround": {} if values["adaround"] else None}
        return values

    @model_validator(mode="after")
    def _fits_the_scheme(self) -> PTQ:
        if self.scheme in ("dynamic", "weight-only"):
            for key in ("observer", "percentile", "io", "bias_correction", "adaround"):
                if getattr(self, key):
                    raise ValueError(f"{key} makes no sense for scheme {self.scheme}: its activations stay float32")
        if self.ranges != "calibrated":
            asked = f"ranges: {self.ranges}"
            if self.scheme != "int8" or self.weights != "per-channel":
                raise ValueError(f"{asked} makes no sense here: PyTorch's are for int8, weights per channel")
            for key in ("observer", "percentile", "equalize", "bias_correction", "adaround"):
                if getattr(self, key):
                    raise ValueError(f"{key} makes no sense with {asked}: they would not be PyTorch's any more")
        if self.percentile is not None and self.observer != "percentile":
            raise ValueError("percentile needs observer: percentile")
        if self.observer == "entropy" and self.scheme == "int16x8":
            raise ValueError("observer entropy chooses ranges for 8 bits; int16x8 takes minmax or percentile")
        if self.scheme == "int16x8" and self.io in ("int8", "uint8"):
            raise ValueError(f"io {self.io} makes no sense for scheme int16x8: take int16 or float32")
        if self.scheme == "int8" and self.io == "int16":
            raise ValueError("io int16 makes no sense for scheme int8: take int8, uint8 or float32")
        return self

    @property
    def variant(self) -> str:
        """The variant's name: the one given, or all that differs from the plainest of its scheme."""
        if self.name:
            return f"tflite-{self.name}"
        parts = ["tflite", self.scheme]
        if self.ranges != "calibrated":
            parts.append(f"{self.ranges}-ranges")
        elif self.scheme == "int8":  # tflite-int8 itself is the converter's
            parts.append(self.observer or "minmax")
        elif self.observer not in (None, "minmax"):
            parts.append(str(self.observer))
        if self.percentile is not None:
            parts[-1] += f"{self.percentile:g}"
        if self.weights == "per-tensor" or self.scheme == "dynamic":  # tflite-dynamic itself is the converter's
            parts.append(self.weights)
        if self.io not in (None, "int8", "int16"):
            parts.append(str(self.io))
        parts += ["equalized"] * self.equalize + ["corrected"] * self.bias_correction
        return "-".join(parts + ["adaround"] * (self.adaround is not None))


class Quantize(Section):
    """Which quantized variants are made, and how they are calibrated."""

    calibration: Calibration = Calibration()
    torch: TorchInt8 = TorchInt8()
    onnx: OnnxInt8 = OnnxInt8()
    tflite: TFLite = TFLite()
    qat: QAT | None = None
    max_drop: float | None = Field(
        None,
        ge=0.0,
        le=100.0,
        description="points of accuracy that tflite-mixed may lose: layers are kept wider until it is so",
    )
    ship: str | None = Field(
        None,
        description="the variant for the board; default: tflite-qat-int8 or tflite-qdq-int8 where there is one, else "
        "tflite-int8",
    )
    ptq: tuple[PTQ, ...] = Field((), description="further TFLite variants: other schemes, observers, corrections")

    @model_validator(mode="after")
    def _distinct_variants(self) -> Quantize:
        if (self.ptq or self.max_drop is not None) and "float32" not in self.tflite.variants:
            asked = "ptq" if self.ptq else "max_drop"
            raise ValueError(f"{asked} needs float32 among tflite.variants: its variants are made from that one")
        seen = {f"tflite-{kind}" for kind in get_args(TFLiteVariant)}
        for entry in self.ptq:
            if entry.variant in seen:
                raise ValueError(f"ptq: two variants would be called '{entry.variant}'; give one another name")
            seen.add(entry.variant)
        return self

    @property
    def tflite_made(self) -> tuple[str, ...]:
        """The names of the TFLite variants that these settings ask for."""
        made = [f"tflite-{kind}" for kind in self.tflite.variants] + [entry.variant for entry in self.ptq]
        made += ["tflite-qat-int8"] if self.qat else []
        return (*made, *(["tflite-mixed"] if self.max_drop is not None else []))

    @model_validator(mode="after")
    def _ships_what_is_made(self) -> Quantize:
        made = self.tflite_made
        if self.ship is not None and self.ship not in (*made, QDQ):
            raise ValueError(
                f"ship: this recipe makes no '{self.ship}'; it makes {', '.join(made) or 'no TFLite model'}"
            )
        return self
