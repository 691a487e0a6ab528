"""Layers of real small models, compared; damage planted in one layer is found there and nowhere else."""

import numpy as np
import pytest
from tflite_models import chain, images, quantized, ranges, weights
from tflite_network import Network

from edgeforge.data.splits import evenly_spaced
from edgeforge.errors import RecipeError
from edgeforge.evaluate.parity.layers import layer_parity
from edgeforge.evaluate.parity.stage import output_db
from edgeforge.evaluate.statistics import sqnr_db
from edgeforge.results.rows.parity import LayerRow
from edgeforge.tflite.flatbuffer import read_model, write_model
from edgeforge.tflite.graph import Graph, sources

INPUTS = images()
FLOAT = chain()
KINDS = ["INPUT", "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D", "ADD", "CONV_2D", "MEAN", "FULLY_CONNECTED"]


@pytest.fixture(scope="module")
def int8() -> bytes:
    return quantized(FLOAT, INPUTS)


@pytest.fixture(scope="module")
def sound(int8: bytes) -> list[LayerRow]:
    return layer_parity(FLOAT, int8, INPUTS)


def own(rows: list[LayerRow]) -> list[float]:
    values = [row.own.sqnr_db for row in rows if row.own]
    assert all(value is not None for value in values)
    return values  # type: ignore[return-value]


def test_every_layer_is_a_row_in_order(sound: list[LayerRow]) -> None:
    assert [row.operator for row in sound] == KINDS
    assert [row.name for row in sound][:3] == ["input", "CONV_2D 0", "DEPTHWISE_CONV_2D 1"]
    assert all(row.own and row.accumulated and not row.reason and row.precision == "int8" for row in sound)
    assert min(own(sound)) > 30
    for row in sound:
        assert row.own and row.own.cosine > 0.999 and row.own.max_steps is not None
        assert row.saturation is not None and row.saturation < 1e-3
        assert row.low is not None and row.minimum is not None and row.low <= row.minimum + row.scale


def test_the_input_alone_is_its_rounding(sound: list[LayerRow], int8: bytes) -> None:
    row = sound[0]
    assert row.own and row.accumulated and row.scale
    assert row.own == row.accumulated and row.own.max_steps <= 0.501
    # Rounding to a grid of step s adds noise of variance s^2 / 12.
    signal = float(np.square(INPUTS.astype(np.float64)).mean())
    assert row.own.sqnr_db == pytest.approx(10 * np.log10(signal / (row.scale**2 / 12)), abs=0.5)


def test_the_output_agrees_with_the_runtime(sound: list[LayerRow], int8: bytes) -> None:
    from edgeforge.tflite.graph import TensorRunner
    from edgeforge.tflite.tensors import from_output, to_input

    float_run, int8_run, graph = TensorRunner(FLOAT), TensorRunner(int8), Graph(int8)
    source, target = graph.spec(graph.inputs[0]), graph.spec(graph.outputs[0])
    expected = np.concatenate([float_run.run([x[None]])[0] for x in INPUTS.transpose(0, 2, 3, 1)])
    found = np.concatenate([from_output(int8_run.run([x[None]])[0], target) for x in to_input(INPUTS, source)])
    assert output_db(sound) == pytest.approx(sqnr_db(expected, found), abs=1e-6)


def test_costs_add_up_to_the_output_error(sound: list[LayerRow]) -> None:
    assert sum(row.cost or 0.0 for row in sound) == pytest.approx(1.0)
    noise = sum(10 ** (-row.output_sqnr_db / 10) for row in sound if row.output_sqnr_db is not None)
    assert -10 * np.log10(noise) == pytest.approx(output_db(sound), abs=1.5)


def test_it_is_the_same_each_time(sound: list[LayerRow], int8: bytes) -> None:
    assert layer_parity(FLOAT, int8, INPUTS) == sound


@pytest.mark.parametrize("layer", range(1, 6))
def test_spoiled_weights_are_found_in_their_layer_alone(int8: bytes, sound: list[LayerRow], layer: int) -> None:
    """A quarter of one layer's weights are zeroed."""
    layer = layer if layer != 4 else 7  # the addition has no weights: the dense layer instead
    model = read_model(int8)
    operator = model.subgraphs[0].operators[layer - 1]
    buffer = model.buffers[model.subgraphs[0].tensors[operator.inputs[1]].buffer]
    buffer.data = np.where(np.arange(len(buffer.data)) % 4 == 0, 0, np.asarray(buffer.data)).astype(np.uint8)
    assert_found(layer_parity(FLOAT, write_model(model), INPUTS), sound, layer)


@pytest.mark.parametrize("layer", [2, 3, 5])
def test_a_spoiled_output_scale_is_found_in_its_layer_alone(sound: list[LayerRow], layer: int) -> None:
    """The range of one layer's output is eight times too wide: its grid is coarse, its readers compute soundly."""
    graph = Graph(FLOAT)
    name = graph.name(graph.operators[layer - 1].outputs[0])
    low, high = ranges(FLOAT, INPUTS)[name]
    rows = layer_parity(FLOAT, quantized(FLOAT, INPUTS, **{name: (8 * low, 8 * high)}), INPUTS)
    assert_found(rows, sound, layer)
    assert "unused range" in {advice.rule for advice in rows[layer].advice}


def assert_found(rows: list[LayerRow], sound: list[LayerRow], layer: int) -> None:
    now, before = own(rows), own(sound)
    assert int(np.argmin(now)) == layer and now[layer] < before[layer] - 10
    assert max(rows, key=lambda row: row.cost or 0.0) is rows[layer]
    for n, (a, b) in enumerate(zip(now, before, strict=True)):
        if n != layer:
            assert a == pytest.approx(b, abs=2.0), rows[n].name  # its rounding falls elsewhere
    assert rows[layer].accumulated and sound[layer].accumulated
    assert rows[layer].accumulated.sqnr_db < sound[layer].accumulated.sqnr_db - 5


def test_int16_activations_lose_less(sound: list[LayerRow]) -> None:
    rows = layer_parity(FLOAT, quantized(FLOAT, INPUTS, bits=16), INPUTS)
    assert [row.operator for row in rows] == KINDS and {row.precision for row in rows} == {"int16"}
    assert rows[0].own.sqnr_db > 80 and output_db(rows) > output_db(sound) + 3


def test_layers_left_in_float_lose_nothing_and_conversions_are_rows(sound: list[LayerRow]) -> None:
    rows = layer_parity(FLOAT, quantized(FLOAT, INPUTS, floats=("DEPTHWISE_CONV_2D",)), INPUTS)
    kinds = [row.operator for row in rows]
    assert kinds == [*KINDS[:2], "DEQUANTIZE", "DEPTHWISE_CONV_2D", "QUANTIZE", *KINDS[3:]]
    depthwise = rows[3]
    assert depthwise.precision == "float32" and depthwise.own.sqnr_db is None and depthwise.cost == 0
    assert depthwise.accumulated.sqnr_db < 60 and not depthwise.advice and depthwise.saturation is None
    # The rounding that the layer's own output had is now the QUANTIZE's.
    assert rows[4].own.sqnr_db == pytest.approx(sound[2].grid_sqnr_db, abs=0.5)


def test_what_has_no_counterpart_is_a_row_with_its_reason(int8: bytes) -> None:
    model = read_model(FLOAT)
    graph = model.subgraphs[0]
    net = Network()
    first = net.conv(net.input, weights(8, 3, 3, 3, seed=1), activation="RELU")
    curved = net.unary("TANH", first)
    other = net.build(net.dense(net.mean(curved), weights(5, 8, seed=5)))
    rows = layer_parity(other, int8, INPUTS)
    said = {row.name: row.reason for row in rows if row.reason}
    assert said["TANH 1 of the float model"] == "the quantized model has no such operator here"
    assert said["ADD 3"] == "the float model has no such operator here"
    assert all((row.own is None) == bool(row.reason) for row in rows)
    compared = {row.name for row in rows if row.own}
    assert {"input", "CONV_2D 0"} <= compared
    places = {row.place for row in rows}
    assert set(range(len(graph.operators))) <= places  # every operator of the int8 model is there


def test_a_relu_that_follows_takes_nothing_that_was_to_be_kept() -> None:
    """Values below zero that the next operator removes anyway are neither saturation nor error."""
    net = Network()
    wide = net.conv(net.input, weights(4, 1, 1, 3, seed=1))
    relu = net.unary("RELU", wide)
    model = net.build(net.dense(net.mean(relu), weights(3, 4)))
    low, high = ranges(model, INPUTS)["conv_2d_0"]
    assert low < -0.5
    rows = layer_parity(model, quantized(model, INPUTS, conv_2d_0=(0.0, high), relu_1=(0.0, high)), INPUTS)
    conv = next(row for row in rows if row.operator == "CONV_2D")
    assert conv.saturation == 0 and conv.own.sqnr_db > 35 and conv.minimum == 0


def test_models_and_inputs_that_do_not_fit_are_named(int8: bytes) -> None:
    with pytest.raises(RecipeError, match=r"shape \(32, 8, 8, 3\), the models take \(N,3,8,8\)"):
        layer_parity(FLOAT, int8, INPUTS.transpose(0, 2, 3, 1))
    with pytest.raises(RecipeError, match="first model is not float32"):
        layer_parity(int8, FLOAT, INPUTS)
    small = Network(4, 4, 3)
    other = small.build(small.unary("TANH", small.input))
    with pytest.raises(RecipeError, match=r"shapes \[1, 4, 4, 3\] and \[1, 8, 8, 3\]"):
        layer_parity(other, int8, INPUTS)
    flat = read_model(int8)
    flat.subgraphs = [flat.subgraphs[0], flat.subgraphs[0]]
    with pytest.raises(RecipeError, match="2 subgraphs"):
        layer_parity(FLOAT, write_model(flat), INPUTS)


def test_evenly_spaced_images() -> None:
    assert evenly_spaced(10, 64).tolist() == list(range(10))
    chosen = evenly_spaced(1000, 64)
    assert len(chosen) == 64 and chosen[0] == 0 and chosen[-1] == 999 and np.diff(chosen).min() >= 15


def test_weights_computed_by_a_dequantize_are_constants() -> None:
    """As in float16 files, and weight-only ones."""
    from ai_edge_quantizer import recipe
    from ai_edge_quantizer.quantizer import Quantizer

    quantizer = Quantizer(bytearray(FLOAT))
    quantizer.load_quantization_recipe(recipe.weight_only_wi8_afp32())
    model = bytes(quantizer.quantize().quantized_model)
    graph = Graph(model)
    assert "DEQUANTIZE" in graph.names and all(graph.names[n] != "DEQUANTIZE" for n in graph.layers)
    rows = layer_parity(FLOAT, model, INPUTS)
    assert [row.operator for row in rows] == KINDS[1:]
    assert 30 < rows[0].own.sqnr_db < 60 and rows[3].own.sqnr_db is None
    assert all(sources(operator) for operator in graph.operators)


def test_an_inverse_root_that_int8_makes_infinite_is_said_and_costs_stay_finite() -> None:
    net = Network()
    inputs = np.where(INPUTS < -0.9, 0.01, INPUTS)
    model = net.build(net.unary("RSQRT", net.mul(net.input, net.input)))
    rows = {row.operator: row for row in layer_parity(model, quantized(model, inputs), inputs)}
    assert rows["RSQRT"].own is None and "infinite at the quantized inputs" in rows["RSQRT"].reason
    costs = [row.cost for row in rows.values() if row.cost is not None]
    assert sum(costs) == pytest.approx(1.0) and rows["MUL"].cost == max(costs)
