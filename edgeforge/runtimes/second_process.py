"""Models run once more, in a process of its own.

What a runtime answers may depend on the process: on where its memory lies, on which kernels it chose at the start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.apart.run import EngineEnded, apart
from edgeforge.foreign.wording import reason_of
from edgeforge.runtimes.load import load_runner
from edgeforge.runtimes.runner import Runner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

How = Literal["usual", "unoptimized", "builtin", "reference", "tflm"]


@dataclass(frozen=True)
class Model:
    """A model file, and how to run it: `usual` is load_runner's way, the others are kernels or graphs of a runtime."""

    path: Path
    how: How = "usual"

    def open(self) -> Runner:
        """Return its Runner. Raises what that raises."""
        return OPENERS[self.how](self.path)


def in_second_process(
    models: Mapping[str, Model], images: NDArray[np.float32]
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Return each model's outputs (N,outputs float32) of images (N,C,H,W), run in a fresh process; and what failed.

    The second part says of every model without outputs why it has none.
    """
    done: dict[str, NDArray[np.float32]] = {}
    failed: dict[str, str] = {}

    def keep(name: str, outputs: NDArray[np.float32] | None, reason: str) -> None:
        if outputs is None:
            failed[name] = reason
        else:
            done[name] = outputs

    left = {name: Model(model.path.resolve(), model.how) for name, model in models.items()}
    while left:
        try:
            apart(_run, left, images, progress=keep)
            break
        except EngineEnded as error:  # the others are run in another one
            running = next((name for name in left if name not in done and name not in failed), None)
            if running is not None:
                failed[running] = f"{error.engine} {error.how}"
            left = {name: model for name, model in left.items() if name not in done and name not in failed}
    return done, failed


def _run(models: Mapping[str, Model], images: NDArray[np.float32], progress: Callable[..., None]) -> None:
    """Tell each model's name, outputs, and why there are none."""
    for name, model in models.items():
        try:
            progress(name, model.open().run(images), "")
        except MemoryError:
            raise
        except Exception as error:  # one model's failure is not the others'
            progress(name, None, reason_of(error))


def _unoptimized(path: Path) -> Runner:
    from edgeforge.runtimes.onnxruntime import OnnxRunner

    return OnnxRunner(path, optimized=False)


def _litert(kernels: Any) -> Callable[[Path], Runner]:
    def opened(path: Path) -> Runner:
        from edgeforge.runtimes.litert import LiteRTRunner

        return LiteRTRunner(path, threads=1, kernels=kernels)

    return opened


def _tflm(path: Path) -> Runner:
    from edgeforge.runtimes.tflm import TFLMRunner

    return TFLMRunner(path)


OPENERS: dict[How, Callable[[Path], Runner]] = {
    "usual": load_runner,
    "unoptimized": _unoptimized,
    "builtin": _litert("builtin"),
    "reference": _litert("reference"),
    "tflm": _tflm,
}
