"""The child process that runs one stage: `python -m edgeforge.builder.worker JOB.json`.

A fresh process a stage keeps TensorFlow away from torch, gives each stage its own peak memory, and makes
a kill harmless. Events (progress, done, error) go to standard output as JSON lines; whatever the libraries
print goes to the stage's log file.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, TextIO

from edgeforge.apart import watch
from edgeforge.builder.stage import Job, restricted
from edgeforge.errors import EdgeForgeError
from edgeforge.extras import missing_in
from edgeforge.foreign.wording import place_in_own_code, show_originals, words
from edgeforge.guards.disk import FULL, full_disk
from edgeforge.guards.processes import die_with_parent
from edgeforge.recipe.schema import Recipe


def main() -> int:
    """Run the job named on the command line; the last event is `done` or `error`."""
    order = json.loads(Path(sys.argv[1]).read_text())
    first = "LOCAL_RANK" not in os.environ  # Lightning's strategies start further copies of this process
    if first:
        threading.Thread(target=die_with_parent, daemon=True).start()
    events = _redirect_output(Path(order["log"]))
    show_originals()

    def send(**event: Any) -> None:
        if first:
            print(json.dumps(event), file=events, flush=True)

    def progress(share: float, text: str) -> None:
        send(event="progress", share=min(max(share, 0.0), 1.0), text=text)

    def validated(epoch: int, figures: dict[str, float]) -> None:
        send(event="validated", epoch=epoch, figures=figures)

    watch.tell(lambda event, **facts: send(event=event, **facts))
    watch.limit_to_machine()
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    started = time.perf_counter()
    try:
        run_stage(order, progress, validated)
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: nobody but the model's code raises them here
        send(event="error", **_describe(error, order), traceback=traceback.format_exc())
        with contextlib.suppress(OSError):  # the log's disk may be full
            traceback.print_exc()
        return 1
    # Linux counts kilobytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    send(event="done", seconds=time.perf_counter() - started, peak_memory_bytes=peak)
    return 0


def run_stage(order: dict[str, Any], progress: Any, validated: Any) -> None:
    """Import the stage's function and call it with its Job."""
    recipe = restricted(Recipe.model_validate(order["recipe"]), tuple(order["reads"]))
    job = Job(
        stage=order["stage"],
        recipe=recipe,
        inputs={name: Path(path) for name, path in order["inputs"].items()},
        output=Path(order["output"]),
        scratch=Path(order["scratch"]),
        progress=progress,
        files={name: Path(path) for name, path in order["files"].items()},
        facts=order["facts"],
        validated=validated,
    )
    module, function = order["function"].split(":")
    getattr(importlib.import_module(module), function)(job)


def _describe(error: BaseException, order: dict[str, Any]) -> dict[str, str]:
    error = missing_in(error) or error
    if isinstance(error, EdgeForgeError):
        return {"code": error.code, "reason": error.reason, "fix": error.fix}
    if isinstance(error, OSError) and error.errno in FULL:
        full = full_disk(order["output"], "free some space and build again")
        return {"code": full.code, "reason": full.reason, "fix": full.fix}
    code = "MissingDependency" if isinstance(error, ModuleNotFoundError) else "StageFailed"
    story = f"the full story is in {order['log']}; --debug prints it"
    said = words(error)
    place = place_in_own_code(error)
    reason = f"{place}: {said.cause}" if place and place not in said.cause else said.cause
    fix = said.remedy if said.known and said.remedy else f"mend that line; {story}" if place else story
    return {"code": code, "reason": reason, "fix": fix}


def _redirect_output(log: Path) -> TextIO:
    """Send standard output and error, of C++ libraries too, to the log; return the old standard output."""
    events = os.fdopen(os.dup(1), "w")
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    return events


if __name__ == "__main__":
    sys.exit(main())
