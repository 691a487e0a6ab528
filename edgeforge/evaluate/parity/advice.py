"""What is wrong with a layer's quantization and what to do: one rule a function, tried in the order of RULES."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgeforge.results.rows.parity import Advice

CLIPPING = 0.25  # share of the rounding noise that clipping makes, above which the range is called too narrow
OUTLIERS = 4.0  # largest magnitude over the 99.9th percentile: two bits go to one value in a thousand
UNUSED = 4.0  # what a tensor can hold over what it holds: two of eight bits are never used
UNEQUAL_CHANNELS = 8.0  # largest over median channel: half of the channels have less than five of eight bits
UNEQUAL_INPUTS = 8.0  # of an addition: three bits of the smaller input are lost
CURVED_DB = 35.0  # own SQNR below which a curved function is called costly
CURVED = ("SOFTMAX", "LOG_SOFTMAX", "LOGISTIC", "TANH", "HARD_SWISH", "GELU", "ELU", "EXP", "RSQRT", "DIV")
MIXED = "keep this layer's activations in 16 bits (int16) or float (quantize.max_drop finds which)"


@dataclass(frozen=True)
class Evidence:
    """What was measured of a layer."""

    operator: str
    precision: str = "int8"
    own_db: float | None = None
    grid_db: float | None = None
    saturation: float = 0.0
    clipping: float = 0.0  # share of the noise of putting the float output onto its grid that clipping makes
    outlier_ratio: float = 1.0
    unused_ratio: float = 1.0  # width of what the tensor can hold over width of what it holds
    channel_spread: float = 1.0  # of the output
    weight_spread: float = 1.0
    weights_per_channel: bool | None = None  # None: no quantized weights
    input_scales: tuple[float, ...] = ()
    feeds_product_of_its_input: bool = False  # a LOGISTIC whose output is multiplied by its own input: SiLU

    @property
    def weights_dominate(self) -> bool:
        """Whether more noise comes of the weights than of the output's grid."""
        if self.own_db is None or self.weights_per_channel is None:
            return False
        return self.grid_db is None or self.own_db < self.grid_db - 3.0


def advise(evidence: Evidence, *, costly: bool = False) -> list[Advice]:
    """Return what applies to a layer; for a costly one never nothing: the last resort is another precision."""
    if evidence.precision == "float32" or evidence.own_db is None:  # it passes values on: its source has the advice
        return []
    found = [advice for rule in RULES if (advice := rule(evidence))]
    if costly and not found:
        found.append(_no_defect(evidence))
    return found


def saturation(e: Evidence) -> Advice | None:
    """Values beyond the calibrated range are clipped."""
    if e.clipping <= CLIPPING:
        return None
    return Advice(
        rule="saturation",
        what=f"{100 * e.saturation:.2g} % of its values are clipped, which makes {100 * e.clipping:.0f} % of its "
        "rounding noise: the calibrated range is too narrow",
        remedy="calibrate with more images (quantize.calibration.samples), or with an observer that clips less "
        "(quantize.ptq: observer minmax); learned ranges (quantize.qat): train longer before they are frozen",
    )


def outliers(e: Evidence) -> Advice | None:
    """A few large values stretch the grid for all others."""
    if e.outlier_ratio <= OUTLIERS or e.precision == "int16":
        return None
    return Advice(
        rule="outliers",
        what=f"its largest value is {e.outlier_ratio:.0f} times its 99.9th percentile, which leaves few steps to "
        "all others",
        remedy=f"calibrate with a percentile or MSE observer (quantize.ptq), or {MIXED}",
    )


def unused_range(e: Evidence) -> Advice | None:
    """The calibrated range is far wider than the values."""
    if e.unused_ratio <= UNUSED or e.precision == "int16":
        return None
    return Advice(
        rule="unused range",
        what=f"its grid is {e.unused_ratio:.0f} times wider than its values on these images",
        remedy="look for odd images in the representative dataset, or calibrate with a percentile or MSE observer "
        "(quantize.ptq); "
        "a layer that shares its scale with another (concatenation, padding) takes the wider range",
    )


def weights_per_tensor(e: Evidence) -> Advice | None:
    """One scale for weights whose channels differ much."""
    if e.weights_per_channel is not False or e.weight_spread <= UNEQUAL_CHANNELS:
        return None
    remedy = "quantize its weights per channel, or equalize the ranges across layers before (quantize.ptq: equalize)"
    if e.operator == "FULLY_CONNECTED":
        remedy = (
            "set quantize.tflite.per_channel_dense: true if the board's TFLM library computes that, or equalize "
            "the ranges across layers before"
        )
    return Advice(
        rule="weights per tensor",
        what=f"its weights have one scale, and their largest channel is {e.weight_spread:.0f} times the median one",
        remedy=remedy,
    )


def unequal_channels(e: Evidence) -> Advice | None:
    """One scale for activations whose channels differ much, as after depthwise convolutions (Nagel et al. 2019)."""
    if e.channel_spread <= UNEQUAL_CHANNELS or "CONV" not in e.operator or e.precision == "int16":
        return None
    return Advice(
        rule="unequal channels",
        what=f"its largest output channel is {e.channel_spread:.0f} times the median one, and all share one scale",
        remedy=f"equalize the ranges across layers (cross-layer equalization, quantize.ptq: equalize), or {MIXED}",
    )


def unequal_inputs(e: Evidence) -> Advice | None:
    """A sum of values of very different ranges is rounded on the grid of the larger."""
    if e.operator not in ("ADD", "SUB", "CONCATENATION") or len(e.input_scales) < 2:
        return None
    ratio = max(e.input_scales) / min(e.input_scales)
    if ratio <= UNEQUAL_INPUTS:
        return None
    return Advice(
        rule="unequal inputs",
        what=f"the scales of its inputs differ by a factor of {ratio:.0f}: the smaller input keeps few steps",
        remedy="put a batch norm on the wider branch, equalize the ranges across layers, or keep this sum in 16 bits",
    )


def curved(e: Evidence) -> Advice | None:
    """Functions that squeeze a wide range into a narrow one, or of which small values matter."""
    silu = e.operator == "LOGISTIC" and e.feeds_product_of_its_input
    poor = e.own_db is not None and e.own_db < CURVED_DB
    if e.operator not in CURVED or e.precision != "int8" or not poor:
        return None
    name = "the sigmoid of a SiLU" if silu else e.operator
    last = (
        "leave softmax out of the model: the largest logit is the largest probability, or " if "SOFTMAX" in name else ""
    )
    swap = "use hard-swish or ReLU6 in the model, or " if silu else ""
    return Advice(
        rule="curved function",
        what=f"{name} keeps {e.own_db:.0f} dB in 8 bits",
        remedy=f"{last}{swap}{MIXED}",
    )


def _no_defect(e: Evidence) -> Advice:
    if e.weights_dominate:
        return Advice(
            rule="weights",
            what="most of its error comes of its 8-bit weights, not of its output's grid",
            remedy="fake-quant training (quantize.qat), or float for this layer (quantize.max_drop)",
        )
    bits = {"int8": 8, "uint8": 8, "int16": 16}.get(e.precision, 8)
    return Advice(
        rule="sound",
        what=f"its ranges are sound: this is what {bits} bits cost here",
        remedy="nothing while accuracy is a tie; else int16 or float for this layer (quantize.max_drop), or fake-quant "
        "training (quantize.qat)",
    )


RULES: tuple[Callable[[Evidence], Advice | None], ...] = (
    saturation,
    outliers,
    unused_range,
    weights_per_tensor,
    unequal_channels,
    unequal_inputs,
    curved,
)
