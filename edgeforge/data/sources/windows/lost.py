"""Which stretches of recordings have no window, and why: too short, gaps in time, or samples that are no numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgeforge.data.sources.windows.recording import Recording
from edgeforge.data.task import class_columns
from edgeforge.errors import some
from edgeforge.recipe.schema import Data

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Lost:
    """A stretch of a recording under one label, none of whose pieces is as long as a window.

    name: of the recording. samples: in the stretch; broken: of them no numbers; gaps: in time; longest: samples on
    end without either. padded: all that is no number stands at its end. without: axes that have no number in it;
    whole: it is a row of an array. split: train, val or test, where it is said.
    """

    name: str
    label: str
    samples: int
    broken: int
    gaps: int
    longest: int
    padded: bool
    without: frozenset[int]
    whole: bool
    split: str

    @property
    def told(self) -> str:
        """The recording, and why it has no window."""
        why = [f"{self.samples} samples"]
        if self.padded:
            why.append(f"{self.longest} and then NaN as padding")
        elif self.broken:
            why.append(f"NaN or infinity in {'each' if self.broken == self.samples else self.broken} of them")
        if self.gaps:
            why.append(f"{self.gaps} gap{'s' if self.gaps > 1 else ''} in time")
        if (self.broken or self.gaps) and self.longest > 0 and not self.padded:
            why.append(f"{self.longest} at most on end")
        return f"{self.name} ({', '.join(why)})"


def lost_in(
    recording: Recording, stretch: tuple[int, int], label: str, finite: NDArray[np.bool_], gaps: int, longest: int
) -> Lost:
    """Return why a stretch (first sample and end) has no window. finite: of each sample of the recording."""
    import numpy as np

    values, numbers = recording.values[slice(*stretch)], finite[slice(*stretch)]
    broken = int((~numbers).sum())
    padded = 0 < broken < len(numbers) and bool(np.isnan(values[len(numbers) - broken :]).all())
    without = frozenset(np.flatnonzero(~np.isfinite(values).any(axis=0)).tolist())
    return Lost(
        recording.name, label, len(numbers), broken, gaps, longest, padded, without, recording.whole, recording.split
    )


def causes(lost: list[Lost]) -> str:
    """Return the recordings, and why each has no window."""
    return some(list(dict.fromkeys(one.told for one in lost)))


def also_lost(lost: list[Lost]) -> str:
    """Return in brackets what else there would be of a class; empty where nothing is lost."""
    return f" (no window is left of {causes(lost)})" if lost else ""


def lost_of(label: str, lost: list[Lost], data: Data, split: str = "") -> list[Lost]:
    """Return what is lost of a class. split: and would be in that split.

    label: the class, behind its head's name where there are several.
    """
    columns = class_columns([one.label for one in lost], data)
    return [
        one
        for head, column in columns.items()
        for one, name in zip(lost, column, strict=True)
        if label in (name, f"{head} {name}") and (one.split in ("", split) or not split)
    ]


def remedy_of(lost: list[Lost], data: Data, axes: tuple[str, ...]) -> str:
    """Return what to do so that these have windows. axes: the names of the values of a sample."""
    broken = [one for one in lost if one.broken]
    without = frozenset.intersection(*(one.without for one in broken)) if broken else frozenset[int]()
    if broken and without and len(without) < len(axes):
        named = " and ".join(axes[place] for place in sorted(without))
        kept = ", ".join(name for place, name in enumerate(axes) if place not in without)
        return f"{named} has no number there: leave it out, data.axes: [{kept}], or mend it"
    if lost[0].whole:
        shortest = min((one.longest for one in broken if one.padded), default=0)
        if all(one.padded for one in broken) and shortest > 1:
            cut = f"x[:, :{shortest}]" if data.layout == "nlc" else f"x[..., :{shortest}]"
            window = f", with data.window: {shortest}" if data.window else ""
            return (
                f"cut all windows to the shortest's {shortest} samples: save {cut}{window}; or leave the short ones out"
            )
        return "mend those windows, or leave them out"
    parts = ["record it again without gaps"] if any(one.gaps for one in lost) else []
    parts += ["mend the samples that hold NaN or infinity"] if broken else []
    parts += ["record longer"] if not parts else []
    if (enough := _enough(lost)) > 1:
        parts.append(
            f"lower data.window to {enough}" + (f" and data.stride to {max(enough // 2, 1)}" if data.stride else "")
        )
    return ", or ".join(parts)


def _enough(lost: list[Lost]) -> int:
    """Return how many samples a window may have for two recordings of each label to have one."""
    by_label: dict[str, dict[str, int]] = {}
    for one in lost:
        of = by_label.setdefault(one.label, {})
        of[one.name] = max(of.get(one.name, 0), one.longest)
    return min((sorted(of.values())[-2] if len(of) > 1 else max(of.values()) for of in by_label.values()), default=0)
