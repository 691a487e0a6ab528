"""Lightning callbacks: progress for the build, and random numbers that a resumed run repeats."""

from __future__ import annotations

import time
from typing import Any

import pytorch_lightning as pl
import torch

from edgeforge.builder.stage import Progress


class EpochSeed(pl.Callback):
    """Seed torch by (seed, epoch): dropout after a resume is that of a run never interrupted."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Set the random state of this epoch."""
        torch.manual_seed((self.seed * 1_000_003 + trainer.current_epoch) % 2**63)


class ReportProgress(pl.Callback):
    """Tell the build how far training is, a few times a second."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.last = 0.0

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *args: Any) -> None:
        """Report the share of all epochs done."""
        now = time.monotonic()
        epochs, batches = trainer.max_epochs or 1, max(int(trainer.num_training_batches), 1)
        batch = args[2]
        if now - self.last < 0.3 and batch + 1 < batches:
            return
        self.last = now
        share = (trainer.current_epoch + (batch + 1) / batches) / epochs
        accuracy = trainer.callback_metrics.get("val_accuracy")
        seen = f", validation accuracy {100 * float(accuracy):.2f} %" if accuracy is not None else ""
        error = trainer.callback_metrics.get("val_rmse")
        seen += f", validation RMSE {float(error):.4g}" if error is not None else ""
        self.progress(share, f"epoch {trainer.current_epoch + 1}/{epochs}, batch {batch + 1}/{batches}{seen}")
