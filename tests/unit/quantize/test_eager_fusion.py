from torch import nn

from edgeforge.quantize.eager_fusion import fusable_groups


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
