import copy

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from tflite_models import chain, images, quantized

from edgeforge.evaluate.parity.runtime_pairs import Outputs, output_steps, run_litert, runtime_pairs
from edgeforge.evaluate.parity.stage import affordable
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.graph import Graph


def outputs(name: str, steps: list[list[float]], index: list[int], *, one_file: bool = False) -> Outputs:
    return Outputs(name, np.array(steps, np.float32) * np.float32(0.1), np.array(index), one_file)


def test_pairs_are_compared_on_the_images_that_both_ran_in_steps() -> None:
    a = outputs("a", [[0, 9], [5, 1], [1, 0]], [0, 2, 4], one_file=True)
    b = outputs("b", [[5, 4], [1, 0], [7, 7]], [2, 4, 6], one_file=True)
    c = outputs("c", [[0.4, 8.6], [5.4, 1.2]], [0, 2])
    ab, ac, bc = runtime_pairs([a, b, c], 0.1)
    assert (ab.a, ab.b, ab.images, ab.one_file) == ("a", "b", 2, True)
    assert ab.identical == 0.75 and ab.max_steps == 3 and ab.within_one == 0.75 and ab.same_class == 1.0
    assert (ac.images, ac.identical, ac.max_steps, ac.one_file) == (2, 1.0, 0, False)  # rounded onto the grid
    assert ac.max_difference == pytest.approx(0.04)
    assert (bc.images, bc.max_steps) == (1, 3)


def test_without_a_grid_values_are_compared_as_they_are() -> None:
    a, b = outputs("a", [[0, 9]], [0]), outputs("b", [[0, 9.1]], [0])
    (row,) = runtime_pairs([a, b], None)
    assert row.identical == 0.5 and row.max_steps is None and row.max_difference == pytest.approx(0.01)


def test_runtimes_without_a_common_image_have_nothing_identical() -> None:
    (row,) = runtime_pairs([outputs("a", [[1, 2]], [0]), outputs("b", [[1, 2]], [1])], 0.1)
    assert row.images == 0 and row.identical == 0.0


def test_litert_kernels_agree_within_a_step(tmp_path) -> None:  # type: ignore[no-untyped-def]
    inputs = images()
    model = quantized(chain(), inputs)
    (tmp_path / "m.tflite").write_bytes(model)
    index = np.arange(len(inputs))
    found, left_out = run_litert(tmp_path / "m.tflite", inputs, ["litert-xnnpack", "litert-reference"], index)
    assert not left_out and all(one.one_file for one in found)
    (step,) = output_steps(Graph(model))
    assert step
    (row,) = runtime_pairs(found, step)
    # Kernels round differently, and a step inside the network may be two at its output.
    assert row.images == 32 and row.max_steps is not None and row.max_steps <= 3 and row.identical > 0.5
    assert row.within_one is not None and row.within_one > 0.95
    for one in found:  # whole steps: nothing is rounded away
        assert np.allclose(one.logits / step, np.rint(one.logits / step), atol=1e-3)


def test_the_step_of_an_output_that_a_dequantize_makes_float() -> None:
    int8 = quantized(chain(), images())
    model = read_model(int8)
    graph, code = model.subgraphs[0], copy.copy(model.operatorCodes[0])
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    model.operatorCodes.append(code)
    real = copy.copy(graph.tensors[graph.outputs[0]])
    real.type, real.quantization, real.name = schema.TensorType.FLOAT32, None, b"real"
    graph.tensors.append(real)
    last = schema.OperatorT()
    last.opcodeIndex, last.inputs, last.outputs = (
        len(model.operatorCodes) - 1,
        [graph.outputs[0]],
        [len(graph.tensors) - 1],
    )
    graph.operators.append(last)
    graph.outputs = last.outputs
    assert output_steps(Graph(write_model(model))) == output_steps(Graph(int8))
    assert output_steps(Graph(chain())) == [None]


def test_slow_kernels_run_a_nested_evenly_spaced_part() -> None:
    assert affordable(100, 10**6, 20).tolist() == list(range(100))
    among = np.arange(0, 10_000, 2)
    chosen = affordable(10_000, 12 * 10**6, 20, among)
    assert set(chosen) <= set(among) and (len(chosen) - 1) * 12 * 10**6 <= 20 * 10**9 and len(set(np.diff(chosen))) == 1
