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

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def board_runner(path: Path, library: Library) -> TFLMRunner:
    """Return what answers as a board does whose sketch is built with a library."""
    graph = Graph(pure_flatbuffer(path.read_bytes()))
    return FloatMeanRunner(path, graph) if library.float_mean and _means(graph) else TFLMRunner(path)


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
    """Runs a .tflite file as TFLMRunner does, but for MEAN. Raises StageFailed with TFLM's own words when it refuses.

    certain: of the last `run_raw`, whether no rounding of a MEAN hung on the last bit of a float. Where one did, the
    answer is another on a processor that multiplies and adds in one step (Cortex-M4F, ESP32) than on one that does not.
    """

    def __init__(self, path: Path, graph: Graph) -> None:
        super().__init__(path)
        self.graph = graph
        self.parts: list[_Part | int] = []  # a MEAN by its place among the operators
        self.certain: list[bool] = []
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

        rows, self.certain = [], []
        for tensor in tensors:
            values: dict[int, NDArray[Any]] = {self.graph.inputs[0]: tensor.reshape(self.input.shape)}
            certain = True
            for part in self.parts:
                if isinstance(part, _Part):
                    values |= part.run(values)
                else:
                    operator = self.graph.operators[part]
                    found, sure = self._mean(operator, values[int(operator.inputs[0])])
                    values[int(operator.outputs[0])], certain = found, certain and sure
            rows.append(values[self.graph.outputs[0]])
            self.certain.append(certain)
        return np.concatenate(rows)

    def _mean(self, operator: Any, values: NDArray[Any]) -> tuple[NDArray[Any], bool]:
        """Return a MEAN's output, and whether it is the same however a compiler joins multiplying and adding."""
        import numpy as np

        source, axis, target = int(operator.inputs[0]), int(operator.inputs[1]), int(operator.outputs[0])
        before, after = self.graph.spec(source), self.graph.spec(target)
        buffer = self.graph.model.buffers[self.graph.tensors[axis].buffer].data
        axes = tuple(map(int, np.frombuffer(bytes(buffer), np.int32)))
        assert before.scale is not None and after.scale is not None
        found, certain = float_mean(
            values, axes, (before.scale, before.zero_point or 0), (after.scale, after.zero_point or 0)
        )
        return found.reshape(self.graph.shape(target)), certain


def float_mean(
    values: NDArray[Any], axes: tuple[int, ...], before: tuple[float, int], after: tuple[float, int]
) -> tuple[NDArray[Any], bool]:
    """Return the mean over axes of a quantized tensor, as QuantizedMeanOrSum and Mean in reduce.h compute it.

    before, after: scale and zero point. Of int8 or int16. Also returned: whether no result is within the last bit of a
    float of being rounded otherwise.
    """
    import numpy as np

    one = np.float32
    sums = values.astype(np.int32).sum(axis=axes, dtype=np.int32)
    count = values.size // sums.size
    if before == after:
        return (np.sign(sums) * (abs(sums) // count)).astype(values.dtype), True  # cut off, as C divides
    scale = one(before[0]) / one(after[0])
    bias = one(-before[1]) * scale
    real = sums.astype(one) / one(count) * scale + bias
    low, found, high = (
        _rounded(edge) for edge in (np.nextafter(real, one(-np.inf)), real, np.nextafter(real, one(np.inf)))
    )
    limits = np.iinfo(values.dtype)
    return np.clip(found + after[1], limits.min, limits.max).astype(values.dtype), bool((low == high).all())


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
