"""TFLM as the Arduino libraries of 2023 have it: MEAN in 32-bit floats, all else by the kernels on this desk.

Their reference/reduce.h and micro/kernels/reduce_common.cpp (one and the same in Chirale_TensorFLowLite 2.0.0,
MicroTFLite 1.0.3 and tflm_cortexm 1.0.0) divide and scale in floats, or, where input and output are quantized alike,
divide integers and cut the rest off. TFLM of today rounds in integers. Neither is wrong by more than a step, but the
layers behind it carry that on, so that a board must be compared with its own library's arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.hardware.libraries import Library
from edgeforge.runtimes.tflm import TFLMRunner, invoke, load
from edgeforge.tflite.associated_files import pure_flatbuffer
from edgeforge.tflite.graph import Cut, Graph, cut, sources, targets
from edgeforge.tflite.tensors import each_input, in_a_row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeforge.tflite.tensor_spec import TensorSpec


def board_runner(path: Path, library: Library) -> TFLMRunner:
    """Return what answers as a board does whose sketch is built with a library."""
    graph = Graph(pure_flatbuffer(path.read_bytes()))
    if library.float_mean and _means(graph) and not graph.stateful:  # state is not handed from part to part
        return FloatMeanRunner(path, graph)
    return TFLMRunner(path)


@dataclass
class _Part:
    """Operators between two MEANs, in an interpreter of their own."""

    model: Cut
    interpreter: Any

    def run(self, values: dict[int, NDArray[Any]]) -> dict[int, NDArray[Any]]:
        import numpy as np

        for place, tensor in enumerate(self.model.inputs):
            self.interpreter.set_input(values[tensor], place)
        invoke(self.interpreter)
        return {tensor: np.array(self.interpreter.get_output(place)) for place, tensor in enumerate(self.model.outputs)}


class FloatMeanRunner(TFLMRunner):
    """Runs a .tflite file as TFLMRunner does, but for MEAN. Raises StageFailed with TFLM's words when it refuses."""

    def __init__(self, path: Path, graph: Graph) -> None:
        super().__init__(path)
        self.graph = graph
        self.parts: list[_Part | int] = []  # a MEAN by its place among the operators
        start = 0
        for place in (*_means(graph), len(graph.operators)):
            self._add_part(range(start, place))
            if place < len(graph.operators):
                self.parts.append(place)
            start = place + 1

    def _add_part(self, places: range) -> None:
        later = {tensor for operator in self.graph.operators[places.stop :] for tensor in sources(operator)}
        wanted = later | set(self.graph.outputs)
        made = [tensor for place in places for tensor in targets(self.graph.operators[place])]
        outputs = [tensor for tensor in made if tensor in wanted and tensor not in self.graph.constants]
        if outputs:
            model = cut(self.graph, list(places), outputs)
            self.parts.append(_Part(model, load(model.flatbuffer)))

    def run_raw(self, tensors: NDArray[Any]) -> NDArray[Any]:
        """Return output tensors (N,classes of the model's type) of input tensors (N,H,W,C of its type)."""
        import numpy as np

        return np.concatenate([self._run(tensor, fused=False) for tensor in tensors])

    def answers(self, tensor: NDArray[Any]) -> list[NDArray[Any]]:
        """Return what processors answer to one input tensor: as a rule all the same.

        Some multiply and add in one step (Cortex-M4F, ESP32), which rounds once, others in two (Cortex-M0+, x86).
        """
        two, one = (self._run(tensor, fused=fused) for fused in (False, True))
        return [two] if (two == one).all() else [two, one]

    def _run(self, tensor: NDArray[Any], *, fused: bool) -> NDArray[Any]:
        given = each_input(tensor, self.inputs)
        values: dict[int, NDArray[Any]] = dict(zip(self.graph.inputs, given, strict=True))
        for part in self.parts:
            values |= part.run(values) if isinstance(part, _Part) else self._mean(part, values, fused)
        return in_a_row([values[tensor] for tensor in self.graph.outputs])

    def _mean(self, place: int, values: dict[int, NDArray[Any]], fused: bool) -> dict[int, NDArray[Any]]:
        import numpy as np

        operator = self.graph.operators[place]
        source, axis, target = int(operator.inputs[0]), int(operator.inputs[1]), int(operator.outputs[0])
        buffer = self.graph.model.buffers[self.graph.tensors[axis].buffer].data
        axes = tuple(map(int, np.frombuffer(bytes(buffer), np.int32)))
        before, after = (self.graph.spec(tensor) for tensor in (source, target))
        found = float_mean(values[source], axes, before, after, fused=fused)
        return {target: found.reshape(self.graph.shape(target))}


def float_mean(
    values: NDArray[Any], axes: tuple[int, ...], before: TensorSpec, after: TensorSpec, *, fused: bool
) -> NDArray[Any]:
    """Return the mean over axes of an int8 or int16 tensor, as Mean and QuantizedMeanOrSum in reduce.h compute it.

    before, after: of the tensor and of the result. fused: multiply and add in one step.
    """
    import numpy as np

    one = np.float32
    assert before.scale is not None and after.scale is not None
    from_zero, to_zero = before.zero_point or 0, after.zero_point or 0
    sums = values.sum(axis=axes, dtype=np.int32)
    count = values.size // sums.size
    if (before.scale, from_zero) == (after.scale, to_zero):
        return (np.sign(sums) * (abs(sums) // count)).astype(values.dtype)  # cut off, as C divides
    scale = one(before.scale) / one(after.scale)
    bias = one(-from_zero) * scale
    mean = sums.astype(one) / one(count)
    # A product of two 32-bit floats is exact in 64 bits.
    real = (mean.astype(np.float64) * scale + bias).astype(one) if fused else mean * scale + bias
    limits = np.iinfo(values.dtype)
    return np.clip(_rounded(real) + to_zero, limits.min, limits.max).astype(values.dtype)


def _rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return whole numbers, halves away from zero, as C's round()."""
    import numpy as np

    whole = np.trunc(values)
    return whole + np.copysign(abs(values - whole) >= 0.5, values).astype(np.float32)


def _means(graph: Graph) -> list[int]:
    """Return the places of the MEANs that are computed on integers."""
    return [
        place
        for place, name in enumerate(graph.names)
        if name == "MEAN" and graph.spec(int(graph.operators[place].inputs[0])).dtype in ("int8", "int16")
    ]
