"""The LightningModule: trains any nn.Module that gives an output vector, with the loss of each head."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from numpy.typing import NDArray
from torch import nn
from torchmetrics import MeanSquaredError, Metric
from torchmetrics.classification import BinaryAccuracy, MulticlassAccuracy, MulticlassJaccardIndex

from edgeforge.errors import RecipeError
from edgeforge.recipe.sections.training import Train
from edgeforge.results.head import HALF, IGNORED
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.heads_loss import HeadsLoss, by_answer, of_head
from edgeforge.train.schedule import scheduled

Batch = tuple[torch.Tensor, torch.Tensor]


class Classifier(pl.LightningModule):
    """Trains `network` on batches of images (N,C,H,W float32) and targets (see `heads_loss.targets`).

    Logs train_loss, val_loss and, of the primary head, val_accuracy, val_rmse (in its unit) or val_iou each epoch.
    labels: of the training images, for class weights. Raises RecipeError at the step whose loss is not a number.
    """

    def __init__(
        self, network: nn.Module, train: Train, preprocessing: Preprocessing, labels: NDArray[Any],
        section: str = "train",
    ) -> None:  # fmt: skip
        super().__init__()
        self.network = network
        self.settings = train
        self.section = section  # of the recipe, for messages
        self.loss = HeadsLoss(preprocessing, train, labels)
        self.head = preprocessing.heads[0]
        self.metric: Metric = MeanSquaredError(squared=False)
        self.metric_name = "val_accuracy" if self.head.classes else "val_rmse"
        if self.head.kind == "reconstruction":
            self.metric_name = "val_rmse"
        elif self.head.kind == "map":
            self.metric, self.metric_name = MulticlassJaccardIndex(len(self.head.classes)), "val_iou"
        elif self.head.kind == "yes_no":
            self.metric = BinaryAccuracy(self.head.threshold or HALF)
        elif self.head.classes:
            self.metric = MulticlassAccuracy(self.head.size, average="micro")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return output vectors (N,outputs)."""
        logits: torch.Tensor = self.network(images)
        return logits

    def training_step(self, batch: Batch, _: int) -> torch.Tensor:
        """Return the loss of a batch."""
        images, labels = self._with_targets(batch)
        loss = self.training_loss(images, labels)
        if not torch.isfinite(loss):
            raise RecipeError(
                f"the loss is {loss.item()} at step {self.global_step} (epoch {self.current_epoch})",
                fix=f"lower {self.section}.lr (now {self.settings.lr}), or set trainer.gradient_clip_val",
            )
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def training_loss(self, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Return the loss of a batch."""
        loss: torch.Tensor = self.loss(self(images), labels)
        return loss

    def validation_step(self, batch: Batch, _: int) -> None:
        """Log the loss, and accuracy or error, of a batch."""
        images, labels = self._with_targets(batch)
        outputs = self(images)
        primary, truth = by_answer(outputs[:, : self.head.size], self.head), of_head(labels, 0, self.head)
        if self.head.decides:
            primary, truth = primary if self.head.probability else primary.sigmoid(), truth.long()
            if self.head.kind == "map":
                primary = (primary >= (self.head.threshold or HALF)).long()
        elif not self.head.classes:
            primary, truth = self._in_unit(primary), self._in_unit(truth)
        if self.head.kind == "map":
            there = truth != IGNORED
            primary, truth = primary[there], truth[there]
        self.metric(primary, truth)
        self.log("val_loss", self.loss(outputs, labels), on_epoch=True, sync_dist=True)
        self.log(self.metric_name, self.metric, on_epoch=True)

    def _with_targets(self, batch: Batch) -> Batch:
        """Return a batch whose targets, of a network that gives its input again, are that: H,W,C in one vector."""
        if self.head.kind != "reconstruction":
            return batch
        return batch[0], batch[0].permute(0, 2, 3, 1).flatten(1)

    def _in_unit(self, normalised: torch.Tensor) -> torch.Tensor:
        value = normalised * self.head.std + self.head.mean
        return value.exp() if self.head.log else value

    def configure_optimizers(self) -> Any:
        """Return the recipe's optimizer, with its schedule of learning rates."""
        return scheduled(self._optimizer(), self.settings, lambda: int(self.trainer.estimated_stepping_batches))

    def _optimizer(self) -> torch.optim.Optimizer:
        lr, decay = self.settings.lr, self.settings.weight_decay
        parameters: Any = self.network.parameters()
        if self.settings.optimizer == "adamw":
            return torch.optim.AdamW(parameters, lr=lr, weight_decay=decay)
        if self.settings.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=decay)
        return torch.optim.Adam(parameters, lr=lr, weight_decay=decay)
