"""What a model's outputs mean: said by a person, read in the file, or asked for; never assumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from pathlib import Path

from edgeforge.errors import RecipeError
from edgeforge.foreign.validation import shortened
from edgeforge.results.head import HALF, NO_YES, USUAL_UNUSUAL, Head, Kind
from edgeforge.suggest import nearest
from edgeforge.targets.arduino.own.endings import PROBABILITIES
from edgeforge.targets.arduino.own.metadata import TensorFacts
from edgeforge.targets.arduino.own.question import Choice, Question
from edgeforge.targets.arduino.own.wishes import Meaning, Wishes

NAMES = {"classes": "class", "yes_no": "answer", "value": "value", "reconstruction": "error", "map": "map"}


@dataclass(frozen=True)
class Output:
    """One output tensor, as the file has it. shape: without the batch; (1,K) and (K) are one."""

    place: int
    names: tuple[str, ...]  # that it may be called by, the best first
    shape: tuple[int, ...]
    made_by: str  # the operator, conversions and reshapes passed over
    is_input_shaped: bool
    labels: tuple[str, ...] = ()  # the file's
    facts: TensorFacts = field(default_factory=TensorFacts)

    @property
    def values(self) -> int:
        """How many elements it has."""
        return prod(self.shape)

    @property
    def spatial(self) -> bool:
        """Whether it has a place for something, beside channels."""
        return len(self.shape) > 1 and prod(self.shape[:-1]) > 1

    @property
    def probability(self) -> bool:
        """Whether the model itself ends in a softmax or a sigmoid."""
        return self.made_by in PROBABILITIES


def meanings_for(outputs: list[Output], wishes: Wishes, path: Path) -> list[Meaning | None]:
    """Return what a person says of each output. Raises RecipeError for a name that no output has."""
    if len(outputs) == 1:
        said = wishes.meaning or _by_labels(outputs[0], wishes)
        by_name = _named(outputs, wishes, path)
        return [by_name.get(0, said)]
    if wishes.meaning or wishes.labels or wishes.threshold is not None:
        given = wishes.meaning.option if wishes.meaning else "--labels" if wishes.labels else "--threshold"
        raise RecipeError(
            f"{path}: it has {len(outputs)} outputs ({', '.join(one.names[0] for one in outputs)}): "
            f"of which is {given} said?",
            fix=f"say it of each, for instance --output {outputs[0].names[0]}=classes:cat,dog",
        )
    found = _named(outputs, wishes, path)
    return [found.get(one.place) for one in outputs]


def _by_labels(output: Output, wishes: Wishes) -> Meaning | None:
    """Return what --labels and --threshold alone say of the only output."""
    if not wishes.labels and wishes.threshold is None:
        return None
    one = output.values == 1
    if wishes.threshold is not None and not one:
        return Meaning("map", wishes.labels, wishes.threshold, "--threshold")
    if one and output.made_by != "LOGISTIC":  # two labels make no yes or no of a value
        return None
    kind: Kind = "yes_no" if one else "map" if output.spatial else "classes"
    return Meaning(kind, wishes.labels, wishes.threshold, "--labels" if wishes.labels else "--threshold")


def _named(outputs: list[Output], wishes: Wishes, path: Path) -> dict[int, Meaning]:
    found: dict[int, Meaning] = {}
    for name, meaning in wishes.outputs.items():
        place = next((one.place for one in outputs if name in (*one.names, str(one.place))), None)
        if place is None:
            known = [one.names[0] for one in outputs]
            raise RecipeError(
                f"{path}: {meaning.option}: no output '{name}'{nearest(name, known)}",
                fix=f"its outputs are: {', '.join(known)}; or by number, from 0",
            )
        found[place] = meaning
    return found


def read_output(output: Output, said: Meaning | None, alone: bool, worded: bool = False) -> list[Head] | Question:
    """Return an output's heads, one as a rule, or what has to be asked.

    alone: the model has no other output. worded: labels or a threshold are given, which a value has not.
    """
    if said is not None:
        return _said(output, said, alone)
    name = NAMES["classes"] if alone else output.names[0]
    labels, limit = output.labels, output.facts.threshold
    depth = output.shape[-1] if output.shape else 1
    telling = output.made_by in ("SOFTMAX", "LOG_SOFTMAX")
    if output.spatial:
        if depth > 1 and (telling or len(labels) == depth):
            return _said(output, Meaning("map", labels), alone)
    elif output.values == 1:
        if output.made_by == "LOGISTIC":
            return _said(output, Meaning("yes_no", labels, limit), alone)
    elif telling or len(labels) == output.values:
        labels = labels if len(labels) == output.values else _numbered(output.values)
        return [Head(name, labels, probability=output.probability, tensor=output.place)]
    return Question(_asked(output, alone), _choices(output, alone, worded))


def _said(output: Output, said: Meaning, alone: bool) -> list[Head]:
    """Return the heads of what was said. Raises RecipeError where the output cannot mean that."""
    name = NAMES[said.kind] if alone else output.names[0]
    count, depth, words, place = output.values, output.shape[-1] if output.shape else 1, said.words, output.place
    if said.kind == "classes":
        words = words or (output.labels if len(output.labels) == count else _numbered(count))
        if count == 1:
            raise _cannot(
                output, said, "one output is no class among others", "say yes or no of it: --yes-no --labels cat,dog"
            )
        _require_labels(output, words, count)
        return [Head(name, words, probability=output.probability, tensor=place)]
    if said.kind == "value":
        unit = words[0] if words else ""
        return [Head(name, (), unit, kind="value", shape=() if count == 1 else (count,), tensor=place)]
    if said.kind == "yes_no":
        limit = _probability(said)
        if count == 1:
            two = _two(output, words or output.labels, NO_YES)
            return [Head(name, two, kind="yes_no", threshold=limit, probability=output.probability, tensor=place)]
        words = words or (output.labels if len(output.labels) == count else _numbered(count))
        _require_labels(output, words, count)
        return [
            Head(label, NO_YES, kind="yes_no", threshold=limit, probability=output.probability, tensor=place)
            for label in words
        ]
    if said.kind == "reconstruction":
        if not output.is_input_shaped:
            raise _cannot(output, said, "it has not the shape of the input")
        if said.threshold is not None and said.threshold <= 0:
            raise _cannot(output, said, f"an error of {said.threshold:g} is none", "give --threshold above 0")
        judged = _two(output, words, USUAL_UNUSUAL) if said.threshold is not None else ()
        return [Head(name, judged, kind="reconstruction", shape=output.shape, threshold=said.threshold, tensor=place)]
    height, width = (1, 1, *output.shape[:-1])[-2:]
    if len(output.shape) < 2 or len(output.shape) > 3:
        raise _cannot(output, said, "a map is H,W,classes")
    if depth == 1:
        two = _two(output, words or output.labels, NO_YES)
        return [Head(name, two, kind="map", shape=(height, width, 1), threshold=_probability(said),
                     probability=output.probability, tensor=place)]  # fmt: skip
    words = words or (output.labels if len(output.labels) == depth else _numbered(depth))
    _require_labels(output, words, depth)
    return [Head(name, words, kind="map", shape=(height, width, depth), probability=output.probability, tensor=place)]


def _probability(said: Meaning) -> float:
    limit = HALF if said.threshold is None else said.threshold
    if not 0 < limit < 1:
        raise RecipeError(
            f"{said.option}: a threshold of {limit:g} is no probability between 0 and 1", fix="for instance 0.5"
        )
    return limit


def _two(output: Output, words: tuple[str, ...], usual: tuple[str, str]) -> tuple[str, str]:
    """Return the labels of no and yes: those given, or one given and that it is not."""
    if len(words) > 2:
        raise RecipeError(
            f"output {output.names[0]}: yes or no has 2 labels, {len(words)} are given: {', '.join(words[:5])}",
            fix="give what a low and what a high value means: --labels cat,dog",
        )
    return usual if not words else (f"no {words[0]}", words[0]) if len(words) == 1 else (words[0], words[1])


def _require_labels(output: Output, labels: tuple[str, ...], wanted: int) -> None:
    if len(labels) != wanted:
        each = "each pixel has" if output.spatial else "it has"
        raise RecipeError(
            f"output {output.names[0]}: {each} {wanted} outputs, and there are {len(labels)} labels",
            fix="give one label an output: --labels labels.txt, or --labels cat,dog",
        )
    if len(set(labels)) < len(labels):
        twice = next(label for label in labels if labels.count(label) > 1)
        raise RecipeError(f"output {output.names[0]}: two labels are {shortened(twice)}", fix="give each class its own")


def _cannot(output: Output, said: Meaning, why: str, fix: str = "") -> RecipeError:
    fix = fix or f"leave {said.option} out: what else it may mean is then asked"
    return RecipeError(f"{said.option}: output {output.names[0]} has the shape {[1, *output.shape]}: {why}", fix=fix)


def _numbered(count: int) -> tuple[str, ...]:
    return tuple(map(str, range(count)))


def _asked(output: Output, alone: bool) -> str:
    which = "its output" if alone else f"output {output.names[0]}"
    end = f" and ends in {output.made_by}" if output.made_by else ""
    return f"what {which} means is not said in the file; it has the shape {[1, *output.shape]}{end}"


def _choices(output: Output, alone: bool, worded: bool) -> tuple[Choice, ...]:
    """Return the meanings that an output of this shape may have."""
    count, depth = output.values, output.shape[-1] if output.shape else 1
    found: list[tuple[str, str, str]] = []  # the option where it is the only output, of --output, and what it means
    if output.is_input_shaped and count > 1:
        found.append(
            ("--reconstruction", "reconstruction", "the input again: its error, from --threshold on an anomaly")
        )
    if output.spatial and len(output.shape) <= 3:
        each = "yes or no" if depth == 1 else f"one of {depth} classes"
        found.append(("--map", "map", f"a map: {each} for each of {count // depth} pixels (--labels)"))
    if count == 1:
        found.append(("--value unit", "value:unit", "a value, in a unit such as cycles"))
        found.append(
            ("--yes-no", "yes-no", "yes or no: a logit, from a probability of --threshold on (--labels no,yes)")
        )
    else:
        if not output.spatial:
            last = f"0-{count - 1}"
            found.append((f"--labels {last}", f"classes:{last}", f"one of {count} classes (--labels labels.txt)"))
        if output.made_by == "LOGISTIC" and not output.spatial:
            found.append(("--yes-no", "yes-no", f"{count} answers, each yes or no (--labels names them)"))
        found.append(("--value unit", "value:unit", f"{count} values in a unit"))
    name = output.names[0]
    found = [one for one in found if not (worded and one[1].startswith("value"))]
    return tuple(Choice(option if alone else f"--output {name}={short}", text) for option, short, text in found)
