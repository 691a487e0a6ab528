from pathlib import Path

import torch
from torch import nn

from edgeforge.quantize.torch.eager_fusion import fusable_groups
from edgeforge.quantize.torch.int8 import Baselines
from edgeforge.quantize.torch.relu6 import replace_in_sequentials
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.variant import Variant


def test_groups_are_the_longest_runs_in_sequentials() -> None:
    network = nn.ModuleDict(
        {
            "a": nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Conv2d(2, 2, 3), nn.ReLU()),
            "b": nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2)),
        }
    )
    assert fusable_groups(network) == [["a.0", "a.1", "a.2"], ["a.3", "a.4"], ["b.1", "b.2"]]


def test_other_modules_are_not_known_to_follow_each_other() -> None:
    assert fusable_groups(nn.ModuleDict({"conv": nn.Conv2d(1, 2, 3), "relu": nn.ReLU()})) == []


def test_relu6_behind_a_layer_becomes_a_relu_that_must_saturate() -> None:
    network = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU6(), nn.MaxPool2d(2), nn.ReLU6())
    assert replace_in_sequentials(network) == ["0"]
    assert [type(child) for child in network] == [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, nn.MaxPool2d, nn.ReLU6]


def test_eager_int8_of_a_net_with_relu6_follows_the_float_net() -> None:
    torch.manual_seed(0)
    torch.backends.quantized.engine = "qnnpack"
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8), nn.ReLU6())
    images = torch.randn(16, 1, 12, 12)
    with torch.no_grad():
        net[0].weight *= 10  # so that values pass 6
    preprocessing = Preprocessing((1, 12, 12), 1.0, (0.0,), (1.0,), ("a",))
    made: list[nn.Module] = []

    class Kept(Baselines):
        def _save(self, suffix: str, network: nn.Module, variant: Variant) -> Variant:
            made.append(network)
            return variant

    Kept(net.eval(), images, preprocessing, Path(), Path("net.py"), "minmax", False).static_eager("qnnpack")
    with torch.no_grad():
        expected, found = net(images), made[0](images)
    assert expected.max() > 0.5 and (found - expected).abs().max() < 0.05 * expected.max()
