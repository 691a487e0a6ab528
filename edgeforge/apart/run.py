"""Calls a function in a worker process. What ends that process there is an EngineEnded here."""

from __future__ import annotations

import functools
import inspect
import os
import pickle
import signal
import subprocess
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from edgeforge.apart import watch
from edgeforge.apart.worker import PROGRESS
from edgeforge.errors import EdgeForgeError, RecipeError, error_named
from edgeforge.guards.processes import end, environment, python
from edgeforge.guards.scratch import TEMPORARY, scratch
from edgeforge.inputs.regular import named

AGAIN = "convert or export it again"
MORE = f"make it smaller; if it is meant, {watch.MAX_SECONDS}=60 or {watch.MAX_MEMORY}=4G before the command help"


LONGEST = 10_000  # characters of what libraries print
CRASHES, GIVES_UP, NO_MEMORY = "crashes", "gives up", "asks for more memory than it may take"


class EngineEnded(RecipeError):
    """An engine has crashed on a file, or taken too long or too much memory. engine, path: which was running."""

    def __init__(self, how: str, engine: str, path: str) -> None:
        where = f"{named(path)}: " if path else ""
        fix = AGAIN if how.startswith((CRASHES, GIVES_UP)) else MORE
        super().__init__(f"{where}{engine or 'a library'} {how} on it", fix=fix)
        self.how, self.engine, self.path = how, engine, path

    @property
    def code(self) -> str:
        """The kind of error that a person sees."""
        return RecipeError.__name__


def in_worker[**Given, Returned](function: Callable[Given, Returned]) -> Callable[Given, Returned]:
    """Make a function of a module work in a worker process wherever it is called from, but once.

    `progress`, where it takes one, is called in the calling process.
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*arguments: Given.args, **options: Given.kwargs) -> Returned:
        if watch.inside():
            return function(*arguments, **options)
        said = dict(signature.bind(*arguments, **options).arguments)
        progress = said.pop("progress", None)
        returned: Returned = apart(called, progress=progress, **said)
        return returned

    return called


def apart(
    function: Callable[..., Any], *arguments: Any, progress: Callable[..., None] | None = None, **options: Any
) -> Any:
    """Return what a module's function returns, called in a process of its own. Arguments and result are pickled.

    progress: is called here with what the function hands to its `progress`. Raises what it raises where that is an
    EdgeForgeError, EngineEnded where the process ends without a word, and RecipeError for other exceptions.
    """
    if progress is not None:
        options[PROGRESS] = True
    with scratch() as folder:
        order, log = folder / "order.pickle", folder / "said.txt"
        order.write_bytes(pickle.dumps((function.__module__, function.__qualname__, arguments, options)))
        reading, writing = os.pipe()
        with Connection(reading, writable=False) as events:
            try:
                process = subprocess.Popen(
                    python("-m", "edgeforge.apart.worker", str(order), str(writing), str(log)),
                    stdin=subprocess.PIPE,  # closes when this process dies, and the worker with it
                    stdout=subprocess.DEVNULL,
                    env={**environment(), TEMPORARY: str(folder)},
                    pass_fds=(writing,),
                    start_new_session=True,  # Ctrl-C reaches this process alone, which then ends the worker
                )
            finally:
                os.close(writing)
            try:
                return _listen(process, events, log, progress)
            finally:
                end(process)


def _listen(
    process: subprocess.Popen[bytes], events: Connection, log: Path, progress: Callable[..., None] | None
) -> Any:
    """Return the result that the worker sends."""
    engine, path, allowed = "", "", 0.0
    while True:
        try:
            event, facts = events.recv()
        except EOFError:
            raise EngineEnded(_ended(process.wait(), log, allowed), engine, path) from None
        if event == "now":
            engine, path, allowed = facts["engine"], facts["path"], facts["seconds"]
        elif event == "progress":
            assert progress is not None
            progress(*facts["said"])
        elif event == "error":
            raise _error(facts, engine, path, log)
        else:
            return facts["value"]


def _ended(code: int, log: Path, allowed: float) -> str:
    """Say how a process ended that could not say so itself."""
    if code == -signal.SIGXCPU:
        return f"computes for more than {allowed:.0f} s"
    if code == -signal.SIGALRM:
        return f"does not come to an end within {allowed * watch.PATIENCE:.0f} s"
    said = _said(log)
    if "bad_alloc" in said or "out of memory" in said.lower() or "MemoryError" in said:
        return NO_MEMORY
    return f"{CRASHES} ({signal.Signals(-code).name})" if code < 0 else f"{GIVES_UP} (exit code {code})"


def _said(log: Path) -> str:
    """Return the end of what libraries printed."""
    return log.read_text(errors="replace")[-LONGEST:] if log.exists() else ""


def _error(facts: dict[str, Any], engine: str, path: str, log: Path) -> EdgeForgeError:
    error: EdgeForgeError
    if facts["memory"]:
        error = EngineEnded(NO_MEMORY, engine, path)
    elif facts["code"]:
        error = error_named(facts["code"])(facts["reason"], fix=facts["fix"], stage=facts["stage"])
    else:
        where = f"{named(path)}: " if path else ""
        error = RecipeError(f"{where}{facts['reason']}", fix=facts["fix"] or AGAIN)
    error.add_note(facts["traces"] + _said(log))  # for --debug
    return error
