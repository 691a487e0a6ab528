"""Does a runtime agree with itself? The same inputs twice in one session, and once more in a second process.

ONNX Runtime 1.23.0 to 1.24.4 answered the same image differently from call to call on processors with AMX: nothing
that a runtime says is a golden before this has been tried.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from edgeforge.errors import StageFailed
from edgeforge.machine import machine_facts
from edgeforge.runtimes.runner import Runner
from edgeforge.runtimes.second_process import Model, in_second_process

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IMAGES = 16  # on which a runtime is asked: each takes a second run, and a third in another process
AGAIN, ELSEWHERE = "run again in the same session", "run in a second process"
# How people call the runtimes, and the packages that hold them.
PACKAGES = {
    "torch": ("PyTorch", "torch"),
    "onnxruntime": ("ONNX Runtime", "onnxruntime"),
    "litert": ("LiteRT", "ai-edge-litert"),
    "tflm": ("TFLM", "tflite-micro"),
}


@dataclass(frozen=True)
class Agreement:
    """What a runtime answered at first, and how its later answers differ from that."""

    outputs: NDArray[np.float32]
    differences: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """Whether every answer is the first one, to the byte."""
        return not self.differences

    def __str__(self) -> str:
        """Return one line."""
        return "; ".join(self.differences) or f"the same {len(self.outputs)} outputs, {AGAIN} and {ELSEWHERE}"


def agreement(runner: Runner, model: Model, images: NDArray[np.float32]) -> Agreement:
    """Return how a runner of a model agrees with itself on images (N,C,H,W float32)."""
    name = model.path.name
    return agreements({name: twice(runner, images)}, {name: model}, images)[name]


def require_tflm_agreement(runner: Runner, path: Path, images: NDArray[np.float32]) -> Agreement:
    """Return how TFLM's runner of a model agrees with itself on images (N,C,H,W float32).

    Raises StageFailed when it does not: a board is compared with TFLM, and there is nothing to take its place.
    """
    found = agreement(runner, Model(path, "tflm"), images)
    if not found.agrees:
        raise StageFailed(
            f"{on_this_desk('tflm')} disagrees with itself: {found}", fix="build it on another computer, or report this"
        )
    return found


def twice(runner: Runner, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return a runner's outputs of images (N,C,H,W float32), and those of a second run."""
    return runner.run(images), runner.run(images)


def agreements(
    runs: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]],
    models: Mapping[str, Model],
    images: NDArray[np.float32],
) -> dict[str, Agreement]:
    """Return how each model's two runs (`twice`) agree with each other and with one second process for all."""
    elsewhere, failed = in_second_process(models, images)
    found = {}
    for name, (first, again) in runs.items():
        differences = [difference(first, again, AGAIN)]
        if name in elsewhere:
            differences.append(difference(first, elsewhere[name], ELSEWHERE))
        else:
            differences.append(f"it cannot be {ELSEWHERE}: {failed[name]}")
        found[name] = Agreement(first, tuple(text for text in differences if text))
    return found


def difference(first: NDArray[np.float32], later: NDArray[np.float32], when: str) -> str:
    """Say by how much a later run differs; empty when it is the same to the byte."""
    import numpy as np

    if first.tobytes() == later.tobytes():
        return ""
    if first.shape != later.shape:
        return f"{when}, its outputs have the shape {list(later.shape)} instead of {list(first.shape)}"
    with np.errstate(invalid="ignore"):
        apart = np.abs(first - later)
    count = int((apart != 0).sum())  # NaN too: it differs from everything
    largest = f"by up to {np.nanmax(apart):.3g}" if not np.isnan(apart).all() else "and are no numbers"
    return f"{when}, {count} of {apart.size} outputs differ, {largest}"


def on_this_desk(runtime: str) -> str:
    """Return a runtime's name and version and this processor: `ONNX Runtime 1.26.0 on AMD EPYC (no AMX, VNNI)`."""
    title, package = PACKAGES[runtime]
    try:
        release = f" {version(package)}"
    except PackageNotFoundError:
        release = ""
    return f"{title}{release} on {processor()}"


def processor() -> str:
    """Return this processor's name, and its instructions that int8 arithmetic depends on."""
    facts = machine_facts()
    has = ", ".join(f"{'' if facts[key] else 'no '}{key.upper()}" for key in ("amx", "vnni"))
    return f"{facts['cpu']} ({has})"
