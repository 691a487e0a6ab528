"""How far the build of a folder is, as a file that others may read: `logs/state.json`.

Written beside and renamed, so that a reader never sees half of it. It is no part of what a build makes.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from edgeforge.builder.estimate import TimeLeft, seconds_before
from edgeforge.builder.plan import Plan
from edgeforge.builder.run import Watcher
from edgeforge.builder.store import Store
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.files import write_whole
from edgeforge.inputs.regular import read_regular
from edgeforge.inputs.sizes import KIND

LOGS = "logs"  # folder in the build folder
STATE = "state.json"
OFTEN = 0.5  # seconds between two writings that only move on


class StageState(BaseModel):
    """One stage of the build."""

    name: str
    title: str
    state: Literal["waiting", "running", "done", "stored"] = "waiting"
    share: float = 0.0  # done, in [0, 1]
    text: str = ""
    seconds: float | None = None  # that it took
    left: float | None = None  # seconds yet, an estimate


class BuildState(BaseModel):
    """A build, running or ended. Times are seconds since 1970.

    left: seconds yet; where `left_known` is false, at least so many.
    """

    recipe: str
    state: Literal["running", "finished", "failed", "stopped"] = "running"
    process: int
    process_begun: float
    begun: float
    written: float
    left: float | None = None
    left_known: bool = True
    reason: str = ""
    fix: str = ""
    stages: list[StageState]

    @property
    def alive(self) -> bool:
        """Say whether it runs and its process lives."""
        return self.state == "running" and _process_begun(self.process) == self.process_begun


def read_state(folder: Path) -> BuildState | None:
    """Return the state of a folder's newest build; None where there is none. A killed build's is `stopped`."""
    try:
        state = BuildState.model_validate_json(read_regular(folder / LOGS / STATE, largest=KIND["text"]))
    except (RecipeError, ValidationError):
        return None
    if state.state == "running" and not state.alive:
        state.state, state.left = "stopped", None
    return state


class StateWatcher(Watcher):
    """Keeps the state file, and tells another watcher; a disk that does not take the file stops no build."""

    def __init__(self, watcher: Watcher, path: Path) -> None:
        self.watcher, self.path = watcher, path
        self.lock = threading.Lock()
        self.last = 0.0

    @contextlib.contextmanager
    def told(self, plan: Plan, store: Store, jobs: int) -> Iterator[None]:
        """Follow a plan that is carried out within: its end, good or bad, is the last that the file says."""
        self.left = TimeLeft(plan, seconds_before(plan, store), jobs)
        now = time.time()
        self.stages = {
            step.stage.name: StageState(
                name=step.stage.name,
                title=step.stage.title,
                state="stored" if step.artifact else "waiting",
                seconds=step.artifact.seconds if step.artifact else None,
            )
            for step in plan.steps
        }
        self.state = BuildState(
            recipe=plan.recipe.name, process=os.getpid(), process_begun=_process_begun(os.getpid()) or 0.0, begun=now,
            written=now, stages=list(self.stages.values()),
        )  # fmt: skip
        self._write()
        self.watcher.planned(plan, self.left)
        try:
            yield
        except EdgeForgeError as error:
            where = f"{error.stage}: " if error.stage else ""
            self._end("failed", where + error.reason, error.fix)
            raise
        except BaseException:
            self._end("stopped")
            raise
        self._end("finished")

    def started(self, stage: str, title: str) -> None:
        """A stage begins."""
        self.left.started(stage)
        self._set(stage, state="running", text=title)
        self.watcher.started(stage, title)

    def progress(self, stage: str, share: float, text: str) -> None:
        """A stage moves on."""
        self.left.progressed(stage, share)
        self._set(stage, seldom=True, share=share, text=text)
        self.watcher.progress(stage, share, text)

    def finished(self, stage: str, seconds: float) -> None:
        """A stage has ended."""
        self.left.finished(stage)
        self._set(stage, state="done", share=1.0, seconds=seconds)
        self.watcher.finished(stage, seconds)

    def found(self, stage: str, seconds: float) -> None:
        """Another build has made what a stage was to make."""
        self.left.finished(stage)
        self._set(stage, state="stored", share=1.0, seconds=seconds)
        self.watcher.found(stage, seconds)

    def notice(self, text: str) -> None:
        """Something a person should know."""
        self.watcher.notice(text)

    def _set(self, stage: str, *, seldom: bool = False, **values: object) -> None:
        with self.lock:
            for name, value in values.items():
                setattr(self.stages[stage], name, value)
            if seldom and time.monotonic() - self.last < OFTEN:
                return
            self._write()

    def _end(self, state: Literal["finished", "failed", "stopped"], reason: str = "", fix: str = "") -> None:
        with self.lock:
            self.state.state, self.state.reason, self.state.fix = state, reason, fix
            for one in self.stages.values():
                one.state = "waiting" if one.state == "running" else one.state
            self._write()

    def _write(self) -> None:
        self.last, self.state.written = time.monotonic(), time.time()
        running = self.state.state == "running"
        for name, one in self.stages.items():
            one.left = self.left.stage(name) if one.state == "running" else None
        left = self.left.build() if running else None
        self.state.left, self.state.left_known = (left.seconds, left.known) if left else (None, True)
        with contextlib.suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, self.state.model_dump_json(indent=1), durable=False)


def _process_begun(process: int) -> float | None:
    """Return when a living process began; None where there is none."""
    import psutil

    try:
        return float(psutil.Process(process).create_time())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
