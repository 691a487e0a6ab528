"""The recipe's `search`: which of its keys are tried with which values, for what, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from edgeforge.foreign.validation import shortened, wanted
from edgeforge.recipe.sections.section import Section
from edgeforge.suggest import nearest

ACCURACY = ("top1", "balanced", "iou", "drop", "rmse")  # of the model that ships, on the validation images
SIZES = ("flash_bytes", "ram_bytes", "arena_bytes", "model_bytes", "weights_bytes", "macs", "milliseconds")
HIGHER_IS_BETTER = ("top1", "balanced", "iou")
MOST = 100_000  # trials
LARGEST = 1e12  # of a range's ends
FIGURES = (*ACCURACY, *SIZES)


def of_head(figure: str) -> tuple[str, str]:
    """Return the head that a figure is of, empty for the first one and for sizes, and the figure: size.balanced."""
    head, _, name = figure.rpartition(".")
    return head, name


def higher_is_better(figure: str) -> bool:
    """Say whether more of a figure is better."""
    return of_head(figure)[1] in HIGHER_IS_BETTER


def is_figure(figure: str) -> bool:
    """Say whether there is such a figure; sizes are of no head."""
    head, name = of_head(figure)
    return name in (ACCURACY if head else FIGURES)


def _figure(figure: str) -> str:
    if not is_figure(figure):
        raise ValueError(
            f"{figure!r} is no figure{nearest(of_head(figure)[1], FIGURES)}: give one of {', '.join(FIGURES)}"
        )
    return figure


Figure = Annotated[str, AfterValidator(_figure)]  # such as top1, or size.top1 of a head that is not the first


class Range(Section):
    """Numbers from `low` to `high`, both included: whole ones where both are."""

    low: float = Field(ge=-LARGEST, le=LARGEST)
    high: float = Field(ge=-LARGEST, le=LARGEST)
    log: bool = Field(False, description="as many between 1 and 10 as between 10 and 100")
    step: float | None = Field(None, gt=0.0, le=LARGEST, description="only low, low + step, low + 2 step, …")

    @model_validator(mode="after")
    def _has_width(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} has no logarithm: give a low above 0, or log: false")
        if self.log and self.step:
            raise ValueError("a range is either log or in steps")
        return self

    @property
    def whole(self) -> bool:
        """Whether its numbers are whole."""
        return all(float(one).is_integer() for one in (self.low, self.high, self.step or 0.0)) and not self.log

    @property
    def values(self) -> list[Any] | None:
        """All of its numbers; None where they are too many to name."""
        step = self.step or (1.0 if self.whole else None)
        if step is None or (self.high - self.low) / step > 100:
            return None
        found = [self.low + place * step for place in range(int((self.high - self.low) / step + 1e-9) + 1)]
        return [int(one) for one in found] if self.whole else found

    def holds(self, number: float) -> bool:
        """Say whether it is one of them."""
        step = self.step or (1.0 if self.whole else None)
        places = (number - self.low) / step if step else 0.0
        return self.low <= number <= self.high and abs(places - round(places)) < 1e-9

    @property
    def samples(self) -> list[Any]:
        """A few of its numbers, ends included."""
        ends = [self.low, self.high]
        return [int(one) for one in ends] if self.whole else ends


class Search(Section):
    """The space of `edgeforge search`, what is best in it, and what is not allowed."""

    trials: int = Field(60, ge=1, le=MOST, description="networks tried; fewer where the space holds fewer")
    over: dict[str, list[Any] | Range] = Field(
        min_length=1,
        description="key of this recipe → its values: [8, 16], {low: 0.1, high: 0.5}, {log: [1e-4, 1e-2]}",
    )
    maximize: tuple[Figure, ...] = Field(
        ("top1",), description="on the validation images; the test images choose nothing; size.top1: of a further head"
    )
    minimize: tuple[Figure, ...] = Field(("flash_bytes", "arena_bytes"), description="of the model that ships")
    limits: dict[Figure, Annotated[float, Field(ge=0.0, le=1e12)]] = Field(
        default_factory=dict, description="most of a figure; of top1, balanced and iou the least, in [0, 1]"
    )
    board: str | None = Field(None, description="one of targets, whose figures count; default: the first")
    sampler: Literal["tpe", "nsga2"] = Field("tpe", description="nsga2: for hundreds of trials of several figures")
    prune: bool = Field(
        True, description="stop a training early that is behind every third of the networks which are no larger"
    )
    retries: int = Field(3, ge=0, le=100, description="of a trial whose worker was killed")

    @field_validator("over", mode="before")
    @classmethod
    def _short_ranges(cls, over: Any) -> Any:
        """Take `{log: [a, b]}` for `{low: a, high: b, log: true}`."""
        if not isinstance(over, dict):
            return over
        return {key: _range(f"over.{key}", one) if isinstance(one, Mapping) else one for key, one in over.items()}

    @model_validator(mode="after")
    def _wants_something(self) -> Search:
        both = [figure for figure in self.maximize if figure in self.minimize]
        if both:
            raise ValueError(f"{both[0]} stands under maximize and under minimize")
        for figure in (*self.maximize, *self.minimize):
            if higher_is_better(figure) != (figure in self.maximize):
                raise ValueError(f"{figure} belongs under {'maximize' if higher_is_better(figure) else 'minimize'}")
        if not self.maximize and not self.minimize:
            raise ValueError("nothing to search for: name a figure under maximize or minimize")
        for key, values in self.over.items():
            if isinstance(values, list) and len(values) < 2:
                raise ValueError(f"over.{key}: give two values at least, or set {key} itself")
            if key.split(".")[0] in ("search", "name"):
                raise ValueError(f"over.{key}: this key cannot be searched")
        return self

    @property
    def figures(self) -> tuple[Figure, ...]:
        """What is searched for: maximized ones first."""
        return (*self.maximize, *self.minimize)


def _range(where: str, value: Mapping[str, Any]) -> Range:
    """Return a range. Raises ValueError in one line: a union's own error would name every type that it is not."""
    if isinstance(value.get("log"), list) and len(value["log"]) == 2:
        low, high = value["log"]
        value = {**value, "low": low, "high": high, "log": True}
    try:
        return Range.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"{where}: {_said(error.errors()[0])}") from None


def _said(problem: Any) -> str:
    place = ".".join(map(str, problem["loc"]))
    if problem["type"] == "value_error":
        return f"{place + ': ' if place else ''}{problem['ctx']['error']}"  # of a key, or of all together
    if problem["type"] == "missing":
        return f"{place}: this key is missing"
    if problem["type"] == "extra_forbidden":
        return f"{place}: unknown key{nearest(place, Range.model_fields)}"
    return f"{place}: {shortened(problem['input'])} is not {wanted(problem)}"
