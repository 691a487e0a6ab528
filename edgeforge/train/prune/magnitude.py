"""Magnitude pruning while fine-tuning: the smallest weights of each layer become zero, along a cubic schedule.

M. Zhu and S. Gupta, "To prune, or not to prune: exploring the efficacy of pruning for model compression",
arXiv:1710.01878, 2017.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torch.nn.utils import prune

from edgeforge.errors import RecipeError

# What chooses the best epoch: the validation loss, of epochs that ended with all zeros in place.
MONITOR = "val_loss_at_final_sparsity"
UPDATES = 100  # times the masks grow between the first and the last step of the schedule
DEFAULT_END = 0.75  # of all steps: the rest is for recovering


@dataclass(frozen=True)
class Schedule:
    """Sparsity by optimizer step (equation 1): s_f + (s_i - s_f) * (1 - (t - t_0) / (n Δt))**3."""

    initial: float
    final: float
    begin: int
    end: int

    def at(self, step: int) -> float:
        """Return the share of zeros that a layer should have after `step` optimizer steps; 0 before `begin`."""
        if step < self.begin:
            return 0.0
        left = 1.0 - min((step - self.begin) / (self.end - self.begin), 1.0)
        return self.final + (self.initial - self.final) * left**3

    @property
    def interval(self) -> int:
        """Steps between two updates of the masks (the paper's Δt)."""
        return max((self.end - self.begin) // UPDATES, 1)

    def is_due(self, step: int) -> bool:
        """Say whether the masks grow at this step."""
        return step == self.end or (self.begin <= step < self.end and (step - self.begin) % self.interval == 0)


class MagnitudePruning(pl.Callback):
    """Grows the masks of `layers` while a Trainer fits them; masks stand in the checkpoints, so a run can resume.

    end: the schedule's last step; None: three quarters of the run.
    """

    def __init__(self, layers: list[nn.Module], initial: float, final: float, begin: int, end: int | None) -> None:
        self.layers = layers
        self.schedule = Schedule(initial, final, begin, end or 0)
        self.end_chosen = end is not None

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Fix the schedule's end. Raises RecipeError when the run is too short for it."""
        steps = int(trainer.estimated_stepping_batches)
        if not self.end_chosen:
            self.schedule = replace(self.schedule, end=max(round(DEFAULT_END * steps), 1))
        key, step = ("end_step", self.schedule.end) if self.end_chosen else ("begin_step", self.schedule.begin)
        if self.schedule.end > steps or self.schedule.begin >= self.schedule.end:
            raise RecipeError(
                f"prune.{key} {step} is too late: fine-tuning has {steps} steps"
                + ("" if self.end_chosen else f" and pruning ends at step {self.schedule.end}"),
                fix=f"lower prune.{key}, or raise prune.epochs",
            )
        self._grow(trainer.global_step)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *args: Any) -> None:
        """Grow the masks when that is due."""
        self._grow(trainer.global_step)

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log the loss that chooses the best epoch: infinite while weights are still being removed."""
        loss = trainer.callback_metrics["val_loss"]
        done = trainer.global_step >= self.schedule.end
        pl_module.log(MONITOR, loss if done else torch.full_like(loss, torch.inf), logger=False)

    def _grow(self, step: int) -> None:
        if not self.schedule.is_due(step):
            return
        for layer in self.layers:
            mask: torch.Tensor = layer.weight_mask  # type: ignore[assignment]
            more = round(self.schedule.at(step) * mask.numel()) - int((mask == 0).sum())
            if more > 0:  # counted among the weights not yet masked
                prune.l1_unstructured(layer, "weight", amount=more)


def prunable_layers(network: nn.Module, skipped: set[nn.Module]) -> dict[str, nn.Module]:
    """Return convolutions and dense layers by name, without the skipped ones."""
    from torch.nn.modules.conv import _ConvNd

    return {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, _ConvNd | nn.Linear) and module not in skipped
    }


def add_masks(layers: list[nn.Module]) -> None:
    """Give each layer a mask of ones: a checkpoint's masks need a place to load into."""
    for layer in layers:
        prune.identity(layer, "weight")


def make_permanent(layers: list[nn.Module]) -> None:
    """Remove the masks; what they hid is zero for good."""
    for layer in layers:
        prune.remove(layer, "weight")
        with torch.no_grad():
            layer.weight.add_(0.0)  # type: ignore[operator]  # a masked negative weight is -0.0, which compresses badly
