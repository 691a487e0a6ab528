"""What this desk answers to inputs as a board would, computed in a process of its own: a model may be a stranger's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from edgeforge.apart.run import in_worker
from edgeforge.apart.watch import stands_for
from edgeforge.hardware.libraries import Library, libraries
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.float_mean import board_runner
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import of_one_type, specs_of_one_type, to_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class DeskAnswers:
    """Of each input its tensor (1,H,W,C of the model's type; of several inputs a record) and what processors may answer
    to it (values; of outputs of several types real numbers, as the board gives them).
    """

    tensors: list[NDArray[Any]]
    known: list[list[NDArray[Any]]]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]


def library_titled(title: str) -> Library | None:
    """Return the library that a board names; None for one that is not known."""
    return next((library for library in libraries().values() if library.title == title), None)


@in_worker
def answer(
    flatbuffer: bytes,
    name: Path,
    preprocessing: Preprocessing,
    raw: NDArray[Any],
    library: str,
    in_a_row: bool,
    progress: Callable[[float, str], None],
) -> DeskAnswers:
    """Return a board's answers to raw inputs (N,C,H,W), whose sketch is built with a library, by its title.

    name: what the model is called in messages. in_a_row: a model with a state keeps it from one input to the next.
    """
    used = library_titled(library)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(flatbuffer)
        stands_for(path, name)
        runner = board_runner(path, used) if used else TFLMRunner(path)
        runner.forget()
        tensors: list[NDArray[Any]] = []
        known: list[list[NDArray[Any]]] = []
        for place in range(len(raw)):
            tensor = to_inputs(preprocessing.apply(raw[place : place + 1]), runner.inputs)
            found = [runner.follow(tensor)] if in_a_row else runner.answers(tensor)
            tensors.append(tensor)
            known.append([of_one_type(one, runner.outputs).reshape(-1) for one in found])
            if place % 20 == 0:
                progress(place / len(raw), f"{place} of {len(raw)} by TFLM on this desk")
    return DeskAnswers(tensors, known, runner.inputs, specs_of_one_type(runner.outputs))
