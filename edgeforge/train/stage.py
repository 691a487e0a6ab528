"""The stage `train`: Lightning trains the recipe's network; the best validation epoch is kept."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing, read_preprocessing, read_split
from edgeforge.errors import EdgeForgeError, RecipeError, StageFailed
from edgeforge.foreign.wording import cause, remedy
from edgeforge.guards.removal import remove_file, remove_tree
from edgeforge.recipe.sections.training import Train
from edgeforge.results.files import CHECKPOINT, METRICS_FILE, TRAINING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.training import EpochRow, TrainingRow
from edgeforge.torchvision_import import import_torchvision
from edgeforge.train.head.ending import doubled_softmax, last_functions
from edgeforge.train.head.threshold import ended, outputs_of, settle_head
from edgeforge.train.network.finished import check_finished, require_normalised
from edgeforge.train.network.forms import require_finite
from edgeforge.train.network.load import check_output, network_weights, new_network
from edgeforge.train.network.named_weights import load_named_weights
from edgeforge.train.network.onnx_file import check_onnx
from edgeforge.train.network.weights import load_user_weights

if TYPE_CHECKING:
    import pytorch_lightning as pl
    from torch import nn

RANGE_IMAGES = 200  # of which a message says what range they give
LOGGED = ("train_loss", "val_loss", "val_accuracy", "val_rmse", "val_iou")
OF_OTHERS = ("val_rmse", "val_iou")  # that of classes are in every metrics.csv


def train(job: Job) -> None:
    """Write model.ckpt (best epoch), metrics.csv and training.json; resume where a killed run stopped.

    A finished model is only looked at: there is no checkpoint then, and training.json has no epochs.
    """
    preprocessing, settings = read_preprocessing(job.inputs["data"]), job.recipe.train
    if job.recipe.model.finished:
        _look_at(job, preprocessing)
        return
    import_torchvision()
    import pytorch_lightning as pl

    from edgeforge.train.distill import load_teacher
    from edgeforge.train.network.freeze import Freeze

    pl.seed_everything(job.recipe.seed, verbose=False)
    network = new_network(job)
    if "weights" in job.files:
        load_user_weights(network, job.files["weights"], job.recipe.model.fresh)
    begun: list[Finding] = []
    if job.recipe.model.named_weights:
        job.progress(0.0, f"weights: {job.recipe.model.named_weights}")
        begun = load_named_weights(network, job.recipe.model, preprocessing)
    check_output(network, preprocessing)
    named = dict(network.named_parameters()) | dict(network.named_buffers())
    require_finite(named, f"model: {job.files['model']}", "mend what the network sets them to when it is made")
    lasts = _lasts(job, network, preprocessing)
    preprocessing = ended(preprocessing, lasts)
    if settings.epochs == 0:
        state = {f"network.{name}": value for name, value in network.state_dict().items()}
        parameters = sum(parameter.numel() for parameter in network.parameters())
        row = untrained_row(parameters)
        row.findings += begun + settle_head(job, preprocessing, outputs_of(network, preprocessing))
        write_results(job.output, {"state_dict": state, "epoch": 0}, row)
        return
    callbacks = [Freeze(network, settings.freeze)] if settings.freeze else []
    teacher = load_teacher(job, preprocessing) if job.recipe.distill else None
    trainer = fit(job, network, settings, callbacks=callbacks, teacher=teacher, preprocessing=preprocessing)
    if trainer.is_global_zero:
        row = training_row(job, network, trainer)
        row.findings += begun
        for head, last in zip(preprocessing.heads, lasts, strict=False):
            if head.kind in ("classes", "map") and not head.decides and len(lasts) == len(preprocessing.heads):
                row.findings += doubled_softmax(last, job.files["model"])
        best = best_checkpoint(trainer)
        network.load_state_dict(network_weights(best))
        row.findings += settle_head(job, preprocessing, outputs_of(network, preprocessing))
        write_results(job.output, best, row)


def _lasts(job: Job, network: nn.Module, preprocessing: Preprocessing) -> tuple[str, ...]:
    """Return the function that makes the network's output; of one of several heads that of each."""
    import torch

    images = preprocessing.apply(read_split(job.inputs["data"], "train")[0][:1])
    return last_functions(network, torch.from_numpy(images))


def _look_at(job: Job, preprocessing: Preprocessing) -> None:
    """Write training.json, and head.json, of a finished model. Raises RecipeError unless it fits the data."""
    import numpy as np

    path, model, (raw, labels) = job.files["model"], job.recipe.model, read_split(job.inputs["data"], "val")
    told = any(head.decides or head.kind == "value" for head in preprocessing.heads)
    judged = preprocessing.apply(raw) if told else None
    if model.onnx:
        train = read_split(job.inputs["data"], "train")[0]
        images = preprocessing.apply(train[:: max(len(train) // RANGE_IMAGES, 1)][:RANGE_IMAGES])
        seen = check_onnx(path, preprocessing, model, images, judged)
    else:
        seen = check_finished(path, preprocessing, judged, model.input)
    if seen.outputs is not None:
        require_normalised(path, preprocessing, seen.outputs, labels)
    row = untrained_row(seen.parameters)
    row.findings += settle_head(job, ended(preprocessing, seen.lasts), lambda _: np.asarray(seen.outputs))
    (job.output / TRAINING_FILE).write_text(row.model_dump_json(indent=1))


def fit(
    job: Job,
    network: nn.Module,
    settings: Train,
    *,
    section: str = "train",
    monitor: str = "val_loss",
    callbacks: Sequence[pl.Callback] = (),
    teacher: nn.Module | None = None,
    preprocessing: Preprocessing | None = None,
) -> pl.Trainer:
    """Train `network` on the training images in `job.scratch`, resuming there; return the Trainer.

    section: the recipe's part that `settings` come from, for messages. monitor: what chooses the best epoch.
    preprocessing: of the network; left out: that of the one trained before.
    """
    from edgeforge.train.batches import loader
    from edgeforge.train.classifier import Classifier
    from edgeforge.train.distill import DistilledClassifier

    preprocessing = preprocessing or deployed_preprocessing(job)
    train_x, train_y = read_split(job.inputs["data"], "train")
    classifier = Classifier(network, settings, preprocessing, train_y, section)
    if teacher is not None and job.recipe.distill:
        classifier = DistilledClassifier(
            teacher, job.recipe.distill, network, settings, preprocessing, train_y, section
        )
    val_x, val_y = read_split(job.inputs["data"], "val")
    trainer = _trainer(job, settings, monitor, callbacks)
    try:
        trainer.fit(
            classifier,
            loader(train_x, train_y, preprocessing, settings.batch_size, job.recipe.seed, settings.augment),
            loader(val_x, val_y, preprocessing, 512),
            ckpt_path=_resumable(job.scratch),
            weights_only=True,
        )
    except EdgeForgeError:
        remove_tree(job.scratch, job.scratch.parent)  # a run that ended in NaN must not be resumed
        raise
    return trainer


def _trainer(job: Job, settings: Train, monitor: str, more: Sequence[pl.Callback]) -> pl.Trainer:
    import pytorch_lightning as pl
    from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
    from pytorch_lightning.loggers import CSVLogger

    from edgeforge.train.callbacks import EpochSeed, ReportProgress
    from edgeforge.train.loggers import chosen_logger

    # Without a monitor, what it keeps is the last epoch.
    chosen_by = None if settings.keep == "last" and monitor == "val_loss" else monitor
    best = ModelCheckpoint(job.scratch, "best", monitor=chosen_by, save_last=True, enable_version_counter=False)
    callbacks: list[pl.Callback] = [
        *more,
        best,
        EpochSeed(job.recipe.seed),
        ReportProgress(job.progress, job.validated),
    ]
    if settings.early_stopping:
        patience, min_delta = settings.early_stopping.patience, settings.early_stopping.min_delta
        callbacks.append(EarlyStopping("val_loss", patience=patience, min_delta=min_delta))
    options: dict[str, Any] = job.recipe.trainer.model_dump(exclude_none=True)
    # A version a resume: the report's curves are read from it.
    loggers = [CSVLogger(job.scratch, name="log", flush_logs_every_n_steps=1), *chosen_logger(job, settings)]
    try:
        return pl.Trainer(
            max_epochs=settings.epochs,
            callbacks=callbacks,
            logger=loggers,
            enable_progress_bar=False,  # ReportProgress speaks to the build's own
            enable_model_summary=False,
            deterministic=True,
            use_distributed_sampler=False,  # BatchOrder shares batches out itself
            default_root_dir=job.scratch,
            **options,
        )
    except Exception as error:
        raise RecipeError(
            f"trainer: {cause(error)}", fix=remedy(error, "see pytorch_lightning.Trainer for what it accepts")
        ) from error


def _resumable(scratch: Path) -> str | None:
    """Return the checkpoint of the last whole epoch; None when there is none that loads."""
    import torch

    last = scratch / "last.ckpt"
    if not last.exists():
        return None
    try:
        torch.load(last, map_location="cpu", weights_only=True)
    except Exception:
        remove_file(last, scratch)  # cut short by the kill: begin anew
        return None
    return str(last)


def best_checkpoint(trainer: pl.Trainer) -> dict[str, Any]:
    """Return the checkpoint of the best epoch. Raises StageFailed when no epoch was validated."""
    import torch

    best = trainer.checkpoint_callback.best_model_path  # type: ignore[union-attr]
    if not best or not Path(best).exists():
        raise StageFailed(
            "training ended before one epoch was validated",
            fix="give trainer.max_steps or trainer.max_time at least one epoch",
        )
    checkpoint: dict[str, Any] = torch.load(best, map_location="cpu", weights_only=True)
    return checkpoint


def training_row(job: Job, network: nn.Module, trainer: pl.Trainer) -> TrainingRow:
    """Return the training curves that lie in the job's scratch folder, and tell which epoch was kept."""
    from edgeforge.train.callbacks import validation_words

    rows, best = _epochs(job.scratch / "log"), best_checkpoint(trainer)["epoch"]
    kept = next((row for row in rows if row.epoch == best), None)
    seen = validation_words(kept.val_accuracy, kept.val_rmse, kept.val_iou) if kept else ""
    job.progress(1.0, f"epoch {best + 1} of {len(rows)} kept{seen and ': '}{seen}")
    return TrainingRow(
        epochs=rows,
        best_epoch=best,
        stopped_early=len(rows) < (trainer.max_epochs or 0),
        parameters=sum(parameter.numel() for parameter in network.parameters()),
    )


def untrained_row(parameters: int) -> TrainingRow:
    """Return the row of a network that was taken as it is."""
    return TrainingRow(epochs=[], best_epoch=0, stopped_early=False, parameters=parameters)


def write_results(folder: Path, checkpoint: dict[str, Any], row: TrainingRow) -> None:
    """Write model.ckpt, metrics.csv and training.json."""
    import torch

    # Weights alone: optimizer state and wall-clock paths would only make it larger and never twice the same.
    kept = {"state_dict": checkpoint["state_dict"], "epoch": checkpoint["epoch"]}
    torch.save(kept, folder / CHECKPOINT)
    _write_metrics(folder / METRICS_FILE, row.epochs)
    (folder / TRAINING_FILE).write_text(row.model_dump_json(indent=1))


def _epochs(logs: Path) -> list[EpochRow]:
    """Merge Lightning's logs, one a run and with one line a logging call, into one row an epoch."""
    epochs: dict[int, dict[str, float]] = {}
    for log in sorted(logs.glob(f"version_*/{METRICS_FILE}"), key=lambda path: int(path.parent.name.split("_")[1])):
        with log.open() as file:
            for line in csv.DictReader(file):
                row = epochs.setdefault(int(line["epoch"]), {})
                row |= {name: float(line[name]) for name in LOGGED if line.get(name)}
    return [EpochRow(epoch=epoch, **{name: row.get(name) for name in LOGGED}) for epoch, row in sorted(epochs.items())]


def _write_metrics(path: Path, rows: list[EpochRow]) -> None:
    with path.open("w", newline="") as file:
        logged = [
            name for name in LOGGED if name not in OF_OTHERS or any(getattr(row, name) is not None for row in rows)
        ]
        writer = csv.DictWriter(file, ["epoch", *logged], extrasaction="ignore")
        writer.writeheader()
        writer.writerows(row.model_dump() for row in rows)
