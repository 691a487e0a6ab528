"""The LightningModule: cross-entropy training of any nn.Module that gives logits."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import nn
from torchmetrics.classification import MulticlassAccuracy

from edgeforge.errors import RecipeError
from edgeforge.recipe import Train

Batch = tuple[torch.Tensor, torch.Tensor]


class Classifier(pl.LightningModule):
    """Trains `network` on batches of images (N,C,H,W float32) and labels (N int64).

    Logs train_loss, val_loss and val_accuracy each epoch. Raises RecipeError at the step whose loss is not
    a number.
    """

    def __init__(self, network: nn.Module, train: Train, classes: int, section: str = "train") -> None:
        super().__init__()
        self.network = network
        self.settings = train
        self.section = section  # of the recipe, for messages
        self.loss = nn.CrossEntropyLoss()
        self.val_accuracy = MulticlassAccuracy(classes, average="micro")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes)."""
        logits: torch.Tensor = self.network(images)
        return logits

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        """Return the loss of a batch."""
        images, labels = batch
        loss: torch.Tensor = self.loss(self(images), labels)
        if not torch.isfinite(loss):
            raise RecipeError(
                f"the loss is {loss.item()} at step {self.global_step} (epoch {self.current_epoch})",
                fix=f"lower {self.section}.lr (now {self.settings.lr}), or set trainer.gradient_clip_val",
            )
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Log the loss and accuracy of a batch."""
        images, labels = batch
        logits = self(images)
        self.val_accuracy(logits, labels)
        self.log("val_loss", self.loss(logits, labels), on_epoch=True, sync_dist=True)
        self.log("val_accuracy", self.val_accuracy, on_epoch=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the recipe's optimizer."""
        lr, decay = self.settings.lr, self.settings.weight_decay
        parameters: Any = self.network.parameters()
        if self.settings.optimizer == "adamw":
            return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay)
        if self.settings.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=decay)
        return torch.optim.Adam(parameters, lr=lr, weight_decay=decay)
