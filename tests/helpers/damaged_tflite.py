"""Damaged .tflite files: bytes flipped, cut and spliced, and models whose parts contradict each other; by a seed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from edgeforge.tflite.flatbuffer import read_model, write_model

SPLICED = (0, 1, 2, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFE, 0x10000, 0x01000000)


def damaged(whole: bytes, count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """Yield (what was done, bytes) of a whole file; the same for the same seed."""
    chance = random.Random(seed)
    kinds = (*BYTES, *BYTES, model_damage)
    for _ in range(count):
        kind = chance.choice(kinds)
        found = kind(whole, chance)
        if found is not None:
            yield found


def flipped(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Flip 1 to 8 bits, as a rule in the first half, where offsets and tables stand."""
    data, places = bytearray(whole), []
    for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
        place = _place(chance, len(data))
        data[place] ^= 1 << chance.randrange(8)
        places.append(place)
    return f"bits flipped at {places}", bytes(data)


def spliced(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Write a number of an end of its range over one, two or four bytes."""
    data = bytearray(whole)
    width = chance.choice((1, 2, 4, 4, 4))
    place = _place(chance, len(data) - width) // width * width
    value = chance.choice((*SPLICED, chance.getrandbits(32)))
    data[place : place + width] = struct.pack("<I", value)[:width]
    return f"{value:#x} over {width} bytes at {place}", bytes(data)


def truncated(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Keep the first part."""
    end = chance.randrange(len(whole))
    return f"cut at {end}", whole[:end]


def moved(whole: bytes, chance: random.Random) -> tuple[str, bytes]:
    """Copy a part of it over another, or put it in between."""
    start, length = chance.randrange(len(whole)), chance.choice((1, 2, 4, 16, 64, 256))
    place, part = chance.randrange(len(whole)), whole[start : start + length]
    end = place + (len(part) if chance.random() < 0.5 else 0)
    return f"{length} bytes of {start} to {place}", whole[:place] + part + whole[end:]


BYTES = (flipped, spliced, truncated, moved)


def _place(chance: random.Random, size: int) -> int:
    return chance.randrange(max(size // 2 if chance.random() < 0.7 else size, 1))


def model_damage(whole: bytes, chance: random.Random) -> tuple[str, bytes] | None:
    """Make one part of the model contradict the others; None where the model has no such part."""
    model = read_model(whole)
    name = chance.choice(list(CONTRADICTIONS))
    try:
        CONTRADICTIONS[name](model, chance)
        return name, write_model(model)
    except (IndexError, AttributeError, TypeError, ValueError, struct.error, OverflowError):
        return None


def _graph(model: Any) -> Any:
    return model.subgraphs[0]


def _tensor(model: Any, chance: random.Random) -> Any:
    return chance.choice(_graph(model).tensors)


def _constant(model: Any, chance: random.Random) -> Any:
    return chance.choice([one for one in _graph(model).tensors if model.buffers[one.buffer].data is not None])


def _quantized(model: Any, chance: random.Random) -> Any:
    tensors = [one for one in _graph(model).tensors if one.quantization and one.quantization.scale is not None]
    return chance.choice(tensors).quantization


def _operator(model: Any, chance: random.Random) -> Any:
    return chance.choice(_graph(model).operators)


def _options(model: Any, chance: random.Random, *names: str) -> Any:
    return chance.choice(
        [one.builtinOptions for one in _graph(model).operators if any(hasattr(one.builtinOptions, n) for n in names)]
    )


def _set_scale(value: float) -> Callable[[Any, random.Random], None]:
    def change(model: Any, chance: random.Random) -> None:
        found = _quantized(model, chance)
        scale = np.array(found.scale, np.float32)
        scale[chance.randrange(len(scale))] = value
        found.scale = scale

    return change


def _set_zero(value: int) -> Callable[[Any, random.Random], None]:
    def change(model: Any, chance: random.Random) -> None:
        found = _quantized(model, chance)
        found.zeroPoint = np.full(len(found.zeroPoint), value, np.int64)

    return change


def _set_size(value: int) -> Callable[[Any, random.Random], None]:
    def change(model: Any, chance: random.Random) -> None:
        tensor = _tensor(model, chance)
        shape = np.array(tensor.shape, np.int32)
        shape[chance.randrange(len(shape))] = value
        tensor.shape = shape

    return change


def _set_option(value: Any, *names: str) -> Callable[[Any, random.Random], None]:
    def change(model: Any, chance: random.Random) -> None:
        options = _options(model, chance, *names)
        setattr(options, chance.choice([name for name in names if hasattr(options, name)]), value)

    return change


def _set_place(where: str, value: int) -> Callable[[Any, random.Random], None]:
    def change(model: Any, chance: random.Random) -> None:
        operator = _operator(model, chance)
        places = np.array(getattr(operator, where), np.int32)
        places[chance.randrange(len(places))] = value
        setattr(operator, where, places)

    return change


def _shorten(model: Any, chance: random.Random) -> None:
    buffer = model.buffers[_constant(model, chance).buffer]
    buffer.data = np.asarray(buffer.data)[: chance.randrange(len(buffer.data))]


def _swap_operators(model: Any, chance: random.Random) -> None:
    operators = list(_graph(model).operators)
    first, second = chance.sample(range(len(operators)), 2)
    operators[first], operators[second] = operators[second], operators[first]
    _graph(model).operators = operators


def _circle(model: Any, chance: random.Random) -> None:
    operators = _graph(model).operators
    first, second = chance.choice(operators), chance.choice(operators)
    inputs = np.array(first.inputs, np.int32)
    inputs[0] = second.outputs[0]
    first.inputs = inputs


def _drop(what: str) -> Callable[[Any, random.Random], None]:
    def change(model: Any, chance: random.Random) -> None:
        setattr(_graph(model), what, [])

    return change


def _drop_input(model: Any, chance: random.Random) -> None:
    operator = _operator(model, chance)
    operator.inputs = np.array(operator.inputs, np.int32)[:-1]


def _more_inputs(model: Any, chance: random.Random) -> None:
    operator = chance.choice([one for one in _graph(model).operators if len(one.inputs)])
    operator.inputs = np.array([*operator.inputs, *operator.inputs], np.int32)


def _other_code(model: Any, chance: random.Random) -> None:
    code = chance.choice(model.operatorCodes)
    code.builtinCode = code.deprecatedBuiltinCode = chance.randrange(127)


def _other_type(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).type = chance.randrange(20)


def _other_buffer(model: Any, chance: random.Random) -> None:
    _tensor(model, chance).buffer = chance.choice(
        (0, 1, len(model.buffers), 2**31, chance.randrange(len(model.buffers)))
    )


def _more_dimensions(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.shape = np.array([*tensor.shape, *[1] * chance.choice((1, 3, 12, 300))], np.int32)


def _fewer_dimensions(model: Any, chance: random.Random) -> None:
    tensor = _tensor(model, chance)
    tensor.shape = np.array(tensor.shape, np.int32)[1:]


def _same_numbers(model: Any, chance: random.Random) -> None:
    buffer = model.buffers[_constant(model, chance).buffer]
    buffer.data = np.full(len(buffer.data), chance.choice((0, 255, 128, 127)), np.uint8)


def _subgraph(model: Any, chance: random.Random) -> None:
    _options(model, chance, "bodySubgraphIndex", "thenSubgraphIndex").bodySubgraphIndex = chance.choice((0, -1, 9))


STRIDES = ("strideH", "strideW")
FILTERS = ("filterHeight", "filterWidth")
CONTRADICTIONS: dict[str, Callable[[Any, random.Random], None]] = {
    "scale NaN": _set_scale(float("nan")),
    "scale infinite": _set_scale(float("inf")),
    "scale 0": _set_scale(0.0),
    "scale below 0": _set_scale(-0.5),
    "scale tiny": _set_scale(1e-38),
    "scale huge": _set_scale(1e38),
    "zero point 1000": _set_zero(1000),
    "zero point of 64 bits": _set_zero(2**62),
    "size 0": _set_size(0),
    "size -1": _set_size(-1),
    "size -5": _set_size(-5),
    "size 2^31-1": _set_size(2**31 - 1),
    "size 100000": _set_size(100_000),
    "size 3": _set_size(3),
    "stride 0": _set_option(0, *STRIDES),
    "stride -1": _set_option(-1, *STRIDES),
    "stride 2^31-1": _set_option(2**31 - 1, *STRIDES),
    "stride 3": _set_option(3, *STRIDES),
    "dilation 0": _set_option(0, "dilationHFactor", "dilationWFactor"),
    "dilation 2^30": _set_option(2**30, "dilationHFactor", "dilationWFactor"),
    "filter 0": _set_option(0, *FILTERS),
    "filter 2^30": _set_option(2**30, *FILTERS),
    "depth multiplier 0": _set_option(0, "depthMultiplier"),
    "depth multiplier 7": _set_option(7, "depthMultiplier"),
    "activation 77": _set_option(77, "fusedActivationFunction"),
    "padding 9": _set_option(9, "padding"),
    "axis 99": _set_option(99, "axis"),
    "beta NaN": _set_option(float("nan"), "beta"),
    "splits 0": _set_option(0, "numSplits", "valuesCount", "num"),
    "input beyond the tensors": _set_place("inputs", 10_000),
    "input -2": _set_place("inputs", -2),
    "input left out": _set_place("inputs", -1),
    "output beyond the tensors": _set_place("outputs", 10_000),
    "output left out": _set_place("outputs", -1),
    "output is tensor 0": _set_place("outputs", 0),
    "weights shorter than their shape": _shorten,
    "operators out of order": _swap_operators,
    "a circle": _circle,
    "no operators": _drop("operators"),
    "no inputs": _drop("inputs"),
    "no outputs": _drop("outputs"),
    "no tensors": _drop("tensors"),
    "an input fewer": _drop_input,
    "inputs twice": _more_inputs,
    "another operator": _other_code,
    "another type": _other_type,
    "another buffer": _other_buffer,
    "more dimensions": _more_dimensions,
    "fewer dimensions": _fewer_dimensions,
    "one number everywhere": _same_numbers,
    "another subgraph": _subgraph,
}
