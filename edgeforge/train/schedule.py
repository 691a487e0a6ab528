"""The learning rate step by step: constant, or falling to zero along a cosine, or rising first (one cycle)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from edgeforge.recipe.sections.training import Train


def scheduled(optimizer: torch.optim.Optimizer, train: Train, steps: Callable[[], int]) -> Any:
    """Return what Lightning's `configure_optimizers` returns.

    steps: of the whole training. cosine: I. Loshchilov and F. Hutter, arXiv:1608.03983, without restarts, to 0.
    onecycle: L. Smith and N. Topin, arXiv:1708.07120: up to `lr` over the first 30 %, then down.
    """
    if train.schedule == "constant":
        return optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    if train.schedule == "cosine":
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(steps(), 1))
    else:
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=train.lr, total_steps=max(steps(), 2))
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
