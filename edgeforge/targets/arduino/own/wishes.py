"""What a person says of a model's inputs and outputs on the command line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import read_text
from edgeforge.results.head import KINDS, Kind
from edgeforge.results.preprocessing import RawType
from edgeforge.suggest import nearest, nearest_file

RAW_TYPES = ("uint8", "float32", "int32")
# How the bytes of a picture become the model's input: the mean and standard deviation of pixels from 0 to 1.
PIXELS = {"0..1": (0.0, 1.0), "-1..1": (0.5, 0.5), "0..255": (0.0, 1 / 255)}
RANGE = re.compile(r"(\d{1,5})-(\d{1,5})")
SMALLEST = 1e-9  # by which a value is divided
LARGEST = 1e9  # of a mean, a deviation or a threshold


@dataclass(frozen=True)
class Meaning:
    """What a person says of one output. words: its labels, or its unit."""

    kind: Kind
    words: tuple[str, ...] = ()
    threshold: float | None = None
    option: str = ""  # as it was given, for messages


@dataclass(frozen=True)
class InputWishes:
    """What a person says of one input; None: what the file says."""

    raw_max: float | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    raw_type: RawType | None = None
    option: str = ""  # as it was given, for messages

    @property
    def normalises(self) -> bool:
        """Whether it says how raw values become the model's."""
        return self.raw_max is not None or bool(self.mean or self.std)


@dataclass(frozen=True)
class Wishes:
    """What a person says of a model; None: what the file says."""

    input: InputWishes = InputWishes()  # of the only input
    inputs: dict[str, InputWishes] = field(default_factory=dict)  # by name or number
    labels: tuple[str, ...] = ()
    threshold: float | None = None
    meaning: Meaning | None = None  # of the only output
    outputs: dict[str, Meaning] = field(default_factory=dict)  # by name or number


def wishes_of(
    *,
    pixels: str | None = None,
    raw_max: float | None = None,
    mean: str | None = None,
    std: str | None = None,
    raw_type: str | None = None,
    labels: str | None = None,
    threshold: float | None = None,
    value: str | None = None,
    yes_no: bool = False,
    reconstruction: bool = False,
    map_: bool = False,
    outputs: Sequence[str] = (),
    inputs: Sequence[str] = (),
) -> Wishes:
    """Return what a person said. Raises RecipeError for what is no number or type, or contradicts itself."""
    if raw_type not in (None, "uint8", "float32"):
        raise RecipeError(f"--raw-type {raw_type}: neither uint8 nor float32", fix="leave it out for the usual one")
    if (raw_max is not None and raw_max <= 0) or min(_numbers("--std", std), default=1.0) < SMALLEST:
        raise RecipeError(f"--std and --raw-max must be above 0 ({SMALLEST:g})", fix="leave them out for 1 and 255")
    kinds = {"--value": value is not None, "--yes-no": yes_no, "--map": map_, "--reconstruction": reconstruction}
    said = [option for option, given in (kinds | {"--output": bool(outputs)}).items() if given]
    if len(said) > 1:
        raise RecipeError(f"{' and '.join(said)}: an output means one of them", fix="leave the others out")
    for option, given in (("--labels", labels), ("--threshold", threshold)):
        if given is not None and said in (["--value"], ["--output"]):
            has = "a value has none" if said == ["--value"] else "it says that itself: NAME=yes-no:cat,dog@0.5"
            raise RecipeError(f"{option} with {said[0]}: {has}", fix="leave one of them out")
    words = _labels(labels) if labels else ()
    meaning: Meaning | None = None
    if value is not None:
        meaning = Meaning("value", (value.strip(),), None, "--value")
    elif said and not outputs:
        kind: Kind = "yes_no" if yes_no else "map" if map_ else "reconstruction"
        meaning = Meaning(kind, words, threshold, said[0])
    normal = _pixels(pixels, raw_max is not None or bool(mean or std))
    ways = {"--pixels": pixels, "--raw-max": raw_max, "--mean": mean, "--std": std, "--raw-type": raw_type}
    option = next((name for name, value in ways.items() if value is not None), "")
    own = InputWishes(
        raw_max, _numbers("--mean", mean), _numbers("--std", std), cast("RawType | None", raw_type), option
    )
    own = own if normal is None else InputWishes(255.0, (normal[0],), (normal[1],), "uint8", option)
    if option and inputs:
        raise RecipeError(f"{option} and --input: an input is said in one way", fix=f"leave {option} out")
    return Wishes(
        own,
        dict(_input(text) for text in inputs),
        words,
        threshold,
        meaning,
        dict(_output(text) for text in outputs),
    )


def _input(text: str) -> tuple[str, InputWishes]:
    """Read NAME=0..1 (and the other ranges of pixels), NAME=TYPE, or NAME=TYPE:MEAN/STD, each a value a channel."""
    name, equals, said = text.rpartition("=")
    option = f"--input {text[:60]}"
    fix = "for instance --input image=0..1, or --input sensor=float32:0,0,9.8/2,2,2, which are mean and deviation"
    if not equals or not name:
        raise RecipeError(f"{option}: no NAME=MEANING", fix=fix)
    if said in PIXELS:
        mean, std = PIXELS[said]
        return name.strip(), InputWishes(255.0, (mean,), (std,), "uint8", option)
    kind, colon, numbers = said.partition(":")
    if kind not in RAW_TYPES:
        known = (*PIXELS, *RAW_TYPES)
        raise RecipeError(f"{option}: '{kind[:40]}' is no range of pixels and no type{nearest(kind, known)}", fix=fix)
    if not colon:
        return name.strip(), InputWishes(raw_type=cast("RawType", kind), option=option)
    means, slash, deviations = numbers.partition("/")
    mean_of, std_of = _numbers(option, means), _numbers(option, deviations)
    if not slash or not mean_of or min(std_of, default=0.0) < SMALLEST or kind == "int32":
        raise RecipeError(f"{option}: no mean and deviation above 0", fix=fix)
    return name.strip(), InputWishes(255.0 if kind == "uint8" else 1.0, mean_of, std_of, cast("RawType", kind), option)


def _pixels(text: str | None, also: bool) -> tuple[float, float] | None:
    if text is None:
        return None
    if text not in PIXELS:
        raise RecipeError(
            f"--pixels {text}: no range of pixels{nearest(text, PIXELS)}", fix=f"take one of: {', '.join(PIXELS)}"
        )
    if also:
        raise RecipeError("--pixels says what --raw-max, --mean and --std say", fix="leave one or the others out")
    return PIXELS[text]


def _output(text: str) -> tuple[str, Meaning]:
    """Read NAME=KIND, NAME=KIND:WORDS, each with @THRESHOLD at its end or without."""
    name, equals, said = text.rpartition("=") if text.count("=") == 1 else text.partition("=")
    said, at, limit = said.rpartition("@") if re.search(r"@[\d.eE+-]+$", said) else (said, "", "")
    kind, _, words = said.partition(":")
    known = {one.replace("_", "-"): one for one in KINDS}
    if not equals or not name or kind not in known:
        raise RecipeError(
            f"--output {text}: {f'no meaning {kind!r}{nearest(kind, known)}' if equals else 'no NAME=MEANING'}",
            fix=f"for instance box=value:px or kind=classes:cat,dog; a meaning is one of: {', '.join(known)}",
        )
    number = _numbers(f"--output {text}", limit)[0] if at else None
    unit = (words.strip(),) if words else ()
    return name.strip(), Meaning(
        known[kind], unit if kind == "value" else _labels(words) if words else (), number, f"--output {text}"
    )


def _labels(text: str) -> tuple[str, ...]:
    """Return the names in a file, one a line, or between commas, or the numbers of a range such as 0-9."""
    if _is_file(text):
        return label_lines(read_text(Path(text), "name a text file with one label a line"))
    if text.endswith(".txt") or "/" in text:
        raise RecipeError(
            f"--labels {text}: no such file{nearest_file(Path(text))}",
            fix="name a file with one label a line, or: --labels cat,dog",
        )
    if (numbers := RANGE.fullmatch(text)) and int(numbers[1]) < int(numbers[2]):
        return tuple(map(str, range(int(numbers[1]), int(numbers[2]) + 1)))
    if re.fullmatch(r"\d{6,}-\d+|\d+-\d{6,}", text):
        raise RecipeError(f"--labels {text[:40]}: more than 100,000 labels", fix="give one label an output")
    labels = tuple(label.strip() for label in text.split(","))
    if not all(labels):
        raise RecipeError(f"--labels {text[:40]}: a label is empty", fix="give each class a name: --labels cat,dog")
    return labels


def _is_file(text: str) -> bool:
    """Say whether something of that name is there, which reading it may find to be no file."""
    try:
        return (Path(text).exists() and not Path(text).is_dir()) or Path(text).is_symlink()
    except OSError:  # longer than a name may be
        return False


def label_lines(text: str) -> tuple[str, ...]:
    """Return the labels of a text with one a line."""
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _numbers(option: str, text: str | None) -> tuple[float, ...]:
    fix = f"for instance {option} 0.485,0.456,0.406"
    if not text:
        return ()
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise RecipeError(f"{option} {text[:40]}: not numbers", fix=fix) from error
    if not all(abs(number) <= LARGEST for number in numbers):  # a NaN is not either
        raise RecipeError(f"{option} {text[:40]}: give finite numbers from {-LARGEST:g} to {LARGEST:g}", fix=fix)
    return numbers
