"""How long an inference takes on a board: an estimate, never a measurement.

    milliseconds = Σ over operators (a + b · outputs + c · work + d · gathered) · cycles an instruction / clock in kHz

a to d are instructions, counted operator by operator in QEMU (scripts/measure_tflm_instructions.py) with the pinned
library's kernels as an Arduino core compiles them; work: multiply-accumulates, or values under a pool's window. What an
instruction takes on a core comes from boards that others have measured: hardware/timing/cycles.toml says which, and how
far the whole is from these. Flash wait states and caches are in that figure, interrupts and the sketch are not.
"""

from __future__ import annotations

from math import prod

from edgeforge.hardware.board import Board, Kernels
from edgeforge.hardware.timing.tables import ARDUINO, cycles_of, instructions
from edgeforge.results.rows.time import TimeRow
from edgeforge.tflite.figures.costs import work
from edgeforge.tflite.graph import Graph, sources, targets


def estimate(graph: Graph, board: Board, kernels: Kernels, optimization: str = ARDUINO) -> TimeRow:
    """Return how long an inference takes on a board with a TFLM of these kernels, and each operator's share."""
    cycles = cycles_of(board.core)
    if cycles is None:
        return TimeRow(reason=f"nothing is known of the cycles of {board.core}")
    table = instructions(kernels, cycles.counted_on, optimization)
    if not table:
        return TimeRow(reason=f"no instructions of {kernels} kernels were counted for {board.core}")
    wide = [name for place, name in enumerate(graph.names) if not _is_int8(graph, place)]
    if wide:
        return TimeRow(reason=f"only int8 kernels were counted, and {wide[0]} computes in another type")
    counts = [_instructions(graph, place, table) for place in range(len(graph.operators))]
    each = [None if count is None else count * cycles.cycles / (1000 * board.clock_mhz) for count in counts]
    unknown = sorted({graph.names[place] for place, count in enumerate(counts) if count is None})
    total = sum(one for one in each if one is not None)
    return TimeRow(
        milliseconds=total,
        low=total * cycles.low,
        high=total * cycles.high,
        layers=each,
        instructions=round(sum(count for count in counts if count is not None)),
        cycles=cycles.cycles,
        basis=cycles.basis,
        unknown=unknown,
    )


def from_instructions(count: int, board: Board) -> TimeRow:
    """Return how long counted instructions take on a board: those of the C engine on an emulated core."""
    cycles = cycles_of(board.core)
    if cycles is None:
        return TimeRow(reason=f"nothing is known of the cycles of {board.core}")
    total = count * cycles.cycles / (1000 * board.clock_mhz)
    return TimeRow(
        milliseconds=total,
        low=total * cycles.low,
        high=total * cycles.high,
        instructions=count,
        cycles=cycles.cycles,
        basis=cycles.basis,
    )


def kind_of(graph: Graph, place: int) -> str:
    """Return the name by which an operator's instructions were counted: that of its kernel's own way."""
    name, read = graph.names[place], sources(graph.operators[place])
    if name == "CONV_2D" and len(read) > 1:
        return "CONV_2D 1x1" if prod(graph.shape(read[1])[1:3]) == 1 else name
    if name == "DEPTHWISE_CONV_2D" and graph.shape(read[0])[-1] != graph.shape(targets(graph.operators[place])[0])[-1]:
        return "DEPTHWISE_CONV_2D multiplied"
    return name


def features(graph: Graph, place: int) -> tuple[float, float, float, float]:
    """Return what an operator's instructions grow with: a call, outputs, work, and values gathered for a convolution's
    windows before they are multiplied (im2col).
    """
    written = targets(graph.operators[place])
    outputs = prod(graph.shape(written[0])) if written else 0
    done = work(graph, place)
    gathered = done / graph.shape(written[0])[-1] if kind_of(graph, place) == "CONV_2D" else 0.0
    return 1.0, float(outputs), float(done), gathered


def _instructions(graph: Graph, place: int, table: dict[str, list[float]]) -> float | None:
    """Return an operator's instructions; None for a kind that was not counted."""
    figures = table.get(kind_of(graph, place))
    if figures is None:
        return None
    return sum(figure * feature for figure, feature in zip(figures, features(graph, place), strict=True))


def _is_int8(graph: Graph, place: int) -> bool:
    written = targets(graph.operators[place])
    narrow = ("int8", "uint8", "int32", "int64", "bool")  # the last three: shapes and conditions
    return all(graph.spec(one).dtype in narrow for one in written) or graph.names[place] in ("DEQUANTIZE", "QUANTIZE")
