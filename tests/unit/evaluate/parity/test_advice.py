"""Each rule, triggered on a real small model by the fault it is there for, and silent on a sound one."""

import numpy as np
import pytest
from tflite_models import chain, images, quantized, ranges, weights
from tflite_network import Network

from edgeforge.evaluate.parity.advice import Evidence, advise
from edgeforge.evaluate.parity.layer_evidence import costliest
from edgeforge.evaluate.parity.layers import layer_parity
from edgeforge.results.rows.parity import LayerRow

INPUTS = images()


def rules(rows: list[LayerRow], operator: str) -> set[str]:
    return {advice.rule for row in rows if row.operator == operator for advice in row.advice}


def remedy(rows: list[LayerRow], rule: str) -> str:
    return next(advice.remedy for row in rows for advice in row.advice if advice.rule == rule)


def test_a_sound_model_has_no_fault_and_says_so() -> None:
    rows = layer_parity(chain(), quantized(chain(), INPUTS), INPUTS)
    assert {advice.rule for row in rows for advice in row.advice} <= {"sound", "weights"}
    assert costliest(rows) and all(row.advice for row in costliest(rows))
    assert costliest(rows) == sorted(costliest(rows), key=lambda row: -row.cost)


def test_a_range_too_narrow_is_saturation() -> None:
    model = chain()
    low, high = ranges(model, INPUTS)["conv_2d_2"]
    rows = layer_parity(model, quantized(model, INPUTS, conv_2d_2=(low / 3, high / 3)), INPUTS)
    narrow = rows[3]
    assert narrow.operator == "CONV_2D" and narrow.saturation > 0.01
    assert [advice.rule for advice in narrow.advice] == ["saturation"]
    assert "clipped" in narrow.advice[0].what and "more images" in narrow.advice[0].remedy
    assert costliest(rows)[0] is narrow


def test_a_range_too_wide_is_unused() -> None:
    rows = layer_parity(chain(), quantized(chain(), INPUTS, add_3=(-50.0, 50.0)), INPUTS)
    assert rules(rows, "ADD") == {"unused range"} and "percentile or MSE" in remedy(rows, "unused range")


def test_one_large_value_is_an_outlier() -> None:
    inputs = images(count=64)
    inputs[5, :, 3, 3] = 60.0
    net = Network()
    model = net.build(net.conv(net.input, weights(4, 1, 1, 3)))
    rows = layer_parity(model, quantized(model, inputs), inputs)
    assert "outliers" in rules(rows, "INPUT") and "outliers" in rules(rows, "CONV_2D")
    assert "int16" in remedy(rows, "outliers")
    wide = layer_parity(model, quantized(model, inputs, bits=16), inputs)
    assert "outliers" not in rules(wide, "INPUT")


@pytest.mark.parametrize(("per_channel", "found"), [(False, True), (True, False)])
def test_unequal_weights_want_a_scale_each(per_channel: bool, found: bool) -> None:
    kernel = weights(8, 1, 1, 3)
    kernel[0] *= 30
    net = Network()
    model = net.build(net.mean(net.conv(net.input, kernel)))
    rows = layer_parity(model, quantized(model, INPUTS, per_channel=per_channel), INPUTS)
    assert ("weights per tensor" in rules(rows, "CONV_2D")) == found
    if found:
        assert "per channel" in remedy(rows, "weights per tensor")


def test_unequal_weights_of_a_dense_layer_name_the_recipe_key() -> None:
    matrix = weights(8, 3)
    matrix[0] *= 30
    net = Network()
    model = net.build(net.dense(net.mean(net.input), matrix))
    rows = layer_parity(model, quantized(model, INPUTS, per_channel=False), INPUTS)
    assert "per_channel_dense" in remedy(rows, "weights per tensor")


def test_unequal_channels_after_a_depthwise_convolution_want_equalization() -> None:
    kernel = weights(1, 3, 3, 8, seed=2)
    kernel[..., 0] *= 40
    net = Network()
    first = net.conv(net.input, weights(8, 1, 1, 3), activation="RELU")
    model = net.build(net.conv(net.depthwise(first, kernel), weights(4, 1, 1, 8)))
    rows = layer_parity(model, quantized(model, INPUTS), INPUTS)
    assert "unequal channels" in rules(rows, "DEPTHWISE_CONV_2D")
    assert "cross-layer equalization" in remedy(rows, "unequal channels")


def test_an_addition_of_a_small_and_a_large_branch() -> None:
    net = Network()
    small, large = net.conv(net.input, weights(4, 1, 1, 3)), net.conv(net.input, 30 * weights(4, 1, 1, 3, seed=1))
    model = net.build(net.add(small, large))
    rows = layer_parity(model, quantized(model, INPUTS), INPUTS)
    assert rules(rows, "ADD") >= {"unequal inputs"}
    assert "batch norm" in remedy(rows, "unequal inputs")


def test_softmax_of_small_probabilities() -> None:
    net = Network()
    model = net.build(net.softmax(net.dense(net.mean(net.input), weights(200, 3))))
    rows = layer_parity(model, quantized(model, INPUTS), INPUTS)
    assert rules(rows, "SOFTMAX") >= {"curved function"} and "leave softmax out" in remedy(rows, "curved function")


def test_the_sigmoid_of_a_silu_is_known() -> None:
    """Far below zero a sigmoid is nearly 0: TFLite fixes its grid at 1/256, whatever the values."""
    net = Network()
    x = net.conv(net.input, weights(4, 1, 1, 3), np.full(4, -6.0, np.float32))
    model = net.build(net.mul(x, net.unary("LOGISTIC", x)))
    rows = layer_parity(model, quantized(model, INPUTS), INPUTS)
    assert "curved function" in rules(rows, "LOGISTIC") and "hard-swish" in remedy(rows, "curved function")


def test_costly_weights_want_training() -> None:
    found = advise(Evidence("CONV_2D", own_db=30.0, grid_db=45.0, weights_per_channel=True), costly=True)
    assert [advice.rule for advice in found] == ["weights"] and "quantize.qat" in found[0].remedy
    assert advise(Evidence("CONV_2D", own_db=30.0, grid_db=45.0, weights_per_channel=True)) == []


def test_what_passes_values_on_has_no_advice() -> None:
    assert advise(Evidence("RESHAPE", own_db=None, saturation=0.5, clipping=0.9), costly=True) == []
    assert advise(Evidence("CONV_2D", "float32", own_db=20.0, outlier_ratio=99.0), costly=True) == []
