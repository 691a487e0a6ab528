"""Lightning callbacks: progress for the build, and random numbers that a resumed run repeats."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
import torch

from edgeforge.builder.stage import Progress, Validated


class EpochSeed(pl.Callback):
    """Seed torch by (seed, epoch): dropout after a resume is that of a run never interrupted."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the random state of this epoch."""
        torch.manual_seed((self.seed * 1_000_003 + trainer.current_epoch) % 2**63)


class ReportProgress(pl.Callback):
    """Tell the build how far training is, a few times a second, with the figures of the last validated epoch."""

    def __init__(self, progress: Progress, told: Validated = lambda epoch, figures: None) -> None:
        self.progress, self.told = progress, told
        self.last = 0.0
        self.validated = ""  # the last validated epoch, which is an earlier one, and what was seen

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *args: Any) -> None:
        """Report the share of all epochs done."""
        now = time.monotonic()
        epochs, batches = trainer.max_epochs or 1, max(int(trainer.num_training_batches), 1)
        batch = args[2]
        if now - self.last < 0.3 and batch + 1 < batches:
            return
        self.last = now
        share = (trainer.current_epoch + (batch + 1) / batches) / epochs
        self.progress(share, f"epoch {trainer.current_epoch + 1}/{epochs}{self.validated}")

    def on_validation_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Report what this epoch has come to."""
        if trainer.sanity_checking:
            return
        epoch, epochs = trainer.current_epoch + 1, trainer.max_epochs or 1
        found = {name: trainer.callback_metrics.get(name) for name in ("val_accuracy", "val_rmse", "val_iou")}
        seen = validation_words(*(None if value is None else float(value) for value in found.values()))
        self.validated = f" ({epoch}: {seen})" if seen else ""
        self.progress(epoch / epochs, f"epoch {epoch}/{epochs}: {seen or 'validated'}")
        self.told(epoch, {name: float(value) for name, value in found.items() if value is not None})


def validation_words(accuracy: float | None, rmse: float | None, iou: float | None = None) -> str:
    """Return what was seen of the validation images: a share in [0, 1], an error in the value's unit, or mean IoU."""
    if iou is not None:
        return f"val. IoU {100 * iou:.2f} %"
    if accuracy is not None:
        return f"val. acc. {100 * accuracy:.2f} %"
    return f"val. RMSE {rmse:.4g}" if rmse is not None else ""
