from pathlib import Path

import numpy as np
import pytest
from tiny_nets import build, conv, dense, images, mobile_net

from edgeforge.errors import StageFailed
from edgeforge.runtimes.litert import LiteRTRunner
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.compact import Compact
from edgeforge.tflite.passes.halve_weights import HalveWeights

RANDOM = np.random.default_rng(0)
X = images(RANDOM, 4)


@pytest.mark.parametrize("kernels", ["xnnpack", "builtin"])
def test_weights_and_biases_become_float16(kernels: str, tmp_path: Path) -> None:
    model = mobile_net(RANDOM, 32)
    done = HalveWeights()(model)
    assert operators(done.model) == {**operators(model), "DEQUANTIZE": 16} and len(done.changed) == 16
    small = Compact()(done.model).model
    assert len(small) < 0.65 * len(model)
    answers = []
    for data in (model, small):
        (tmp_path / "model.tflite").write_bytes(data)
        answers.append(LiteRTRunner(tmp_path / "model.tflite", kernels=kernels).run(X))  # type: ignore[arg-type]
    np.testing.assert_allclose(*answers, atol=2e-3 * abs(answers[0]).max())


def test_what_float16_cannot_hold_is_caught() -> None:
    large = conv(RANDOM, 3, 4)
    large.weights *= 1e6
    with pytest.raises(StageFailed, match="and float16 ends at 65,504"):
        HalveWeights()(build((8, 8, 3), [large, dense(RANDOM, 256, 5)]))
