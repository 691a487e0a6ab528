import numpy as np
import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from edgeforge.errors import RecipeError
from edgeforge.recipe.sections.training import Train
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.classifier import Classifier
from edgeforge.train.prune.magnitude import (
    MONITOR,
    MagnitudePruning,
    Schedule,
    add_masks,
    make_permanent,
    prunable_layers,
)


def test_the_schedule_is_that_of_the_paper() -> None:
    schedule = Schedule(initial=0.2, final=0.8, begin=100, end=1100)
    assert schedule.at(99) == 0.0 and schedule.at(100) == pytest.approx(0.2)
    assert schedule.at(600) == pytest.approx(0.8 + (0.2 - 0.8) * 0.5**3)
    assert schedule.at(1100) == schedule.at(5000) == 0.8
    assert schedule.interval == 10 and schedule.is_due(100) and schedule.is_due(110) and schedule.is_due(1100)
    assert not schedule.is_due(90) and not schedule.is_due(105) and not schedule.is_due(1110)


@given(
    st.floats(0.0, 0.5), st.floats(0.5, 0.99), st.integers(0, 500), st.integers(1, 1000), st.integers(0, 2000),
)  # fmt: skip
def test_sparsity_never_falls_and_stays_between_its_ends(
    initial: float, final: float, begin: int, length: int, step: int
) -> None:
    schedule = Schedule(initial, final, begin, begin + length)
    assert schedule.at(step) <= schedule.at(step + 1) + 1e-12
    assert 0.0 <= schedule.at(step) <= final + 1e-12
    assert schedule.is_due(begin + length), "the last step is always one of the schedule's"


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 16), nn.ReLU(), nn.Linear(16, 3))


WORDS = Preprocessing((1, 8, 8), 1.0, (0.0,), (1.0,), ("a", "b", "c"))


def fit(masks: MagnitudePruning, module: nn.Module, epochs: int = 3) -> pl.Trainer:
    torch.manual_seed(1)
    data = TensorDataset(torch.randn(80, 1, 8, 8), torch.randint(3, (80,)))
    trainer = pl.Trainer(max_epochs=epochs, callbacks=[masks], accelerator="cpu", logger=False,
                         enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer.fit(Classifier(module, Train(lr=0.01), WORDS, np.arange(3)), DataLoader(data, 8), DataLoader(data, 80))
    return trainer


def test_each_layer_reaches_its_sparsity_and_zeros_are_plain_zeros() -> None:
    module = network()
    kept = module[5].weight.detach().clone()
    layers = list(prunable_layers(module, {module[5]}).values())
    assert layers == [module[0], module[3]]
    add_masks(layers)
    trainer = fit(MagnitudePruning(layers, 0.0, 0.75, 0, None), module)
    assert trainer.callback_metrics[MONITOR] < float("inf")
    before = module(torch.ones(1, 1, 8, 8))
    make_permanent(layers)
    for layer in layers:
        zero = layer.weight == 0
        assert int(zero.sum()) == round(0.75 * layer.weight.numel())
        assert not torch.signbit(layer.weight[zero]).any(), "-0.0 would compress badly"
        assert not hasattr(layer, "weight_mask") and isinstance(layer.weight, nn.Parameter)
    assert torch.equal(before, module(torch.ones(1, 1, 8, 8)))
    assert (module[5].weight != 0).all() and not torch.equal(kept, module[5].weight), "trained, not pruned"


class Watch(pl.Callback):
    """Notes the monitored loss and the zeros at the end of every epoch."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer
        self.seen: list[tuple[float, int]] = []

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        zeros = int((self.layer.weight_mask == 0).sum())  # type: ignore[operator]
        self.seen.append((float(trainer.callback_metrics[MONITOR]), zeros))


def test_an_epoch_without_all_zeros_in_place_is_never_the_best() -> None:
    module = network()
    add_masks([module[3]])
    masks, watch = MagnitudePruning([module[3]], 0.5, 0.9, 5, 25), Watch(module[3])
    torch.manual_seed(1)
    data = TensorDataset(torch.randn(80, 1, 8, 8), torch.randint(3, (80,)))  # 10 steps an epoch
    trainer = pl.Trainer(max_epochs=3, callbacks=[masks, watch], accelerator="cpu", logger=False,
                         enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)  # fmt: skip
    trainer.fit(Classifier(module, Train(lr=0.01), WORDS, np.arange(3)), DataLoader(data, 8), DataLoader(data, 80))
    size = 288 * 16
    losses, zeros = zip(*watch.seen, strict=True)
    assert losses[0] == losses[1] == float("inf") and losses[2] < float("inf")
    assert zeros == (round(Schedule(0.5, 0.9, 5, 25).at(10) * size), round(Schedule(0.5, 0.9, 5, 25).at(20) * size),
                     round(0.9 * size))  # fmt: skip


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [(0, 31, "prune.end_step 31 is too late: fine-tuning has 30 steps"), (25, None, "prune.begin_step 25 is too late")],
)
def test_a_schedule_longer_than_the_run_is_refused(begin: int, end: int | None, expected: str) -> None:
    module = network()
    add_masks([module[3]])
    with pytest.raises(RecipeError) as caught:
        fit(MagnitudePruning([module[3]], 0.0, 0.9, begin, end), module)
    assert expected in caught.value.reason and "prune.epochs" in caught.value.fix
