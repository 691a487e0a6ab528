import sys

import pytest
import torch
from places import ROOT

from edgeforge.quantize.torch.eager_fusion import fusable_groups

sys.path.insert(0, str(ROOT / "models"))
from mobilenet_v2 import MobileNetV2, divisible

SMALL = (2, 1, 2, 1, 2, 1, 1, 1)


def test_it_has_the_paper_s_size() -> None:
    network = MobileNetV2(classes=1000, channels=3, width=1.0)
    assert sum(parameter.numel() for parameter in network.parameters()) == 3_504_872  # torchvision's too
    assert [divisible(8 * 1.4), divisible(3), divisible(32 * 0.35)] == [16, 8, 16]


@pytest.mark.parametrize("activation", ["relu", "relu6"])
def test_small_images_keep_some_pixels(activation: str) -> None:
    network = MobileNetV2(strides=SMALL, activation=activation).eval()
    images = torch.zeros(2, 1, 28, 28)
    assert network.features(images).shape[2:] == (4, 4) and network(images).shape == (2, 10)


def test_eager_quantization_fuses_every_convolution() -> None:
    groups = fusable_groups(MobileNetV2(activation="relu"))
    assert sum(len(group) == 3 for group in groups) == 35 and sum(len(group) == 2 for group in groups) == 17


def test_strides_of_another_length_are_named() -> None:
    with pytest.raises(TypeError, match="strides has 2 values: give 8"):
        MobileNetV2(strides=(1, 2))
