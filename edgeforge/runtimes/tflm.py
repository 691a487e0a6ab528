"""The TensorFlow Lite Micro runtime, on the desk: the kernels and the memory planner that the board runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.apart.watch import watched
from edgeforge.errors import StageFailed
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.runtimes.native_output import CapturedOutput
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import Graph
from edgeforge.tflite.input_shapes import short_name
from edgeforge.tflite.tensors import each_input, from_outputs, in_a_row, tensor_spec, to_inputs

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE = "a layer has types, shapes or numbers that its kernel does not take"
LARGEST_ARENA = 64 * 1024 * 1024


@dataclass(frozen=True)
class Arena:
    """Bytes of the tensor arena by TFLM's recording allocator, on this 64-bit host.

    head: activations, planned over time. tail: what lives as long as the model, larger here than on a 32-bit
    board, since pointers are.
    """

    total: int
    head: int
    tail: int


class TFLMRunner:
    """Runs a .tflite file in the TFLM interpreter. Raises StageFailed with TFLM's own words when it refuses."""

    def __init__(self, path: Path) -> None:
        flatbuffer = pure_flatbuffer(path.read_bytes())
        self._path = path
        self.interpreter = load(flatbuffer, path)
        graph = Graph(flatbuffer)
        self._flatbuffer, self._stateful, self._resources = flatbuffer, graph.stateful, bool(graph.resources)
        self.inputs = tuple(_spec(self.interpreter.get_input_details(n)) for n in range(len(graph.inputs)))
        self.names = tuple(short_name(graph.name(tensor)) for tensor in graph.inputs)
        self.input = self.inputs[0]
        self.outputs = tuple(_spec(self.interpreter.get_output_details(n)) for n in range(len(graph.outputs)))
        self.output = self.outputs[0]

    def run(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Return logits (N,classes float32) of the batch (see Runner); of several outputs N,values."""
        return from_outputs(self.run_raw(to_inputs(batch, self.inputs)), self.outputs)

    def run_raw(self, tensors: NDArray[Any]) -> NDArray[Any]:
        """Return output tensors (N,classes of the model's type) of input tensors (N,H,W,C of its type).

        A model that keeps state, as an LSTM does, forgets it before each input: as the board's self-test does.
        Of several inputs those are records (`to_inputs`); several outputs follow each other (`in_a_row`).
        """
        import numpy as np

        rows = []
        for tensor in tensors:
            self.forget()
            rows.append(self.follow(tensor))
        return np.concatenate(rows)

    def follow(self, tensor: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs (1,values) of an input tensor that follows on those before it, whose state is kept."""
        import numpy as np

        for place, value in enumerate(each_input(tensor, self.inputs)):
            self.interpreter.set_input(value, place)
        invoke(self.interpreter, self._path)
        return in_a_row([np.array(self.interpreter.get_output(n)) for n in range(len(self.outputs))])

    def forget(self) -> None:
        """Forget what earlier inferences have left behind.

        Resource variables begin with what the model assigns once, after loading: TFLM's reset() knows nothing of that.
        """
        if self._resources:
            self.interpreter = load(self._flatbuffer, self._path)
        elif self._stateful:
            self.interpreter.reset()

    def answers(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """Return what processors answer to one input tensor (H,W,C or 1,H,W,C of the model's type): here one answer."""
        return [self.run_raw(tensor if tensor.dtype.names else tensor.reshape(self.input.shape))]

    def single(self, image: NDArray[Any]) -> Callable[[], object]:
        """Return a call that runs one prepared input (see Runner)."""
        values, interpreter = each_input(to_inputs(image, self.inputs), self.inputs), self.interpreter
        count = len(self.outputs)

        def call() -> object:
            for place, value in enumerate(values):
                interpreter.set_input(value, place)
            interpreter.invoke()
            return [interpreter.get_output(n) for n in range(count)]

        return call

    def arena(self) -> Arena:
        """Return what the model has taken of its arena; call it after the first `run`."""
        with CapturedOutput() as said:
            self.interpreter.print_allocations()
        found = dict(re.findall(r"Arena allocation (total|head|tail) (\d+) bytes", said.text()))
        if set(found) != {"total", "head", "tail"}:
            raise StageFailed("TFLM's allocator printed no arena figures", fix="install the pinned tflite-micro")
        return Arena(int(found["total"]), int(found["head"]), int(found["tail"]))


def load(flatbuffer: bytes, path: Path | None = None) -> Any:
    """Return TFLM's interpreter of a model. Raises StageFailed with TFLM's own words when it refuses."""
    from tflite_micro.python.tflite_micro import runtime

    with watched("TFLM", path), CapturedOutput() as said:
        try:
            return runtime.Interpreter.from_bytes(flatbuffer, arena_size=LARGEST_ARENA)
        except RuntimeError as error:
            error.add_note(said.text())
            raise StageFailed(
                f"TFLM refuses the model: {cause_in(error, NONE)}", fix=known_remedy(error, "replace that operator")
            ) from error


def invoke(interpreter: Any, path: Path | None = None) -> None:
    """Run the interpreter on the inputs that it was given. Raises StageFailed when TFLM fails."""
    try:
        with watched("TFLM", path):
            interpreter.invoke()
    except RuntimeError as error:
        raise StageFailed(
            f"TFLM fails while it runs the model: {cause_in(error, NONE)}", fix=known_remedy(error, "convert it again")
        ) from error


def _spec(details: dict[str, Any]) -> Any:
    quantization = details["quantization_parameters"]
    return tensor_spec(details["shape"], details["dtype"], quantization["scales"], quantization["zero_points"])
