import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_network import Network
from tiny_nets import Step, build, conv, dense, depthwise, images, mobile_net

from edgeforge.errors import StageFailed
from edgeforge.passes import Refusal
from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.equalize import Equalize, Equalized, pairs_of
from edgeforge.quantize.tflite.prepared import activations
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.tflite.flatbuffer import operators, read_model, write_model
from edgeforge.tflite.layers import Layer, read_layer


def equalize(model: bytes, x: np.ndarray) -> Equalized:
    done = Equalize(x)(model)
    assert isinstance(done, Equalized)
    assert operators(done.model) == operators(model)
    return done


def outputs(model: bytes, x: np.ndarray) -> np.ndarray:
    return np.concatenate([list(values.values())[-1].reshape(1, -1) for values in activations(model, x)])


def layers_of(model: bytes) -> list[Layer]:
    read = read_model(model)
    return [layer for op in read.subgraphs[0].operators if (layer := read_layer(read, op))]


def badly_scaled(model: bytes, x: np.ndarray, seed: int, decades: float) -> bytes:
    random, read = np.random.default_rng(seed), read_model(model)
    for pair in pairs_of(read, model, x).pairs:
        pair.scale((10 ** random.uniform(-decades / 2, decades / 2, pair.channels)).astype(np.float32))
        pair.write(read)
    return write_model(read)


@settings(max_examples=15)
@given(seed=st.integers(0, 999), decades=st.floats(0, 4))
def test_the_function_is_the_same_and_weight_ranges_agree(seed: int, decades: float) -> None:
    random = np.random.default_rng(seed)
    plain, x = mobile_net(random), images(random, 4)
    model = badly_scaled(plain, x, seed, decades)
    result = equalize(model, x)
    expected = outputs(plain, x)
    for candidate in (model, result.model):
        np.testing.assert_allclose(outputs(candidate, x), expected, atol=1e-4 * abs(expected).max())
    assert len(result.changed) == 5 and len(result.refused) == 3
    read = read_model(result.model)
    for pair in pairs_of(read, result.model, x).pairs:
        r1, r2 = pair.ranges()
        np.testing.assert_allclose(r1, r2, rtol=1e-2)


def test_one_pair_is_scaled_by_the_paper_s_formula() -> None:
    random = np.random.default_rng(0)
    model, x = build((8, 8, 3), [conv(random, 3, 4, 3, activation="RELU"), conv(random, 4, 5)]), images(random, 1)
    before, after = layers_of(model), layers_of(equalize(model, x).model)
    r1, r2 = abs(before[0].weights).max((1, 2, 3)), abs(before[1].weights).max((0, 1, 2))
    s = np.sqrt(r1 * r2) / r2
    np.testing.assert_allclose(after[0].weights, before[0].weights / s[:, None, None, None], rtol=1e-5)
    np.testing.assert_allclose(after[0].bias, before[0].bias / s, rtol=1e-5)
    np.testing.assert_allclose(after[1].weights, before[1].weights * s, rtol=1e-5)
    np.testing.assert_array_equal(after[1].bias, before[1].bias)


@pytest.mark.parametrize(
    ("between", "second"),
    [
        ([Network.pad], ("conv", 4)),
        ([Network.pool], ("depthwise", 4)),
        ([Network.mean], ("dense", 4)),
        ([Network.relu], ("conv", 4)),
        ([Network.pool, Network.flat], ("dense", 64)),
    ],
    ids=lambda value: value[0].__name__ if isinstance(value, list) else value[0],
)
def test_operators_that_keep_channels_may_lie_between(between: list[Step], second: tuple[str, int]) -> None:
    random = np.random.default_rng(1)
    kind, inputs = second
    follower = (
        {"conv": conv, "dense": dense}[kind](random, inputs, 5) if kind != "depthwise" else depthwise(random, 4, 2)
    )
    model, x = build((8, 8, 3), [conv(random, 3, 4, 3), *between, follower]), images(random, 3)
    result = equalize(model, x)
    assert len(result.changed) == 1 and result.largest > 1.1
    expected = outputs(model, x)
    np.testing.assert_allclose(outputs(result.model, x), expected, atol=1e-5 * abs(expected).max())


def test_what_is_left_alone_has_a_reason() -> None:
    random = np.random.default_rng(2)
    model, x = mobile_net(random), images(random, 1)
    assert equalize(model, x).refused == (
        Refusal("conv_2d_0", "its output has 2 readers"),
        Refusal("conv_2d_3", "ADD reads it"),
        Refusal("fully_connected_9", "its output is the model's"),
    )
    separate = build((8, 8, 3), [conv(random, 3, 4), lambda net, x: net.unary("RELU6", x), conv(random, 4, 5)])
    assert equalize(separate, x).refused[0] == Refusal("conv_2d_0", "RELU6 reads it")
    grouped = build((8, 8, 3), [conv(random, 3, 4), conv(random, 2, 6)])
    assert equalize(grouped, x).refused[0] == Refusal("conv_2d_0", "a grouped convolution reads it")


def test_a_dead_channel_keeps_its_scale() -> None:
    random = np.random.default_rng(3)
    first, second = conv(random, 3, 4, activation="RELU"), conv(random, 4, 5)
    first.weights[1] = 0
    second.weights[..., 2] = 0
    model, x = build((8, 8, 3), [first, second]), images(random, 2)
    before, after = layers_of(model), layers_of(equalize(model, x).model)
    for channel in (1, 2):
        np.testing.assert_array_equal(after[0].weights[channel], before[0].weights[channel])
    expected = outputs(model, x)
    np.testing.assert_allclose(outputs(equalize(model, x).model, x), expected, atol=1e-5)


@settings(max_examples=10)
@given(seed=st.integers(0, 999), loud=st.floats(0.1, 30))
def test_relu6_keeps_its_function_on_the_images(seed: int, loud: float) -> None:
    random = np.random.default_rng(seed)
    model, x = mobile_net(random, activation="RELU6"), images(random, 5) * np.float32(loud)
    result = equalize(model, x)
    expected = outputs(model, x)
    np.testing.assert_allclose(outputs(result.model, x), expected, atol=1e-4 * abs(expected).max())
    if loud < 0.3:
        assert result.held_channels == 0 and result.largest > 1.2
    if loud > 20:
        assert result.held_channels > 0


def test_only_a_float_model_is_taken() -> None:
    random = np.random.default_rng(4)
    model, x = build((8, 8, 3), [conv(random, 3, 4), conv(random, 4, 5)]), images(random, 2)
    with pytest.raises(StageFailed, match=r"Equalize requires more than the model has: the weights '.*' are INT8"):
        Equalize(x)(quantize_static(model, calibrate(model, x)))


def test_another_function_is_caught() -> None:
    class Breaks(Equalize):
        def rewrite(self, model: bytes) -> Equalized:
            read = read_model(model)
            for pair in pairs_of(read, model, self.images).pairs:
                pair.first.bias[...] += 1
                pair.write(read)
            return Equalized(write_model(read))

    random = np.random.default_rng(5)
    model, x = build((8, 8, 3), [conv(random, 3, 4), conv(random, 4, 5)]), images(random, 2)
    with pytest.raises(StageFailed, match="Breaks does not do what it ensures: outputs differ by"):
        Breaks(x)(model)
