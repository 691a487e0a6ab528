"""How raw values become a model's input: said by a person, read in the file, or asked for; never assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError
from edgeforge.results.preprocessing import RawInput, RawType, picture_shape
from edgeforge.targets.arduino.own.metadata import TensorFacts
from edgeforge.targets.arduino.own.question import Choice, Question
from edgeforge.targets.arduino.own.wishes import PIXELS, InputWishes
from edgeforge.tflite.tensor_spec import TensorSpec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WHITE = 255.0
CLOSE = 0.02  # of a range's width, by which its ends may differ: 1/127.5 and 1/128 are both -1…1
FEW_STEPS, CLIPPED = 0.25, 0.2  # shares of the input's steps used, and of the raw range outside, that are told
CHOICES = (
    Choice("--pixels 0..1", "bytes of a picture, divided by 255"),
    Choice("--pixels -1..1", "bytes of a picture, divided by 127.5, less 1"),
    Choice("--pixels 0..255", "bytes of a picture as they are"),
)
OTHERS = "another normalisation: --raw-max, --mean and --std; no picture: --raw-type float32"


@dataclass(frozen=True)
class InputReading:
    """(raw / raw_max - mean) / std, and where that is from."""

    raw_type: RawType
    raw_max: float
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str = ""  # for a note; empty: a person said it, or EdgeForge's own file


def read_input(
    shape: tuple[int, int, int],
    spec: TensorSpec,
    facts: TensorFacts,
    wishes: InputWishes,
    own: RawInput | None,
    name: str = "",
) -> InputReading | Question:
    """Return how raw values become the input tensor (C,H,W), or what has to be asked.

    facts: of TFLite's metadata. own: what EdgeForge wrote into the file, if it did. name: of one of several inputs.
    """
    if spec.dtype == "int32" and spec.scale is None:
        if wishes.normalises or wishes.raw_type not in (None, "int32"):
            option = wishes.option or "--raw-type"
            raise RecipeError(
                f"{option}: {_called(name)} is int32, whole numbers that stay as they are", fix=f"leave {option} out"
            )
        as_they_are = "whole numbers (int32), taken as they are"
        return InputReading("int32", 1.0, (0.0,) * shape[0], (1.0,) * shape[0], as_they_are)
    if wishes.raw_type == "int32":
        raise RecipeError(f"{wishes.option}: {_called(name)} is {spec.dtype}", fix="say uint8 or float32")
    if own is not None:
        return _with_wishes(InputReading(own.raw_type, own.raw_max, own.mean, own.std), wishes, shape[0])
    picture = picture_shape(shape) if not facts.content else facts.content == "image"
    raw_type: RawType = wishes.raw_type or ("uint8" if picture else "float32")
    plain = InputReading(raw_type, WHITE if raw_type == "uint8" else 1.0, (0.0,) * shape[0], (1.0,) * shape[0])
    if wishes.normalises:
        return _with_wishes(plain, wishes, shape[0])
    told = _of_metadata(facts, raw_type, shape[0])
    contradicts = told is not None and _clipped(told, spec) > 0.5
    if told is not None and not contradicts:
        return told
    if raw_type == "float32":
        other = f"--input {name}=float32:MEAN/STD" if name else "--mean, --std"
        origin = f"no picture: raw values are the model's own, floats that are not normalised ({other})"
        return InputReading(raw_type, 1.0, (0.0,) * shape[0], (1.0,) * shape[0], origin)
    found = _of_scale(spec, shape[0], name)
    if found is not None and not contradicts:
        return found
    if not name:
        return Question(_asked(spec, told, _called(name)), CHOICES)
    choices = tuple(Choice(f"--input {name}={one.option.split()[1]}", one.meaning) for one in CHOICES)
    return Question(_asked(spec, told, _called(name), f"--input {name}"), choices)


def _called(name: str) -> str:
    return f"its input {name}" if name else "its input"


def _with_wishes(reading: InputReading, wishes: InputWishes, channels: int) -> InputReading:
    return InputReading(
        wishes.raw_type or reading.raw_type,
        reading.raw_max if wishes.raw_max is None else wishes.raw_max,
        _per_channel(_option(wishes, "--mean"), wishes.mean, channels) or reading.mean,
        _per_channel(_option(wishes, "--std"), wishes.std, channels) or reading.std,
    )


def _option(wishes: InputWishes, usual: str) -> str:
    return wishes.option if wishes.option.startswith("--input") else usual


def _of_metadata(facts: TensorFacts, raw_type: RawType, channels: int) -> InputReading | None:
    """Return what NormalizationOptions say: (raw - mean) / std of raw values, for pictures 0 to 255."""
    if not facts.mean or not facts.std or min(facts.std) <= 0:
        return None
    if not {len(facts.mean), len(facts.std)} <= {1, channels}:
        return None
    white = WHITE if raw_type == "uint8" else 1.0
    mean, std = (
        (*values, *values * (channels - 1)) if len(values) == 1 else values for values in (facts.mean, facts.std)
    )
    return InputReading(
        raw_type, white, tuple(one / white for one in mean), tuple(one / white for one in std),
        f"the file's metadata: (raw - {_listed(facts.mean)}) / {_listed(facts.std)}",
    )  # fmt: skip


def _of_scale(spec: TensorSpec, channels: int, name: str = "") -> InputReading | None:
    """Return the range of pixels that a quantized picture was made for, where its scale and zero point are such."""
    if spec.scale is None:
        return None
    low, high = limits(spec)
    for name, (first, last) in {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}.items():
        if max(abs(low - first), abs(high - last)) <= CLOSE * (last - first):
            mean, std = PIXELS[name]
            return InputReading(
                "uint8", WHITE, (mean,) * channels, (std,) * channels,
                f"bytes of a picture become {name}, by the scale {spec.scale:.6g} and zero point {spec.zero_point}"
                f" (no picture: {f'--input {name}=float32' if name else '--raw-type float32'})",
            )  # fmt: skip
    return None


def limits(spec: TensorSpec) -> tuple[float, float]:
    """Return the least and the largest real value that a quantized tensor holds."""
    import numpy as np

    types = np.iinfo(spec.dtype)
    zero, scale = spec.zero_point or 0, spec.scale or 1.0
    return (int(types.min) - zero) * scale, (int(types.max) - zero) * scale


def _asked(spec: TensorSpec, told: InputReading | None, called: str, option: str = "") -> str:
    others = f"another normalisation: {option}=uint8:MEAN/STD; no picture: {option}=float32" if option else OTHERS
    if spec.scale is None:
        return f"how pictures become {called}, {spec.dtype}, is not said in the file ({others})"
    low, high = limits(spec)
    holds = f"{called} holds {low:.4g} to {high:.4g} (scale {spec.scale:.6g}, zero point {spec.zero_point})"
    if told is not None:
        return f"{holds}, which contradicts {told.origin}: how do pictures become that ({others})"
    return f"how pictures become {called} is not said in the file; {holds} ({others})"


def range_notes(one: RawInput, spec: TensorSpec) -> list[str]:
    """Say when raw bytes, normalised, use few steps of the input tensor or lie outside of it."""
    if one.raw_type != "uint8" or spec.scale is None:
        return []
    reading = InputReading("uint8", one.raw_max, one.mean, one.std)
    called = f"input {one.name}".strip()
    low, high = limits(spec)
    first, last = _normalised_ends(reading)
    step = (last - first) / WHITE
    shown = f"bytes become {first:.4g} to {last:.4g}; the input holds {low:.4g} to {high:.4g}"
    used = (min(last, high) - max(first, low)) / (high - low)
    if _clipped(reading, spec) > CLIPPED and last - step > high:
        return [f"{called}: {shown}: what lies outside is cut off (is that this model's normalisation?)"]
    if used < FEW_STEPS:
        return [f"{called}: {shown}: {max(used, 0):.0%} of its steps are used (is that this model's normalisation?)"]
    return []


def _normalised_ends(reading: InputReading) -> tuple[float, float]:
    """Return what raw 0 and 255 (or the largest raw value, where that is less) become in any channel."""
    most = min(WHITE, reading.raw_max) if reading.raw_max > 1 else WHITE
    pairs = list(zip(reading.mean, reading.std, strict=True))
    return min((0.0 - mean) / std for mean, std in pairs), max(
        (most / reading.raw_max - mean) / std for mean, std in pairs
    )


def _clipped(reading: InputReading, spec: TensorSpec) -> float:
    """Return the share of the range of normalised bytes that lies outside of what the tensor holds."""
    if reading.raw_type != "uint8" or spec.scale is None:
        return 0.0
    low, high = limits(spec)
    first, last = _normalised_ends(reading)
    inside = max(min(last, high) - max(first, low), 0.0)
    return 1.0 - inside / (last - first)


def _per_channel(option: str, values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if len(values) not in (0, 1, channels):
        raise RecipeError(
            f"{option}: {len(values)} values, the input has {channels} channels", fix=f"give 1 or {channels}"
        )
    return values * channels if len(values) == 1 else values


def _listed(values: tuple[float, ...]) -> str:
    return f"{values[0]:g}" if len(set(values)) == 1 else f"[{', '.join(f'{value:g}' for value in values)}]"


def require_in_range(x: NDArray[np.float32], one: RawInput, where: str) -> None:
    """Raise RecipeError when normalised inputs (N,C,H,W) are not what raw bytes become: of another normalisation."""
    if one.raw_type != "uint8":
        return
    reading = InputReading("uint8", one.raw_max, one.mean, one.std)
    first, last = _normalised_ends(reading)
    low, high, width, called = float(x.min()), float(x.max()), last - first, one.name or "x"
    if low < first - width / 4 or high > last + width / 4:
        raise RecipeError(
            f"{where}: {called} reaches from {low:.4g} to {high:.4g}, and raw bytes become {first:.4g} to {last:.4g}",
            fix=f"save {called} as the model is given it, or say how bytes become that: "
            + (f"--input {one.name}=…" if one.name else "--pixels, --raw-max, --mean, --std"),
        )
