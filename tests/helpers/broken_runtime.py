"""ONNX Runtime as it is on a processor that it computes wrongly on: a stand-in, as none is at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgeforge.runtimes.onnxruntime import OnnxRunner
from edgeforge.targets.raspberry_pi import goldens

Answer = Callable[[np.ndarray, int], np.ndarray]  # of the right outputs and the number of the run


def break_runtime(monkeypatch: pytest.MonkeyPatch, answer: Answer, *, unoptimized_too: bool = False) -> None:
    """Let every run of ONNX Runtime in this process give what `answer` makes of the right outputs."""

    class Broken(OnnxRunner):
        def __init__(self, *words: Any, **settings: Any) -> None:
            super().__init__(*words, **settings)
            self.broken = settings.get("optimized", True) or unoptimized_too
            self.runs = 0

        def run(self, batch: np.ndarray) -> np.ndarray:
            self.runs += 1
            right = super().run(batch)
            return answer(right, self.runs) if self.broken else right

    monkeypatch.setattr(goldens, "OnnxRunner", Broken)


def other_the_second_time(right: np.ndarray, run: int) -> np.ndarray:
    """The same session and image answer differently from call to call."""
    return right + (0.5 if run == 2 else 0)


def other_in_this_process(right: np.ndarray, run: int) -> np.ndarray:
    """This process always says the same, another one something else."""
    return right + 0.5
