"""Networks that take windows as N,C,L, N,L,C or images of height 1; and random changes of windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.recipe.sections.training import Augment
from edgeforge.train.augment.windows import WindowAugmentation, rotation
from edgeforge.train.network.forms import take_windows

SHAPE = (3, 1, 20)


class Rows(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv1d(3, 4, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).mean(2)


class Steps(nn.Module):
    def __init__(self, axes: int = 3) -> None:
        super().__init__()
        self.gru = nn.GRU(axes, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.gru(x)[0][:, -1]


class Columns(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 4, (5, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x).flatten(2).mean(2)


@pytest.mark.parametrize("network", [Rows, Steps, Columns])
def test_a_network_is_given_the_form_that_it_takes(network: type[nn.Module]) -> None:
    made = network()
    windows = torch.randn(2, *SHAPE)
    rows = windows.squeeze(2)
    expected = {Rows: lambda: made(rows), Steps: lambda: made(rows.transpose(1, 2)),
                Columns: lambda: made(windows.transpose(2, 3))}[network]()  # fmt: skip
    take_windows(made, SHAPE, None)
    assert torch.equal(made(windows), expected) and type(made).__name__ == network.__name__
    exported = torch.export.export(made.eval(), (windows[:1],)).module()
    assert torch.allclose(exported(windows[:1]), expected[:1], atol=1e-6)


def test_what_could_be_either_is_asked_for() -> None:
    with pytest.raises(RecipeError, match="go through it as N,C,L and as N,L,C"):
        take_windows(Steps(20), (20, 1, 20), None)
    network = Steps(20)
    windows = torch.randn(1, 20, 1, 20)
    expected = network(windows.squeeze(2).transpose(1, 2))
    take_windows(network, (20, 1, 20), "nlc")
    assert torch.equal(network(windows), expected)


def test_windows_change_as_a_sensor_does() -> None:
    raw = np.random.default_rng(0).standard_normal((4, 6, 1, 30)).astype(np.float32)
    turned = WindowAugmentation(Augment(rotate=40), 1, 1.0).raw(raw, [0, 1, 2, 3], 0)
    for first in (0, 3):  # the length of a vector stays, whatever the mounting
        lengths = [np.linalg.norm(one[:, first : first + 3], axis=1) for one in (raw, turned)]
        assert np.allclose(*lengths, atol=1e-5) and not np.allclose(raw, turned)
    louder = WindowAugmentation(Augment(scale=0.5), 1, 1.0).raw(raw, [0], 0)[0] / raw[0]
    assert louder.max() - louder.min() < 1e-5 and abs(louder.mean() - 1) > 1e-3
    moved = WindowAugmentation(Augment(shift=0.5), 1, 1.0).raw(raw, [7], 3)[0]
    pairs = ((moved, raw[0]), (raw[0], moved))
    assert any(np.array_equal(a[:, :, by:], b[:, :, :-by]) for a, b in pairs for by in range(1, 16))
    again = WindowAugmentation(Augment(rotate=40), 1, 1.0).raw(raw, [0, 1, 2, 3], 0)
    assert np.array_equal(turned, again)


def test_a_rotation_keeps_lengths_and_is_at_most_so_far() -> None:
    for seed in range(20):
        turn = rotation(np.random.default_rng(seed), 0.5)
        assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-6) and np.linalg.det(turn) > 0
        assert np.arccos((np.trace(turn) - 1) / 2) <= 0.5 + 1e-3
