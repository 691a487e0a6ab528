"""How long a build may take yet: from what its stages took before, in the same store, and from how far they are.

An estimate and no promise: a stage that no build has made before is unknown until it says how far it is.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from edgeforge.builder.plan import Plan, Step
from edgeforge.builder.stage import Stage, may_start
from edgeforge.builder.store import META, Store
from edgeforge.errors import RecipeError
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND

STEADY = 10  # reports of progress after which a stage's pace says more than what it took before


class Left(NamedTuple):
    """Seconds yet; not `known`: at least so many, as some stages were never timed."""

    seconds: float
    known: bool


@dataclass
class _Running:
    step: Step
    begun: float
    reports: int = 0
    first: tuple[float, float] = (0.0, 0.0)  # share and time of the first report: what came before was getting ready
    whole: float | None = None  # seconds, at the pace between the first report and the last


class TimeLeft:
    """Told of a build's stages as they go; answers at any moment, from any thread.

    before: stage → seconds that it took in an earlier build. clock: monotonic, in seconds.
    """

    def __init__(
        self, plan: Plan, before: Mapping[str, float], jobs: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.before, self.jobs, self.clock = before, jobs, clock
        self.waiting = {step.stage.name: step for step in plan.steps if not step.artifact}
        self.running: dict[str, _Running] = {}
        self.lock = threading.Lock()

    def started(self, stage: str) -> None:
        """A stage begins."""
        with self.lock:
            if step := self.waiting.pop(stage, None):
                self.running[stage] = _Running(step, self.clock())

    def progressed(self, stage: str, share: float) -> None:
        """A stage has done `share` in [0, 1]."""
        with self.lock:
            if one := self.running.get(stage):
                now = self.clock()
                one.reports += 1
                if one.reports == 1:
                    one.first = share, now
                elif share > one.first[0]:
                    pace = (now - one.first[1]) / (share - one.first[0])
                    one.whole = now - one.begun + pace * (1.0 - share)

    def finished(self, stage: str) -> None:
        """A stage has ended, or was found made by another build."""
        with self.lock:
            self.running.pop(stage, None)
            self.waiting.pop(stage, None)

    def stage(self, name: str) -> float | None:
        """Return a stage's seconds yet; None where they are not known, or it has taken longer than expected."""
        with self.lock:
            return self._stage(name)

    def build(self) -> Left:
        """Return the whole build's seconds yet: what runs and what waits, in the order that the build would take."""
        with self.lock:
            return self._build()

    def _stage(self, name: str) -> float | None:
        one = self.running.get(name)
        if one is None:
            return self.before.get(name)
        elapsed, whole = self.clock() - one.begun, self.before.get(name)
        if one.whole is not None and (whole is None or one.reports >= STEADY):
            whole = one.whole
        return whole - elapsed if whole is not None and whole > elapsed else None

    def _build(self) -> Left:
        known = all(name in self.before for name in self.waiting)
        ends: dict[str, tuple[Stage, float]] = {}  # of what runs
        for name, one in self.running.items():
            seconds = self._stage(name)
            known &= seconds is not None or name in self.before  # over its time: it may end at any moment
            ends[name] = one.step.stage, seconds or 0.0
        now, waiting = 0.0, dict(self.waiting)
        while waiting or ends:
            for name, step in list(waiting.items()):
                ready = not any(other in waiting or other in ends for other in step.inputs)
                if ready and may_start(step.stage, [stage for stage, _ in ends.values()], self.jobs):
                    del waiting[name]
                    ends[name] = step.stage, now + self.before.get(name, 0.0)
            first = min(ends, key=lambda name: ends[name][1])
            now = max(now, ends.pop(first)[1])
        return Left(now, known)


def seconds_before(plan: Plan, store: Store) -> dict[str, float]:
    """Return stage → the seconds of its most alike artifact in the store: the most equal ingredients, then the newest.

    What cannot be read is left out: an estimate must not stop a build.
    """
    found = {}
    for step in plan.steps:
        if step.artifact:
            continue
        ranked = [
            (_alike(step.ingredients, ingredients), changed, seconds)
            for changed, ingredients, seconds in _metas(store, step.stage.name)
        ]
        if ranked:
            found[step.stage.name] = max(ranked)[2]
    return found


def _metas(store: Store, stage: str) -> Iterable[tuple[float, Any, float]]:
    for path in store.root.glob(f"{stage}-*/{META}"):
        try:
            meta = json.loads(read_regular(path, largest=KIND["text"]))
            if meta["stage"] == stage:
                yield path.stat().st_mtime, meta.get("ingredients"), float(meta["seconds"])
        except (RecipeError, OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            continue


def _alike(now: Any, before: Any) -> int:
    """Return how many values of the recipe, inputs, files and code are the same."""
    if isinstance(now, dict) and isinstance(before, dict):
        return sum(_alike(value, before[name]) for name, value in now.items() if name in before)
    return int(now == before)


def in_words(seconds: float) -> str:
    """Return a duration as a person reads it: 0:47, 12:34, 1:02:03."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
