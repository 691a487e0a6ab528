"""The process that does it: `python -P -m edgeforge.apart.worker ORDER CONNECTION LOG`.

ORDER is a pickled call, CONNECTION the descriptor that events go to, LOG what libraries print. When standard input
closes, whoever asked has died, and this process ends too.
"""

from __future__ import annotations

import importlib
import os
import pickle
import resource
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from edgeforge.apart import watch
from edgeforge.errors import EdgeForgeError
from edgeforge.extras import missing_in
from edgeforge.foreign.wording import show_originals, words
from edgeforge.guards.processes import die_with_parent


def main() -> int:
    """Call the function; the last event is `result` or `error`."""
    order, connection, log = sys.argv[1:]
    events = Connection(int(connection), readable=False)
    threading.Thread(target=die_with_parent, daemon=True).start()
    _redirect(log)
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))  # crashes are expected
    module, name, arguments, options = pickle.loads(Path(order).read_bytes())  # of this very EdgeForge's making

    def send(event: str, **facts: Any) -> None:
        events.send((event, facts))

    watch.listen(send)
    show_originals()
    if options.pop(PROGRESS, False):
        options["progress"] = lambda *said: send("progress", said=said)
    try:
        result = getattr(importlib.import_module(module), name)(*arguments, **options)
        send("result", value=result)
    except Exception as error:
        send("error", **_described(error), memory=_of_memory(error))
        return 1
    return 0


PROGRESS = "_progress"  # stands for the function that cannot be pickled


def _described(error: Exception) -> dict[str, Any]:
    traces = traceback.format_exc()
    error = missing_in(error) or error
    if isinstance(error, EdgeForgeError):
        return {"code": error.code, "reason": error.reason, "fix": error.fix, "stage": error.stage, "traces": traces}
    said = words(error)
    return {"code": "", "reason": said.cause, "fix": said.remedy, "stage": "", "traces": traces}


def _of_memory(error: BaseException | None) -> bool:
    """Say whether an error, or one of its causes, is that no memory was left."""
    while error is not None:
        if isinstance(error, MemoryError) or any(text in str(error) for text in ("bad_alloc", "bad allocation")):
            return True
        error = error.__cause__ or error.__context__
    return False


def _redirect(log: str) -> None:
    """Send what C++ libraries and Python print to the log."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)


if __name__ == "__main__":
    sys.exit(main())
