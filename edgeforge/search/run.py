"""Runs a search: this process is one worker, and starts the others."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edgeforge.builder.run import Watcher
from edgeforge.errors import BudgetExceeded, StageFailed
from edgeforge.files import write_whole
from edgeforge.guards.processes import end, environment, python
from edgeforge.pipeline import BuildFolder, build
from edgeforge.search.outcome import Outcome, build_name, look
from edgeforge.search.page import page
from edgeforge.search.space import Space
from edgeforge.search.storage.artifacts import Artifacts
from edgeforge.search.study import Study
from edgeforge.search.trial import run_trial

OFTEN = 1.0  # seconds between two looks at what other workers do
PAGE, DATA = "index.html", "search.json"


@dataclass(frozen=True)
class Place:
    """Where a search is: its builds' folder, its storage and where its artifacts are copied."""

    out: Path
    storage: str | None
    artifacts: str | None

    def folder(self, name: str) -> Path:
        """Return the folder of a search's page and journal."""
        return BuildFolder(self.out, name).folder / "search"


def work(space: Space, place: Place, say: Callable[[int, str], None], told: Callable[[Outcome], None]) -> Study:
    """Run trials until none is left to begin. say: told of what a trial does. told: told of each trial's end.

    A trial that this process cannot end, for whatever reason, is given back.
    """
    import optuna

    folder = place.folder(space.loaded.recipe.name)
    folder.mkdir(parents=True, exist_ok=True)
    kept = Artifacts(place.artifacts, BuildFolder(place.out, "").store)
    kept.check()
    study = Study(space, place.storage, folder)
    while True:
        trial = study.next()
        if trial is None:
            if not study.running():
                return study
            time.sleep(OFTEN)  # another worker's trial may come back
            continue
        number = trial.number
        with study.held(trial):
            try:
                made = run_trial(study, trial, place.out, folder / "logs" / str(number), partial(say, number))
            except optuna.exceptions.UpdateFinishedTrialError:  # counted as dead meanwhile, as a sleeping laptop is
                continue
            except BaseException:
                study.give_back(trial)
                raise
        kept.put(made)
        outcome = look(study)
        write_pages(outcome, folder)
        told(outcome)


def start_workers(count: int, command: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    """Start workers beside this process; they end with it."""
    return [
        subprocess.Popen(
            python("-m", "edgeforge", *command), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**environment(), WORKER: "1"}, start_new_session=True,
        )
        for _ in range(count)
    ]  # fmt: skip


WORKER = "EDGEFORGE_SEARCH_WORKER"  # set in a worker that another process has started: it ends with that one


def watch_parent() -> None:
    """End this worker as Ctrl-C does when the process that started it is gone."""
    if os.environ.get(WORKER):
        import sys
        import threading

        def wait() -> None:
            sys.stdin.buffer.read()
            os.kill(os.getpid(), signal.SIGINT)

        threading.Thread(target=wait, daemon=True).start()


def stop_workers(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    """Let the workers give their trials back, and end those that do not."""
    for worker in workers:
        if worker.stdin:
            worker.stdin.close()
    for worker in workers:
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            end(worker)


def write_pages(outcome: Outcome, folder: Path) -> None:
    """Write the page and its data."""
    write_whole(folder / DATA, outcome.json())
    write_whole(folder / PAGE, page(outcome))


def build_front(study: Study, place: Place, watcher: Watcher) -> Outcome:
    """Build every network of the front whole, with its report: what was trained is in the store or in the artifacts.

    Raises BudgetExceeded when no trial is within its limits.
    """
    outcome = look(study)
    require_feasible(outcome)
    kept = Artifacts(place.artifacts, BuildFolder(place.out, "").store)
    for row in outcome.front:
        name = build_name(outcome.name, row.number)
        loaded = study.space.recipe(row.changes, f"name={name}")
        kept.get(loaded, place.out)
        try:
            build(loaded, place.out, watcher)
        except StageFailed as error:
            watcher.notice(f"{name}: {error.stage}: {error.reason}")
    outcome = look(study, place.out)
    write_pages(outcome, place.folder(outcome.name))
    return outcome


def require_feasible(outcome: Outcome) -> None:
    """Raise BudgetExceeded naming each limit that was missed by all, and by how much the nearest missed it."""
    if outcome.front or not outcome.ended:
        return
    lines = outcome.nearest_misses()
    raise BudgetExceeded(
        "\n".join((f"none of {outcome.ended} networks is within the limits", *lines)),
        fix="raise these limits under search.limits, or let search.over try smaller networks",
    )
