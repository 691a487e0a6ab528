"""How much resident memory a model adds to a process that already has its runtime loaded."""

from __future__ import annotations

import multiprocessing
import resource
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.runtimes.load import load_runner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

STATUS = Path("/proc/self/status")


def memory_of(path: Path, image: NDArray[np.float32]) -> int | None:
    """Return the peak of resident bytes that loading a model and running one image (1,C,H,W) adds.

    Measured in a fork, so that models do not share what they load; None where /proc does not say.
    """
    if not STATUS.exists():
        return None
    _import_runtime(path)
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_load_and_run, args=(path, image, theirs))
    child.start()
    theirs.close()
    try:
        return int(ours.recv())
    except EOFError:  # the child died: the row shows no figure
        return None
    finally:
        child.join()


def _import_runtime(path: Path) -> None:
    """Import what every model of this runtime needs, so that it is not charged to one."""
    if path.suffix == ".pt":
        import torch  # noqa: F401
    elif path.suffix == ".onnx":
        import onnxruntime  # noqa: F401
    else:
        import ai_edge_litert.interpreter  # noqa: F401


def _load_and_run(path: Path, image: NDArray[np.float32], answer: Connection) -> None:
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    load_runner(path, threads=1).single(image)()
    answer.send(max(_status("VmHWM") - before, 0))


def _status(field: str) -> int:
    """Return a memory figure of this process in bytes."""
    for line in STATUS.read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
