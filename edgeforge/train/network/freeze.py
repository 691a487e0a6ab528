"""Transfer learning: layers that keep their weights while the others are trained."""

from __future__ import annotations

import pytorch_lightning as pl
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.train.network.weights import parameters_below


class Freeze(pl.Callback):
    """Keeps the modules that match some patterns from being trained.

    Batch norm and dropout in them stay in evaluation mode: their statistics are the pretrained ones. Raises
    RecipeError for a pattern that matches no layer, or when nothing is left to train.
    """

    def __init__(self, network: nn.Module, patterns: tuple[str, ...]) -> None:
        frozen = parameters_below(network, patterns, "train.freeze")
        for name, parameter in network.named_parameters():
            parameter.requires_grad = parameter.requires_grad and name not in frozen
        if not any(parameter.requires_grad for parameter in network.parameters()):
            raise RecipeError("train.freeze leaves nothing to train", fix="freeze fewer layers, or set train.epochs: 0")
        self.modules = [
            module
            for prefix, module in network.named_modules()
            if (own := [f"{prefix}.{name}".lstrip(".") for name in module.state_dict()]) and frozen.issuperset(own)
        ]

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lightning has just put every module into training mode."""
        for module in self.modules:
            module.eval()
