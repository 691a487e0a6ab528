""".tflite files that are wrong, written by the schema's own writer: what a reader must refuse."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
from hostile_bytes import damaged
from hostile_cases import NO_FILES, Case, Content
from hostile_seeds import float_tflite, samples_npz, tflites

from edgeforge.tflite.flatbuffer import read_model, write_model

Change = Callable[[Any, random.Random], None]
BOARD = ("--board", "arduino-nano-33-ble")


def _tensor(model: Any, random: random.Random) -> Any:
    return random.choice(model.subgraphs[0].tensors)


def _operator(model: Any, random: random.Random) -> Any:
    return random.choice(model.subgraphs[0].operators)


def _weights(model: Any, random: random.Random) -> Any:
    """A tensor with values in the file."""
    tensors = [one for one in model.subgraphs[0].tensors if model.buffers[one.buffer].data is not None]
    return random.choice(tensors)


def _scaled(model: Any, random: random.Random) -> Any:
    tensors = [one for one in model.subgraphs[0].tensors if one.quantization and one.quantization.scale is not None]
    return random.choice(tensors).quantization


def _stride(model: Any, value: int) -> None:
    strided = [one for one in model.subgraphs[0].operators if hasattr(one.builtinOptions, "strideW")]
    if not strided:
        raise ValueError("nothing of it has a stride: take another change")
    for operator in strided:
        operator.builtinOptions.strideW = operator.builtinOptions.strideH = value


def _shape(value: int) -> Change:
    """Of a tensor that an operator reads or writes: an LSTM's intermediates have scales alone."""

    def change(model: Any, random: random.Random) -> None:
        operator = _operator(model, random)
        ends = [int(place) for place in (*operator.inputs, *operator.outputs) if place >= 0]
        tensor = model.subgraphs[0].tensors[random.choice(ends)]
        tensor.shape = np.array([*list(tensor.shape)[:-1], value], np.int32)

    return change


def _scale(value: float) -> Change:
    def change(model: Any, random: random.Random) -> None:
        quantization = _scaled(model, random)
        quantization.scale = np.full(len(quantization.scale), value, np.float32)

    return change


def _set(name: str, *values: Any) -> Change:
    def change(model: Any, random: random.Random) -> None:
        setattr(random.choice((_tensor, _tensor))(model, random), name, random.choice(values))

    return change


def _short(model: Any, random: random.Random) -> None:
    tensor = _weights(model, random)
    buffer = model.buffers[tensor.buffer]
    buffer.data = buffer.data[: random.choice((1, len(buffer.data) // 2, len(buffer.data) - 1))]


def _indices(model: Any, random: random.Random) -> None:
    operator = _operator(model, random)
    name = random.choice(("inputs", "outputs"))
    places = [random.choice((-2, -1, 999_999, 2**31 - 1))] * len(getattr(operator, name))
    setattr(operator, name, np.array(places, np.int32))


def _cycle(model: Any, random: random.Random) -> None:
    operators = model.subgraphs[0].operators
    first, last = operators[0], operators[-1]
    inputs = list(first.inputs)
    inputs[0] = int(last.outputs[0])
    first.inputs = np.array(inputs, np.int32)


def _no_ends(model: Any, random: random.Random) -> None:
    setattr(model.subgraphs[0], random.choice(("inputs", "outputs", "operators")), [])


def _ends(model: Any, random: random.Random) -> None:
    setattr(model.subgraphs[0], random.choice(("inputs", "outputs")), np.array([random.choice((-1, 12345))], np.int32))


def _opcode(model: Any, random: random.Random) -> None:
    _operator(model, random).opcodeIndex = random.choice((99, 2**31))


def _code(model: Any, random: random.Random) -> None:
    code = random.choice(model.operatorCodes)
    code.builtinCode = random.choice((-5, 32, 127, 9999, 150))
    code.customCode = random.choice((None, b"Nothing", b"\xff\xfe", b"TFLite_Detection_PostProcess"))


def _no_subgraph(model: Any, random: random.Random) -> None:
    model.subgraphs = []


def _networks(model: Any, random: random.Random) -> None:
    """Several, as signatures leave them: which one is meant?"""
    model.subgraphs = [model.subgraphs[0]] * random.choice((2, 50))


def _zero_points(model: Any, random: random.Random) -> None:
    quantization = _scaled(model, random)
    quantization.zeroPoint = np.full(random.choice((0, 1, 7)), random.choice((2**62, -300, 300)), np.int64)


def _axis(model: Any, random: random.Random) -> None:
    _scaled(model, random).quantizedDimension = random.choice((-1, 4, 2**31 - 1))


def _scales(model: Any, random: random.Random) -> None:
    quantization = _scaled(model, random)
    quantization.scale = np.full(random.choice((0, 2, 1000)), 0.1, np.float32)


def _few_inputs(model: Any, random: random.Random) -> None:
    operator = random.choice([one for one in model.subgraphs[0].operators if len(one.inputs)])
    operator.inputs = operator.inputs[: random.choice((0, len(operator.inputs) // 3))]  # the last may be optional


def _names(model: Any, random: random.Random) -> None:
    bad = random.choice((b"a\n#error hi\n", b"x\\", b"*/ int main(){", b"\xff\xfe\xfd", b"</script>", b"n" * 99_999))
    for tensor in model.subgraphs[0].tensors:
        tensor.name = bad


def _options(model: Any, random: random.Random) -> None:
    operator = _operator(model, random)
    operator.builtinOptions, operator.builtinOptionsType = None, random.choice((0, 200))


def _option_numbers(model: Any, random: random.Random) -> None:
    operator = _operator(model, random)
    if operator.builtinOptions is None:
        return
    for name, value in list(vars(operator.builtinOptions).items()):
        if isinstance(value, int) and not isinstance(value, bool) and random.random() < 0.7:
            setattr(operator.builtinOptions, name, random.choice((0, 1, 100)))
        elif isinstance(value, float):
            setattr(operator.builtinOptions, name, random.choice((float("nan"), float("inf"), -1.0, 0.0)))


WRONG: dict[str, Change] = {  # what no reader may take
    "stride 0": lambda model, random: _stride(model, 0),
    "stride -1": lambda model, random: _stride(model, -1),
    "shape -7": _shape(-7),
    "shape 2^31-1": _shape(2**31 - 1),
    "shape 30000": _shape(30_000),
    "scale nan": _scale(float("nan")),
    "scale inf": _scale(float("inf")),
    "scale 0": _scale(0.0),
    "scale -1": _scale(-1.0),
    "buffer index": _set("buffer", 99_999, 2**32 - 1),
    "weights short": _short,
    "tensor index": _indices,
    "cycle": _cycle,
    "no ends": _no_ends,
    "ends index": _ends,
    "opcode index": _opcode,
    "no subgraph": _no_subgraph,
    "many networks": _networks,
    "zero points": _zero_points,
    "quantized axis": _axis,
    "scales": _scales,
    "few inputs": _few_inputs,
}
STRANGE: dict[str, Change] = {  # which may be taken, or not
    "type": _set("type", 0, 1, 3, 5, 7, 17, 99),
    "operator code": _code,
    "names": _names,
    "no options": _options,
    "option numbers": _option_numbers,
    "shape 0": _shape(0),
    "variable": _set("isVariable", True),
}


def changed(data: bytes, change: Change, random: random.Random) -> bytes:
    model = read_model(data)
    change(model, random)
    return write_model(model)


def hostile_model(random: random.Random) -> tuple[str, Content, bool]:
    """Return a kind, a file and whether taking it is wrong."""
    name = random.choice(list(tflites()))
    data = tflites()[name]
    draw = random.random()
    if draw < 0.06:
        kind = random.choice(list(NO_FILES))
        return f"no file: {kind}", NO_FILES[kind], True
    if draw < 0.40:
        how, data = damaged(data, random)
        return f"bytes {how}", data, False
    table, wrong = (WRONG, True) if draw < 0.80 else (STRANGE, False)
    for _ in range(20):
        kind = random.choice(list(table))
        try:
            return f"schema {kind}", changed(data, table[kind], random), wrong
        except Exception:  # the schema's own writer refuses it
            continue
    return "bytes noise", b"TFL3", True


def _words(verb: str, random: random.Random) -> tuple[tuple[str, ...], dict[str, Content]]:
    if verb == "bench":
        return ("bench", "m.tflite", "--runs", "20", "--warmup", "1"), {}
    if verb == "fit":
        board = random.choice((("--board", "all"), BOARD))
        return ("fit", "m.tflite", *board, *random.choice(((), ("--plot", "out/a.svg")))), {}
    if verb in ("edgetpu", "inspect"):
        return (verb, "m.tflite"), {}
    if verb == "compile":
        core = random.choice(("portable", "m4", "m55", "m0plus"))
        return ("compile", "m.tflite", "--out", "out/lib", "--core", core), {}
    if verb == "pack":
        meaning = random.choice((("--labels", "0-9"), ("--value", "cycles"), ("--map",), ("--yes-no",)))
        return ("pack", "m.tflite", *BOARD, *meaning, "--pixels", "0..1", "--out", "out/packed"), {}
    if verb == "verify":
        names = random.choice((("f.tflite", "m.tflite"), ("m.tflite", "i.tflite"), ("m.tflite", "m.tflite")))
        inputs = random.choice(((), ("--inputs", "x.npz")))
        return ("verify", *names, *inputs), {"f.tflite": float_tflite(), "i.tflite": tflites()["chain_int8"],
                                             "x.npz": samples_npz()}  # fmt: skip
    if verb == "verify --emulate":
        return ("verify", "--emulate", "m.tflite", "--core", "m4", "--images", "2"), {}
    assert verb == "pack --requantize"
    again = ("--requantize", "--float", "f.tflite", "--calibration", "x.npz")
    words = ("pack", "m.tflite", *BOARD, *again, "--labels", "0-9", "--out", "out/packed")
    return words, {"f.tflite": float_tflite(), "x.npz": samples_npz()}


VERBS = ("bench", "verify", "fit", "edgetpu", "inspect", "compile", "pack", "pack --requantize")


def on_verb(verb: str, random: random.Random) -> Case:
    """Return a case of one verb on a hostile .tflite."""
    kind, content, wrong = hostile_model(random)
    words, files = _words(verb, random)
    wrong = wrong and (verb, kind) != ("inspect", "schema many networks")  # it shows the first, and says so
    return Case(verb.split()[0], f".tflite {kind}", words, {**files, "m.tflite": content}, wrong)
