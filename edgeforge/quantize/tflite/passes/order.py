"""The order in which a .tflite is rewritten on its way from float32 to the file that ships."""

from __future__ import annotations

from collections.abc import Sequence

from edgeforge.passes import Pass, Rewritten, rewrite
from edgeforge.quantize.tflite.passes.equalize import Equalize
from edgeforge.quantize.tflite.passes.exact_ranges import ExactRanges
from edgeforge.quantize.tflite.passes.integer_operators import IntegerOperators
from edgeforge.quantize.tflite.passes.reachable_clamps import ReachableClamps
from edgeforge.quantize.tflite.passes.reconstruct import Reconstruct
from edgeforge.quantize.tflite.passes.room_for_biases import RoomForBiases
from edgeforge.tflite.conversion import NumberType
from edgeforge.tflite.passes.compact import Compact
from edgeforge.tflite.passes.drop_unused import DropUnused
from edgeforge.tflite.passes.halve_weights import HalveWeights
from edgeforge.tflite.passes.input_output_type import InputOutputType
from edgeforge.tflite.passes.widen_through_float import WidenThroughFloat

ORDER: tuple[type[Pass[bytes]], ...] = (
    # The float model.
    Equalize,  # before ranges are measured: it changes every range
    RoomForBiases,  # behind what changes weights, and once ranges are known: it needs the scales of layers' inputs
    HalveWeights,  # instead of quantizing
    # The quantized model.
    IntegerOperators,  # first: as the quantizer left it
    DropUnused,  # behind it: float tensors that nobody reads any more
    WidenThroughFloat,  # before it, LiteRT cannot run a model that mixes int8 and int16
    ExactRanges,  # the quantizer's own numbers are overwritten before anything runs the model or looks at them
    ReachableClamps,  # behind it: it needs the scales as they will be
    Reconstruct,  # runs the model, layer by layer, with its own types at both ends
    InputOutputType,  # last in the graph: what it adds is no layer of the network
    Compact,  # last of all: whatever writes the file again, writes twice what is shared
)


def rewrite_in_order(model: bytes, passes: Sequence[Pass[bytes]]) -> tuple[bytes, dict[str, Rewritten[bytes]]]:
    """Return a .tflite rewritten, and what each pass did, by its class's name. Asserts that the order is ORDER's."""
    places = [ORDER.index(type(one)) for one in passes]
    assert places == sorted(places), f"{[type(one).__name__ for one in passes]} is not the order of ORDER"
    return rewrite(model, passes)


def finished(model: bytes, io: NumberType | None, *, compact: bool) -> bytes:
    """Return a quantized model as it ships: with its ends of type `io` (None: as they are), compact where asked."""
    ends: list[Pass[bytes]] = [InputOutputType(io)] if io else []
    return rewrite_in_order(model, [*ends, *([Compact()] if compact else [])])[0]
