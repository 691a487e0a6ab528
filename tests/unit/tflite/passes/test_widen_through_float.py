from pathlib import Path

import numpy as np
from tiny_nets import build, conv, images

from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.prepared import layers
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.conversion import conversion
from edgeforge.tflite.flatbuffer import operator_name, operators, read_model, write_model
from edgeforge.tflite.passes.widen_through_float import WidenThroughFloat


def narrowed(model: bytes) -> bytes:
    """Return the model as ai-edge-quantizer writes it: QUANTIZE from int8 to int16 where DEQUANTIZE, QUANTIZE stand."""
    read = read_model(model)
    graph = read.subgraphs[0]
    kept: list = []
    for operator in graph.operators:
        if kept and operator_name(read, kept[-1]) == "DEQUANTIZE" and operator_name(read, operator) == "QUANTIZE":
            before = kept.pop()
            operator = conversion(read, "QUANTIZE", int(before.inputs[0]), int(operator.outputs[0]))
        kept.append(operator)
    graph.operators = kept
    return write_model(read)


def test_int8_becomes_int16_through_float(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    model, x = build((8, 8, 3), [conv(random, 3, 4, 3), conv(random, 4, 5), conv(random, 5, 3)]), images(random, 4)
    mixed = quantize_static(model, calibrate(model, x), exceptions={layers(model)[1]: "int16"})
    refused = narrowed(mixed)
    assert operators(refused) == {"CONV_2D": 3, "QUANTIZE": 2}
    done = WidenThroughFloat()(refused)
    assert operators(done.model) == operators(mixed) == {"CONV_2D": 3, "QUANTIZE": 2, "DEQUANTIZE": 1}
    assert len(done.changed) == 1
    rows = []
    for data in (done.model, mixed):
        (tmp_path / "model.tflite").write_bytes(data)
        rows.append(LiteRTRunner(tmp_path / "model.tflite", kernels="builtin").run(x))
    np.testing.assert_array_equal(*rows)


def test_a_model_without_any_stays_byte_for_byte() -> None:
    random = np.random.default_rng(1)
    model, x = build((8, 8, 3), [conv(random, 3, 4, 3)]), images(random, 2)
    quantized = quantize_static(model, calibrate(model, x))
    assert WidenThroughFloat()(quantized).model is quantized
