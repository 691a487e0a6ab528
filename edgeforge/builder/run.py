"""Carries out a plan: each stage in a worker process, its result into the store, its files into the build folder."""

from __future__ import annotations

import concurrent.futures as futures
import json
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgeforge.builder.estimate import TimeLeft
from edgeforge.builder.plan import Plan, Step
from edgeforge.builder.record import inside
from edgeforge.builder.stage import Stage, may_start
from edgeforge.builder.store import Artifact, CorruptedArtifact, Store
from edgeforge.errors import EdgeForgeError, StageFailed, error_named
from edgeforge.guards.disk import storage_errors
from edgeforge.guards.processes import end, environment, python
from edgeforge.guards.removal import remove_file
from edgeforge.guards.scratch import TEMPORARY, scratch

WORKER_ENDED = "the worker was"  # how a message begins of one that could not say why itself
SHORT = 12  # hexadecimal digits of a key that tell one build of a folder from another


class Watcher:
    """Told of a build's progress; the command line shows it. Called from several threads."""

    def planned(self, plan: Plan, left: TimeLeft) -> None:
        """What there is to do is known; `left` says, at any moment from now on, how long it may take yet."""

    def started(self, stage: str, title: str) -> None:
        """A stage begins to run."""

    def progress(self, stage: str, share: float, text: str) -> None:
        """A stage has done `share` in [0, 1] of its work."""

    def validated(self, stage: str, epoch: int, figures: dict[str, float]) -> None:
        """A training has validated an epoch (from 1). What this raises stops the build; the stage is not stored."""

    def finished(self, stage: str, seconds: float) -> None:
        """A stage's result is in the store."""

    def found(self, stage: str, seconds: float) -> None:
        """A stage's result is in the store, made by another build meanwhile."""

    def notice(self, text: str) -> None:
        """Something a person should know."""


@dataclass
class Build:
    """One run of a plan; `artifacts` fills as stages end."""

    plan: Plan
    store: Store
    logs: Path
    watcher: Watcher
    jobs: int
    artifacts: dict[str, Artifact] = field(default_factory=dict)
    cached: set[str] = field(default_factory=set)
    _workers: set[subprocess.Popen[str]] = field(default_factory=set)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> dict[str, Artifact]:
        """Run what the plan says must run, `jobs` stages at once, and return every stage's artifact.

        Raises the first failing stage's EdgeForgeError; on that, or on Ctrl-C, no worker is left behind.
        """
        self.store.sweep()
        waiting = []
        for step in self.plan.steps:
            if step.artifact:
                self.artifacts[step.stage.name] = step.artifact
                self.cached.add(step.stage.name)
                self.store.mark_used(step.artifact)
            else:
                waiting.append(step)
        with futures.ThreadPoolExecutor(max_workers=self.jobs) as pool:
            try:
                self._run_all(waiting, pool)
            except BaseException:
                self._stopping.set()
                for worker in list(self._workers):
                    end(worker)
                raise
        return self.artifacts

    def _run_all(self, waiting: list[Step], pool: futures.Executor) -> None:
        running: dict[futures.Future[Artifact], Step] = {}
        while waiting or running:
            for step in list(waiting):
                ready = all(name in self.artifacts for name in (*step.inputs, *self._gates(step)))
                if ready and may_start(step.stage, [other.stage for other in running.values()], self.jobs):
                    waiting.remove(step)
                    running[pool.submit(self._make, step)] = step
            # A short wait keeps Ctrl-C responsive.
            done, _ = futures.wait(running, timeout=0.2, return_when=futures.FIRST_COMPLETED)
            for future in done:
                self.artifacts[running.pop(future).stage.name] = future.result()

    def _gates(self, step: Step) -> list[str]:
        """Return the stages of this build that it waits for without reading them."""
        return [other.stage.name for other in self.plan.steps if other.stage.name in step.stage.waits_for]

    def _make(self, step: Step) -> Artifact:
        stage = step.stage
        forced = step.why.startswith("forced")

        def waiting(turn: int) -> None:
            if self._stopping.is_set():
                raise StageFailed("given up waiting for another build", fix="build again", stage=stage.name)
            if turn == 0:
                self.watcher.notice(f"{stage.name}: another build is making the same; waiting for it")

        with self.store.lock(f"{stage.name}-{step.key[:16]}", waiting):
            found = None if forced else self._found(step)
            if found:  # another build made it while we waited
                self.cached.add(stage.name)
                self.watcher.found(stage.name, found.seconds)
                return found
            self.watcher.started(stage.name, stage.title)
            with self.store.new_folder(stage.name, step.key) as folder:
                output = folder / "output"
                output.mkdir()
                done = self._work(step, folder, output)
                artifact = self.store.put(
                    stage.name,
                    step.key,
                    output,
                    seconds=round(done["seconds"], 2),
                    peak_memory_bytes=done["peak_memory_bytes"],
                    ingredients=step.ingredients,
                )
        self.watcher.finished(stage.name, artifact.seconds)
        return artifact

    def _found(self, step: Step) -> Artifact | None:
        try:
            return self.store.get(step.stage.name, step.key)
        except CorruptedArtifact as error:
            self.watcher.notice(f"{error}: made again")
            return None

    def _work(self, step: Step, folder: Path, output: Path) -> dict[str, Any]:
        """Run the stage's function in a worker and return its last event."""
        stage = step.stage
        order = {
            "stage": stage.name,
            "function": stage.function,
            "recipe": self.plan.recipe.model_dump(mode="json"),
            "reads": stage.reads,
            "inputs": {name: str(self.artifacts[name].folder.resolve()) for name in step.inputs},
            "files": {name: str(path.resolve()) for name, path in step.files.items()},
            "output": str(output.resolve()),
            "scratch": str(self.store.scratch(stage.name, step.key).resolve()),
            "log": str((self.logs / f"{stage.name}.log").resolve()),
            "facts": self._facts(step),
        }
        with storage_errors(self.store.root):
            log = inside(self.logs.parent, f"{self.logs.name}/{stage.name}.log")
            self.logs.mkdir(parents=True, exist_ok=True)
            remove_file(log, self.logs)
            order_file = folder / "order.json"
            order_file.write_text(json.dumps(order))
        with scratch() as temporary:
            last, code = self._end_of(stage, order_file, {TEMPORARY: str(temporary)})
        if last.get("event") == "done":
            return last
        raise _failure(last, code, stage.name, self.logs / f"{stage.name}.log")

    def _end_of(self, stage: Stage, order: Path, variables: dict[str, str]) -> tuple[dict[str, Any], int]:
        """Run a worker; return its last event and its exit code."""
        worker = subprocess.Popen(
            python("-m", "edgeforge.builder.worker", str(order)),
            stdin=subprocess.PIPE,  # closes when this process dies, and the worker with it
            stdout=subprocess.PIPE,
            text=True,
            env={**_environment(), **stage.environment, **variables},
            start_new_session=True,  # Ctrl-C reaches this process alone, which then ends its workers
        )
        self._workers.add(worker)
        try:
            if self._stopping.is_set():
                end(worker)
            last = self._listen(worker, stage.name)
            worker.wait()
        finally:
            self._workers.discard(worker)
            end(worker)
        return last, worker.returncode

    def _listen(self, worker: subprocess.Popen[str], stage: str) -> dict[str, Any]:
        last: dict[str, Any] = {}
        now: dict[str, Any] = {}
        assert worker.stdout is not None
        for line in worker.stdout:
            last = json.loads(line)
            if last["event"] == "progress":
                self.watcher.progress(stage, last["share"], last["text"])
            elif last["event"] == "validated":
                self.watcher.validated(stage, last["epoch"], last["figures"])
            elif last["event"] == "now":
                now = last
        return last if last.get("event") in ("done", "error") else now

    def _facts(self, step: Step) -> dict[str, Any]:
        """What only the build knows and no key depends on: which it is, where its logs are, how long stages took."""
        return {
            "build": step.key[:SHORT],
            "logs": str(self.logs.resolve()),
            "stages": [
                {
                    "name": name,
                    "cached": name in self.cached,
                    "seconds": artifact.seconds,
                    "peak_memory_bytes": artifact.peak_memory_bytes,
                }
                for name, artifact in self.artifacts.items()
            ],
        }


def _environment() -> dict[str, str]:
    """The worker's environment: quiet TensorFlow, one order of hashes, considerate threads."""
    return {
        **environment(),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_ENABLE_ONEDNN_OPTS": "0",  # oneDNN's summation order varies; calibration must not
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        "MPLBACKEND": "Agg",
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that spin at barriers starve the stage beside
    }


def _failure(last: dict[str, Any], returncode: int | None, stage: str, log: Path) -> EdgeForgeError:
    if last.get("event") == "error":
        error = error_named(last["code"])(last["reason"], fix=last["fix"], stage=stage)
        error.add_note(last["traceback"])
        return error
    how = (
        f"ended by {signal.Signals(-returncode).name}" if returncode and returncode < 0 else f"ended with {returncode}"
    )
    if last.get("event") == "now":
        how += f", while {last['engine']} was at work{' on ' + last['path'] if last['path'] else ''}"
    hint = "was it out of memory? " if returncode == -signal.SIGKILL else ""
    return StageFailed(f"{WORKER_ENDED} {how}", fix=f"{hint}see {log}; build again to resume", stage=stage)
