"""The test vectors that a sketch carries: inputs, and what TFLM, as the sketch's library has it, answers for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import StageFailed
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.runtimes.float_mean import FloatMeanRunner
from edgeforge.runtimes.self_agreement import require_tflm_agreement
from edgeforge.runtimes.tflm import TFLMRunner
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.tensors import channels_last, of_one_type, to_inputs

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class TestVector:
    """One input, what the model is given for it, and what it must answer."""

    __test__ = False  # no pytest class

    label: str  # of the comment above it, such as "test image 3, class 7"
    raw: Any  # H,W,C of raw_type; of several inputs a record of such
    tensor: Any  # H,W,C of the model's input type; of several inputs a record of such
    output: NDArray[Any]  # of the model's output type; of several types real numbers


def choose_vectors(
    runner: TFLMRunner, model: Path, preprocessing: Preprocessing, raw: NDArray[Any], labels: list[str], most: int
) -> tuple[TestVector, ...]:
    """Return the first input of each label, at most so many as there is flash for, with the runner's outputs.

    Inputs for which processors of the same library answer differently are left out. runner: of
    `float_mean.board_runner`. model: the file that it runs. raw: N,C,H,W of raw_type, at least one. labels: what each
    is, such as its class, for the choice and the comment above it; empty ones are told apart. most:
    `FlashRow.vectors`; may be 0. Raises StageFailed when TFLM answers otherwise the next time it is asked.
    """
    firsts: dict[str, int] = {}
    for index, label in enumerate(labels):
        firsts.setdefault(label or f"{index}", index)
    chosen: list[TestVector] = []
    used: list[int] = []
    for index in firsts.values():
        if len(chosen) == most:
            break
        tensor = to_inputs(preprocessing.apply(raw[index : index + 1]), runner.inputs)
        answers = runner.answers(tensor)
        if len(answers) > 1:
            continue
        used.append(index)
        name = f"test input {index}" + (f", {labels[index]}" if labels[index] else "")
        chosen.append(
            TestVector(name, channels_last(raw[index]), tensor[0], of_one_type(answers[0], runner.outputs)[0])
        )
    # The second process runs TFLM itself, from its first input on.
    own = isinstance(runner, FloatMeanRunner) or Graph(pure_flatbuffer(model.read_bytes())).stateful
    require_tflm_agreement(TFLMRunner(model) if own else runner, model, preprocessing.apply(raw[used or [0]]))
    return tuple(chosen)


def require_same_answers(
    given: TFLMRunner, packed: TFLMRunner, preprocessing: Preprocessing, raw: NDArray[Any]
) -> None:
    """Raise StageFailed when the model as it is packed answers otherwise than as it was given. raw: N,C,H,W."""
    tensors = to_inputs(preprocessing.apply(raw), given.inputs)
    if (given.run_raw(tensors) != packed.run_raw(tensors)).any():
        raise StageFailed(
            "TFLM answers otherwise with the memory plan that the model was given",
            fix="this is a fault of EdgeForge's own: report it with the model",
        )
