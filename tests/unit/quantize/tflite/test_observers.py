import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tflite_network import Network
from tiny_nets import after, conv, depthwise, images, mobile_net

from edgeforge.quantize.tflite.observers import MSE, Entropy, Histogram, MinMax, MovingAverage, Percentile, calibrate
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.recipe.sections.quantize import ObserverName
from edgeforge.tflite.flatbuffer import operator_name, operators, read_model

OBSERVERS: tuple[ObserverName, ...] = ("minmax", "moving-average", "percentile", "mse", "entropy")
VALUES = arrays(np.float32, st.integers(1, 60), elements=st.floats(-1e4, 1e4, width=32))


def seen(observer: MinMax | MovingAverage | Histogram, batches: list[np.ndarray]) -> tuple[float, float]:
    for batch in batches:
        observer.observe(batch)
    return observer.range()


@settings(max_examples=30)
@given(st.lists(VALUES, min_size=1, max_size=5))
def test_every_range_contains_zero_and_lies_within_min_and_max(batches: list[np.ndarray]) -> None:
    low, high = seen(MinMax(), batches)
    assert low == min(0, *(b.min() for b in batches)) and high == max(0, *(b.max() for b in batches))
    for observer in (MovingAverage(batch=2), Percentile((low, high)), MSE((low, high)), Entropy((low, high))):
        found = seen(observer, batches)
        assert low <= found[0] <= 0 <= found[1] <= high
        if low < high:
            assert found[0] < found[1]


@given(VALUES)
def test_all_of_the_values_is_min_and_max(values: np.ndarray) -> None:
    full = seen(MinMax(), [values])
    found = seen(Percentile(full, 100.0), [values])
    assert found == pytest.approx(full, abs=(full[1] - full[0]) / 1000)


@settings(max_examples=20)
@given(st.floats(60, 99.9), st.floats(60, 99.9))
def test_a_larger_percentile_keeps_more(one: float, other: float) -> None:
    values = np.random.default_rng(0).normal(size=20_000).astype(np.float32)
    full = seen(MinMax(), [values])
    small, large = (seen(Percentile(full, share), [values]) for share in sorted((one, other)))
    assert large[0] <= small[0] and small[1] <= large[1]


def test_percentile_is_that_of_the_values() -> None:
    values = np.random.default_rng(1).normal(size=200_000).astype(np.float32)
    full = seen(MinMax(), [values])
    found = seen(Percentile(full, 99.0), np.array_split(values, 7))
    assert found == pytest.approx(tuple(np.quantile(values, (0.005, 0.995))), abs=0.01)


def test_one_outlier_is_clipped_by_all_but_min_and_max() -> None:
    values = np.append(np.random.default_rng(2).normal(size=100_000), 100).astype(np.float32)
    full = seen(MinMax(), [values])
    assert full[1] == 100
    for observer in (Percentile(full), MSE(full, bits=4), Entropy(full)):
        assert 2 < seen(observer, [values])[1] < 60, type(observer).__name__


def test_mse_has_the_least_error_of_all_observers() -> None:
    values = np.random.default_rng(3).laplace(size=50_000).astype(np.float32)
    full = seen(MinMax(), [values])

    def error(limits: tuple[float, float]) -> float:
        scale = (limits[1] - limits[0]) / 255
        zero = round(-limits[0] / scale)
        levels = np.clip(np.round(values / scale) + zero, 0, 255)
        return float((((levels - zero) * scale - values) ** 2).mean())

    best = error(seen(MSE(full), [values]))
    assert best < 0.95 * error(full)
    for observer in (Percentile(full), Percentile(full, 99.9), Entropy(full)):
        assert best <= 1.02 * error(seen(observer, [values]))


def test_entropy_keeps_a_uniform_distribution_whole() -> None:
    values = np.random.default_rng(4).uniform(0, 7, 200_000).astype(np.float32)
    full = seen(MinMax(), [values])
    assert seen(Entropy(full), [values]) == full


def test_moving_average_follows_batches() -> None:
    batches = [np.array([-1.0, 2.0]), np.array([-3.0, 4.0]), np.array([-9.0, 9.0])]
    assert seen(MovingAverage(0.5, batch=1), batches[:2]) == (-2.0, 3.0)
    assert seen(MovingAverage(0.5, batch=2), batches[:2]) == (-3.0, 4.0)
    assert seen(MovingAverage(0.5, batch=5), batches) == (-9.0, 9.0)  # no whole batch yet


def test_not_a_number_reaches_the_range() -> None:
    low, high = seen(MinMax(), [np.array([1.0, np.nan]), np.array([2.0])])
    assert np.isnan(low) and np.isnan(high)
    assert np.isnan(seen(Percentile((low, high)), [])).all()


@pytest.mark.parametrize("observer", OBSERVERS)
def test_a_model_is_quantized_with_every_observer(observer: ObserverName) -> None:
    random = np.random.default_rng(5)
    model, x = mobile_net(random), images(random, 20)
    ranges = calibrate(model, x, observer)
    assert set(operators(quantize_static(model, ranges))) == set(operators(model))  # no conversion between layers
    whole = calibrate(model, x)
    for name, (low, high) in ranges.items():
        assert whole[name][0] <= low <= 0 <= high <= whole[name][1], name


def test_what_is_passed_on_keeps_one_scale() -> None:
    random = np.random.default_rng(6)
    net = Network(8, 8, 3)
    pooled = after(net, net.input, conv(random, 3, 4, activation="RELU"), Network.pad, Network.pool)
    joined = net.concat(pooled, depthwise(random, 4)(net, pooled))
    model, x = net.build(net.flat(joined)), images(random, 30)
    kinds = ["CONV_2D", "PAD", "MAX_POOL_2D", "DEPTHWISE_CONV_2D", "CONCATENATION", "RESHAPE"]
    for observer in OBSERVERS:
        ranges = calibrate(model, x, observer)
        assert len({ranges[f"{kind.lower()}_{place}"] for place, kind in enumerate(kinds)}) == 1
        quantized = read_model(quantize_static(model, ranges))
        graph = quantized.subgraphs[0]
        assert [operator_name(quantized, op) for op in graph.operators] == kinds
        assert len({float(graph.tensors[op.outputs[0]].quantization.scale[0]) for op in graph.operators}) == 1
