"""The comparison in a process of its own: `python -m edgeforge.evaluate.engines.process FOLDER`.

A file made anywhere may end an engine by a signal, and that must be a finding too.

FOLDER holds model.tflite, inputs.npz (input n of the m-th inference: m-n) and, line by line, what is about to run.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import StageFailed
from edgeforge.evaluate.engines.layers import Fault, Found, compare, fault, first_refused
from edgeforge.guards.processes import environment, python
from edgeforge.tflite.graph import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

SECONDS = 300  # the inputs are chosen so that it takes a few
MODEL, INPUTS, NOW, FOUND = "model.tflite", "inputs.npz", "now.txt", "found.json"


def compare_apart(flatbuffer: bytes, inputs: list[list[NDArray[Any]]]) -> Found:
    """Return what `compare` finds, run in a process of its own; a crash is the fault of the layer that was running.

    Raises StageFailed when it takes too long.
    """
    found, ended, last = _run(flatbuffer, inputs)
    if found is not None:
        return found
    graph = Graph(flatbuffer)
    if last.startswith("LiteRT "):
        place = int(last.split()[1])
        return Found(len(inputs), disagreements=[fault(graph, place, f"TFLM runs it, and LiteRT {ended} on it")])
    place = first_refused(graph, inputs[0], lambda part, given: _run(part, [given])[0] is None)
    return Found(len(inputs), refused=[fault(graph, place, f"TensorFlow Lite Micro {ended} on it")])


def _run(flatbuffer: bytes, inputs: list[list[NDArray[Any]]]) -> tuple[Found | None, str, str]:
    """Return what was found; else None, how the process ended, and what was running."""
    import numpy as np

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / MODEL).write_bytes(flatbuffer)
        arrays: dict[str, Any] = {
            f"{turn}-{place}": value for turn, given in enumerate(inputs) for place, value in enumerate(given)
        }
        np.savez(folder / INPUTS, **arrays)
        command = python("-m", __name__, scratch)
        try:
            done = subprocess.run(
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, env=environment()
            )
        except subprocess.TimeoutExpired as error:
            raise StageFailed(
                f"LiteRT and TFLM take more than {SECONDS} s for {len(inputs)} inputs of this model",
                fix="make the model smaller: reference kernels compute about 1e9 products a second",
            ) from error
        if (folder / FOUND).exists():
            told = json.loads((folder / FOUND).read_text())
            faults = {name: [Fault(**one) for one in told[name]] for name in ("refused", "disagreements")}
            return Found(told["inputs"], **faults), "", ""
        last = (folder / NOW).read_text().splitlines()[-1:] if (folder / NOW).exists() else []
        if not last or done.returncode > 0:  # no engine's fault
            reason = f"LiteRT and TFLM cannot be compared: {_last_line(done.stderr)}"
            raise StageFailed(reason, fix="this is a fault of EdgeForge's own: report it with the model")
        return None, f"ends by {signal.Signals(-done.returncode).name}", last[0]


def _last_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or ["no reason was given"])[-1][:300]


def main() -> int:
    """Compare what the folder holds, and write found.json there."""
    import numpy as np

    folder = Path(sys.argv[1])
    with np.load(folder / INPUTS) as arrays:
        places = sorted(tuple(map(int, name.split("-"))) for name in arrays)
        inputs: list[list[Any]] = [[] for _ in range(places[-1][0] + 1)] if places else [[]]
        for turn, place in places:
            inputs[turn].append(arrays[f"{turn}-{place}"])

    def now(text: str) -> None:
        with (folder / NOW).open("a") as lines:
            lines.write(f"{text}\n")

    found = compare((folder / MODEL).read_bytes(), inputs, now)
    (folder / FOUND).write_text(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
