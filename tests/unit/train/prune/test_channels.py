"""Channel pruning of a small MobileNetV2-like net: depthwise convolutions, batch norm, residual adds."""

import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.train.network.resize import resize
from edgeforge.train.prune.channels import out_channels, remove_channels
from edgeforge.train.prune.stage import layer_rows, multiply_accumulates

IMAGE = torch.zeros(1, 1, 8, 8)


class Block(nn.Module):
    """An inverted residual: expand, depthwise, project."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        hidden = 4 * inputs
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden, bias=False), nn.BatchNorm2d(hidden), nn.ReLU6(),
            nn.Conv2d(hidden, outputs, 1, bias=False), nn.BatchNorm2d(outputs),
        )  # fmt: skip

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.body(x) if self.residual else self.body(x)


class MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.PReLU(8))
        self.blocks = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 16, 1))
        self.head = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.blocks(self.stem(x)).mean((2, 3)))


def trained(kind: type[nn.Module] = MobileNet) -> nn.Module:
    """A net whose batch norms are not all alike."""
    torch.manual_seed(0)
    network = kind()
    network.train()
    for _ in range(3):
        network(torch.randn(16, 1, 8, 8))
    return network.eval()


def test_every_layer_but_the_last_loses_half_and_the_net_still_runs() -> None:
    network, before = trained(), out_channels(trained())
    macs, size = multiply_accumulates(network, IMAGE), sum(p.numel() for p in network.parameters())
    remove_channels(network, IMAGE, before, 0.5, set())
    after = out_channels(network)
    assert after.pop("head.2") == before.pop("head.2") == 10, "the logits stay"
    assert after == {name: channels // 2 for name, channels in before.items()}
    for block in network.blocks:  # type: ignore[union-attr]
        depthwise = block.body[3]
        assert depthwise.groups == depthwise.in_channels == depthwise.out_channels == depthwise.weight.shape[0]
    assert network(torch.randn(3, 1, 8, 8)).shape == (3, 10)
    assert multiply_accumulates(network, IMAGE) < 0.35 * macs
    assert sum(p.numel() for p in network.parameters()) < 0.35 * size
    rows = {row.name: row for row in layer_rows(trained(), network)}
    assert (rows["stem.0"].channels_before, rows["stem.0"].channels_after, rows["stem.0"].zeros) == (8, 4, 0)


def test_a_pruned_net_loads_again_into_the_users_class() -> None:
    network = trained()
    remove_channels(network, IMAGE, out_channels(network), 0.5, set())
    weights = network.state_dict()
    again = MobileNet().eval()
    resize(again, weights)
    again.load_state_dict(weights)
    images = torch.randn(4, 1, 8, 8)
    assert torch.equal(again(images), network(images))
    for ours, theirs in zip(again.modules(), network.modules(), strict=True):
        for name in ("in_channels", "out_channels", "groups", "in_features", "out_features", "num_features"):
            assert getattr(ours, name, None) == getattr(theirs, name, None), (ours, name)
    other = {name: value for name, value in weights.items() if name != "stem.0.bias"}
    with pytest.raises(RuntimeError, match=r"stem\.0\.bias"):
        again.load_state_dict(other)


def test_rounds_end_at_the_same_channels_as_one_step() -> None:
    network, dense = trained(), out_channels(trained())
    for turn in range(3):
        remove_channels(network, IMAGE, dense, 0.6 * (turn + 1) / 3, set())
    once = trained()
    remove_channels(once, IMAGE, dense, 0.6, set())
    assert out_channels(network) == out_channels(once)
    assert out_channels(once)["blocks.2.body.0"] == 64 - int(0.6 * 64)


def test_a_skipped_layer_keeps_its_channels_and_those_tied_to_it() -> None:
    network, before = trained(), out_channels(trained())
    remove_channels(network, IMAGE, before, 0.5, {network.blocks[2].body[6]})  # type: ignore[index, union-attr]
    after = out_channels(network)
    kept = {name for name in before if after[name] == before[name]}
    assert kept == {"blocks.1.body.6", "blocks.2.body.6", "head.2"}, "a residual add ties the two"


class GroupedNet(nn.Module):
    """A grouped convolution that is not depthwise, and a transposed one."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding=1)
        self.grouped = nn.Conv2d(8, 16, 3, padding=1, groups=2)
        self.norm = nn.GroupNorm(2, 16)
        self.up = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.last = nn.Linear(8 * 16 * 16, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.up(self.norm(self.grouped(self.first(x)))).flatten(1))


def test_grouped_and_transposed_convolutions_load_again() -> None:
    network = trained(GroupedNet)
    remove_channels(network, IMAGE, out_channels(network), 0.5, set())
    weights, again = network.state_dict(), GroupedNet().eval()
    resize(again, weights)
    again.load_state_dict(weights)
    assert again.grouped.groups == 2 and again.up.out_channels == 4 and again.norm.num_channels == 8
    images = torch.randn(2, 1, 8, 8)
    assert torch.equal(again(images), network(images))


class FixedNet(nn.Sequential):
    """Its forward knows its own width."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 8, 3), nn.Linear(288, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self[1](self[0](x).reshape(-1, 288))


def test_a_net_with_its_width_written_into_forward_is_one_clear_error() -> None:
    network = trained(FixedNet)
    with pytest.raises(RecipeError) as caught:
        remove_channels(network, IMAGE, out_channels(network), 0.5, set())
    assert "prune: " in caught.value.reason and "flatten(1)" in caught.value.fix, caught.value
