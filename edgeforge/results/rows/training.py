"""The report's rows on a training."""

from __future__ import annotations

from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.row import Row


class EpochRow(Row):
    """One line of the training log."""

    epoch: int
    train_loss: float | None
    val_loss: float | None
    val_accuracy: float | None
    val_rmse: float | None = None  # in the unit of a primary head that is a value
    val_iou: float | None = None  # mean over the classes of a primary head that is a map


class TrainingRow(Row):
    """Training curves, and which epoch was kept."""

    epochs: list[EpochRow]
    best_epoch: int
    stopped_early: bool
    parameters: int
    findings: list[Finding] = []
