"""QUANTIZE and DEQUANTIZE of real numbers and of int16."""

import numpy as np
from engine_network import Int8
from engine_program import require_the_bytes_of_tflm


def test_real_numbers_at_both_ends_have_the_bytes_of_tflm() -> None:
    net = Int8(7)
    net.graph.tensors.clear()
    net.input = net.tensor("input", (1, 7), "FLOAT32")
    x = net.on(0.031, 5).operator("QUANTIZE", [net.input], (1, 7))
    x = net.on(0.5, -9).dense(x, net.any(6, 7))
    end = net.operator("DEQUANTIZE", [x], (1, 6))
    net.graph.tensors[end] = net.graph.tensors[net.tensor("end", (1, 6), "FLOAT32")]
    net.graph.tensors.pop()
    require_the_bytes_of_tflm(net.build(end), 20)


def test_int16_and_back_have_the_bytes_of_tflm() -> None:
    net = Int8(7)
    wide = net.tensor("wide", (1, 7), "INT16", [0.0004], 0)
    net.operator("QUANTIZE", [net.input], (1, 7))
    net.graph.operators[-1].outputs = [wide]
    x = net.on(0.06, 17).operator("QUANTIZE", [wide], (1, 7))
    require_the_bytes_of_tflm(net.build(x), 20)


def test_a_half_is_rounded_away_from_zero() -> None:
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from engine_program import engine_outputs, tflm_outputs

    net = Int8(8)
    net.graph.tensors.clear()
    net.input = net.tensor("input", (1, 8), "FLOAT32")
    model = net.build(net.on(0.5, 3).operator("QUANTIZE", [net.input], (1, 8)))
    values = [np.array([[0.25, -0.25, 0.75, -0.75, 0.24999999, 1e9, -1e9, 0.0]], np.float32)[None]]
    with TemporaryDirectory() as folder:
        ours = engine_outputs(model, values, Path(folder))[0]
    np.testing.assert_array_equal(ours, tflm_outputs(model, values)[0])
