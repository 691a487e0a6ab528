import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_network import Network
from tiny_nets import Step, build, conv, depthwise

from edgeforge.passes import Rewritten
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.fused.pads import FusePads

RANDOM = np.random.default_rng(0)


def pad(before: int = 1, after: int = 1) -> Step:
    return lambda net, x: net.pad(x, before, after)


def both(net: Network, x: int) -> int:
    """A pad that a convolution and an addition read."""
    padded = net.pad(x)
    conv(RANDOM, 3, 4, 3, same=False)(net, padded)
    return net.add(padded, padded)


@settings(max_examples=25, deadline=None)
@given(
    size=st.integers(5, 14), kernel=st.integers(1, 5), stride=st.integers(1, 3), dilation=st.integers(1, 2),
    before=st.integers(0, 2), after=st.integers(0, 2), whole=st.booleans(),
)  # fmt: skip
def test_values_stay_whether_a_pad_goes_or_not(
    size: int, kernel: int, stride: int, dilation: int, before: int, after: int, whole: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:  # fmt: skip
    random = np.random.default_rng(size)
    if (kernel - 1) * dilation + 1 > size + before + after:
        return
    settings = {"stride": stride, "same": False, "dilation": 1 if stride > 1 else dilation}
    layer = conv(random, 3, 4, kernel, **settings) if whole else depthwise(random, 3, 2, kernel, **settings)
    model = build((size, size, 3), [pad(before, after), layer])
    done = FusePads()(model)
    folder = tmp_path_factory.mktemp("pads")
    x = random.normal(0, 1, (2, size, size, 3)).astype(np.float32)
    answers = []
    for name, one in (("before", model), ("after", done.model)):
        (folder / f"{name}.tflite").write_bytes(one)
        answers.append(LiteRTRunner(folder / f"{name}.tflite", kernels="builtin").run(x))
    np.testing.assert_allclose(*answers, atol=1e-5)
    assert len(done.changed) + len(done.refused) == 1


@pytest.mark.parametrize(("size", "kernel", "amount"), [(28, 4, 1), (7, 3, 1), (11, 5, 2)])
def test_pads_alike_on_both_sides_go(size: int, kernel: int, amount: int) -> None:
    model = build((size, size, 3), [pad(amount, amount), conv(RANDOM, 3, 4, kernel, stride=2, same=False)])
    assert operators(FusePads()(model).model) == {"CONV_2D": 1}


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        ([pad(), conv(RANDOM, 3, 4, 3, stride=2, same=False)], "SAME would pad otherwise"),  # an even size
        ([pad(), conv(RANDOM, 3, 4, 3)], "pads by itself"),
        ([pad(), Network.pool], "MAX_POOL_2D 1"),
        ([both], "ADD 2"),
        ([conv(RANDOM, 3, 4), pad()], "its output is the network's"),
    ],
)
def test_the_others_stay(steps: list[Step], reason: str) -> None:
    model = build((8, 8, 3), steps)
    done = FusePads()(model)
    assert done.model is model and reason in done.refused[0].reason


def test_a_pad_that_is_lost_is_caught() -> None:
    model = build((8, 8, 3), [pad(), conv(RANDOM, 3, 4, 3, stride=2, same=False)])
    lost = build((8, 8, 3), [conv(RANDOM, 3, 4, 3, stride=2, same=False)])
    assert list(FusePads().ensures(model, Rewritten(lost)))
