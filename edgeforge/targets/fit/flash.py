"""Flash of a sketch with TFLM: all that is packed, part by part, and how many test vectors the rest has room for."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

from edgeforge.features.settings import FeatureSettings
from edgeforge.hardware.board import Board, Kernels
from edgeforge.hardware.code_size import code_sizes, core_factor
from edgeforge.results.pace import Pace, pace_of
from edgeforge.results.preprocessing import Preprocessing, picture_shape
from edgeforge.results.rows.fit import FlashRow
from edgeforge.targets.fit.tflm_memory import tensor_bytes

if TYPE_CHECKING:
    from edgeforge.tflite.graph import Graph

# classifier.cc, which compiles with the library alone: 1,592 bytes by arm-none-eabi-g++ 12.2 -Os for Cortex-M4F against
# tflite-micro's headers, MicroMutableOpResolver's members included; and what the C library's expf brings.
CLASSIFIER_BYTES = 2560
SKETCH_BYTES = 7936  # it, and 4,400 for the other modules and the .ino of the digits sketch, by the same compiler
SKETCH_RAM = 2048  # its variables without the arena, and what the C library takes of the stack for it
MOST_VECTORS = 8
MOST_VECTOR_BYTES = 24 * 1024  # of flash; a single vector may be larger
POINTER, WORD = 4, 4
STREAMED = 8  # samples that go to a host together
HEAD_BYTES = 64  # sizeof(Head) on a 32-bit processor
FEATURES_BYTES = 9216  # code and tables of firmware/features (7,044 of mfcc by the same compiler) and of hearing.cc
RING_MS = 400  # of samples, that wait while the model runs
EXPANSION = {"uint8": 1, "float32": 4, "int32": 4}  # bytes of a raw value
ALIGNED = 8  # bytes, of several inputs each


@dataclass(frozen=True)
class Contents:
    """What a sketch holds beside its code and the model; bytes.

    vector_bytes: one test vector, its place in the list of them included. candidates: how many there are to choose
    from at most. tables_bytes: what raw inputs become and what outputs mean. variables: RAM that only some models need,
    by name.
    """

    vector_bytes: int
    tables_bytes: int
    candidates: int = MOST_VECTORS
    variables: dict[str, int] = field(default_factory=dict)
    pace: Pace | None = None  # of a model of a sensor's samples

    @property
    def ram_bytes(self) -> int:
        """The variables together."""
        return sum(self.variables.values())


def contents_of(graph: Graph, preprocessing: Preprocessing | None) -> Contents:
    """Return what the sketch of a model holds. Without a preprocessing in the file it is counted as `pack` would read
    it: an image's raw values are bytes, all others are floats, and each output (of a map each channel) is a class with
    a number for its name.
    """
    answer = _answer_bytes(graph)
    if preprocessing is None:
        raw = [_as_read(graph, place) for place in graph.inputs]
        classes = sum(graph.shape(place)[-1] for place in graph.outputs if graph.shape(place))
        texts = [str(number) for number in range(classes)]
        heads = HEAD_BYTES * len(graph.outputs)
    else:
        raw = [(one.raw_type, one.shape[0]) for one in preprocessing.every_input]
        texts = [text for head in preprocessing.heads for text in (*head.classes, head.name, head.unit)]
        heads = HEAD_BYTES * len(preprocessing.heads)
    sound = FEATURES_BYTES if preprocessing is not None and preprocessing.sound else 0
    strings = sum(_padded(len(text.encode()) + 1) + POINTER for text in texts)
    prepared, given = 0, []
    for place, (raw_type, channels) in zip(graph.inputs, raw, strict=True):
        values, taken = prod(graph.shape(place)), tensor_bytes(graph, place)
        prepared += 256 * channels * taken // max(values, 1) if raw_type == "uint8" else 8 * channels
        given += [values * EXPANSION[raw_type], taken]
    vector = sum(map(_padded, (*given, answer))) + 3 * POINTER
    variables = _variables(graph, preprocessing)
    if len(raw) > 1:
        variables["inputs before a run"] = _gathered(given)
    return Contents(vector, prepared + heads + strings + sound, variables=variables, pace=pace_of(preprocessing))


def _as_read(graph: Graph, place: int) -> tuple[str, int]:
    """Return raw type and channels of an input as `pack` would read it."""
    shape, spec = graph.shape(place), graph.spec(place)
    image = len(shape) == 4 and picture_shape((shape[3], shape[1], shape[2]))
    whole = spec.dtype == "int32" and spec.scale is None
    return "int32" if whole else "uint8" if image else "float32", shape[-1] if shape else 1


def _answer_bytes(graph: Graph) -> int:
    """Return the bytes of all outputs as a sketch gives them: of several types they are real numbers."""
    if len({graph.spec(place).dtype for place in graph.outputs}) > 1:
        return EXPANSION["float32"] * sum(prod(graph.shape(place)) for place in graph.outputs)
    return sum(tensor_bytes(graph, place) for place in graph.outputs)


def _gathered(given: list[int]) -> int:
    """Return the bytes of several inputs before a run, and where the serial protocol gathers them.

    given: of each input its raw values' bytes and its tensor's.
    """
    raw, taken = (sum(-(-size // ALIGNED) * ALIGNED for size in given[start::2]) for start in (0, 1))
    return taken + max(raw, taken)


def hearing_parts(sound: FeatureSettings, frames: int) -> dict[str, int]:
    """Return the RAM of hearing by name, in bytes; of the state what it takes at most."""
    return {
        "features of sound, their state": 2 * sound.window + 4 * sound.fft + 8 * sound.bands,
        "features of sound, the newest frames": frames * sound.values,
        "ring of the microphone's samples": RING_MS * sound.rate_hz // 1000 * 2,
    }


def _variables(graph: Graph, preprocessing: Preprocessing | None) -> dict[str, int]:
    """Return the bytes of variables that not every model needs, by name."""
    found: dict[str, int] = {}
    if len(graph.outputs) > 1:
        found["outputs in a row"] = _answer_bytes(graph)
    heads = () if preprocessing is None else preprocessing.heads
    if preprocessing is not None and preprocessing.sound:
        found |= hearing_parts(preprocessing.sound, preprocessing.shape[1])
    if graph.resources or any(head.kind == "reconstruction" for head in heads):
        found["copy of the input"] = tensor_bytes(graph, graph.inputs[0])
    if preprocessing is not None and preprocessing.sampling:
        sample = WORD * preprocessing.shape[0]
        waiting = (preprocessing.sampling.stride + 1) * (sample + 2 * WORD)  # while the model runs, for a thread
        found["ring of the sensor's samples"] = tensor_bytes(graph, graph.inputs[0]) + waiting + STREAMED * sample
    counted = 2 * WORD * max((len(head.classes) for head in heads if head.kind == "map"), default=0)
    return found | ({"pixels of each class": counted} if counted else {})


def flash_of(
    model_bytes: int, operators: list[str], board: Board, structures: str, kernels: Kernels, contents: Contents
) -> FlashRow:
    """Return the flash that a model with these operators takes on a board; an operator not measured counts as the
    largest. structures: the TFLM of code_size.toml.
    """
    sizes, factor = code_sizes(structures, kernels), core_factor(board.core)
    largest = max(sizes.operators.values())
    code = sizes.shared + sum(sizes.operators.get(name, largest) for name in set(operators))
    row = FlashRow(
        model_bytes=model_bytes,
        kernels_bytes=int(code * factor),
        runtime_bytes=int(sizes.runtime * factor),
        vectors_bytes=0,
        tables_bytes=contents.tables_bytes,
        sketch_bytes=int(SKETCH_BYTES * factor),
        core_bytes=board.core_flash_bytes,
        vectors=0,
        estimated=sorted(set(operators) - sizes.measured),
    )
    return with_vectors(row, vectors_that_fit(board.flash_bytes - row.total, contents), contents)


def vectors_that_fit(room: int, contents: Contents) -> int:
    """Return how many test vectors so many bytes of flash have room for: chosen by their bytes, and 0 where not even
    one fits.
    """
    by_bytes = max(1, MOST_VECTOR_BYTES // contents.vector_bytes)
    return max(0, min(contents.candidates, MOST_VECTORS, by_bytes, room // contents.vector_bytes))


def with_vectors(row: FlashRow, count: int, contents: Contents, room_for: int | None = None) -> FlashRow:
    """Return the row with so many test vectors. room_for: how many this board's flash has room for, where that is more:
    another board of the sketch has not.
    """
    wanted = vectors_that_fit(2 * MOST_VECTOR_BYTES + contents.vector_bytes, contents)
    changed = {"vectors": count, "vectors_bytes": count * contents.vector_bytes}
    return row.model_copy(
        update=changed | {"vectors_left_out": max(0, wanted - (count if room_for is None else room_for))}
    )


def runtime_ram(structures: str, kernels: Kernels) -> int:
    """Return the variables of TFLM and of the sketch, without the tensor arena."""
    return code_sizes(structures, kernels).ram + SKETCH_RAM


def _padded(size: int) -> int:
    return -(-size // WORD) * WORD
