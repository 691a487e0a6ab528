"""Models run once more, in a process of its own: `python -m edgeforge.runtimes.second_process ORDER.json`.

What a runtime answers may depend on the process: on where its memory lies, on which kernels it chose at the start.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from edgeforge.foreign.wording import reason_of
from edgeforge.guards.processes import environment, python
from edgeforge.runtimes.load import load_runner
from edgeforge.runtimes.runner import Runner

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TIMEOUT = 600  # seconds; a handful of images take far less
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
    models: Mapping[str, Model], images: NDArray[np.float32], seconds: float = TIMEOUT
) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Return each model's outputs (N,outputs float32) of images (N,C,H,W), run in a fresh process; and what failed.

    The second part says of every model without outputs why it has none.
    """
    import numpy as np

    with tempfile.TemporaryDirectory() as scratch:
        inputs, outputs, order = (Path(scratch) / name for name in ("inputs.npy", "outputs.npz", "order.json"))
        np.save(inputs, images)
        files = {name: [str(model.path.resolve()), model.how] for name, model in models.items()}
        order.write_text(json.dumps({"models": files, "inputs": str(inputs), "outputs": str(outputs)}))
        command = python("-m", __name__, str(order))
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, env=environment()
            )
            lines = done.stdout.strip().splitlines()
            failed: dict[str, str] = json.loads(lines[-1]) if done.returncode == 0 and lines else {}
            ended = f"it ended with exit code {done.returncode}"
        except subprocess.TimeoutExpired:
            failed, ended = {}, f"it took more than {seconds:.0f} s"
        found: dict[str, NDArray[np.float32]] = {}
        if outputs.exists():
            with np.load(outputs) as arrays:
                found = {name: arrays[name] for name in arrays}
    return found, {name: failed.get(name, ended) for name in models if name not in found}


def main() -> int:
    """Run what the order names; print what failed as JSON, model → reason."""
    import numpy as np

    order = json.loads(Path(sys.argv[1]).read_text())
    images = np.load(order["inputs"])
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, (path, how) in order["models"].items():
        try:
            found[name] = Model(Path(path), how).open().run(images)
        except Exception as error:  # one model's failure is not the others'
            failed[name] = reason_of(error)
    np.savez(order["outputs"], **found)
    print(f"\n{json.dumps(failed)}")
    return 0


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

if __name__ == "__main__":
    sys.exit(main())
