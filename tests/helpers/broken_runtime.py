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


# Put as sitecustomize.py on PYTHONPATH, it is in every process of a build, the bundle's own scripts among them.
SITE = """
import importlib.abc, importlib.util, sys

def broken(onnxruntime):
    class InferenceSession(onnxruntime.InferenceSession):
        def __init__(self, model, options=None, *words, **settings):
            super().__init__(model, options, *words, **settings)
            off = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
            self.calls = 0
            self.wrong = "int8" in str(model) and not (options and options.graph_optimization_level == off)

        def run(self, *words, **settings):
            self.calls += 1
            outputs = super().run(*words, **settings)
            return [one + 50 for one in outputs] if self.wrong and self.calls % 3 == 0 else outputs

    onnxruntime.InferenceSession = InferenceSession

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "onnxruntime":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module
        spec.loader.exec_module = lambda module: (load(module), broken(module))
        return spec

sys.meta_path.insert(0, Finder())
"""
