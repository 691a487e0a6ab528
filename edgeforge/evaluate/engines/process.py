"""The comparison in a process of its own: a file made anywhere may end an engine, and that must be a finding too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import EngineEnded, apart
from edgeforge.apart.watch import NOBODY, given
from edgeforge.evaluate.engines.layers import Found, compare, fault, first_refused
from edgeforge.tflite.check.read import MACS_A_SECOND
from edgeforge.tflite.figures.costs import macs
from edgeforge.tflite.graph import Graph

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compare_apart(flatbuffer: bytes, inputs: list[list[NDArray[Any]]]) -> Found:
    """Return what `compare` finds, run in a process of its own.

    A crash, and what takes too long or too much memory, is the fault of the layer that was running.
    """
    running = [""]
    try:
        found: Found = apart(_compare, flatbuffer, inputs, progress=running.append)
    except EngineEnded as error:
        graph = Graph(flatbuffer)
        if running[-1].startswith("LiteRT "):
            place = int(running[-1].split()[1])
            return Found(
                len(inputs), disagreements=[fault(graph, place, f"TFLM runs it, and LiteRT {error.how} on it")]
            )
        place = first_refused(graph, inputs[0], _ends)
        return Found(len(inputs), refused=[fault(graph, place, f"TensorFlow Lite Micro {error.how} on it")])
    return found


def _ends(flatbuffer: bytes, given: list[NDArray[Any]]) -> bool:
    """Say whether an engine does not survive a part of a model."""
    try:
        apart(_compare, flatbuffer, [given], progress=lambda text: None)
    except EngineEnded:
        return True
    return False


def _compare(flatbuffer: bytes, inputs: list[list[NDArray[Any]]], progress: Callable[[str], None]) -> Found:
    given(NOBODY, macs(flatbuffer) / MACS_A_SECOND)
    return compare(flatbuffer, inputs, progress)
