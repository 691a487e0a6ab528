"""The stage `prune`: fine-tunes the trained network while weights become zero, or after channels are removed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import deployed_preprocessing, read_preprocessing
from edgeforge.errors import RecipeError
from edgeforge.guards.removal import move
from edgeforge.recipe.sections.training import Prune, Train
from edgeforge.results.files import CHECKPOINT, PRUNING_FILE, TRAINING_FILE
from edgeforge.results.rows.pruning import PrunedLayer, PruningRow
from edgeforge.results.rows.training import EpochRow, TrainingRow
from edgeforge.torchvision_import import import_torchvision
from edgeforge.train.head.threshold import outputs_of, settle_head
from edgeforge.train.network.load import dense_network, load_weights, network_weights, new_network
from edgeforge.train.network.modules import named_modules
from edgeforge.train.stage import best_checkpoint, fit, training_row, write_results

if TYPE_CHECKING:
    import torch
    from torch import nn


def prune(job: Job) -> None:
    """Write model.ckpt (the pruned network), pruning.json, metrics.csv and training.json.

    Raises RecipeError for a module in `skip` that the network has not, or a network that cannot lose channels.
    """
    import_torchvision()
    import pytorch_lightning as pl

    pl.seed_everything(job.recipe.seed, verbose=False)
    dense = dense_network(job)
    skipped_modules(dense, _settings(job).skip)  # said before hours of fine-tuning
    done = _prune_weights(job) if _settings(job).method == "magnitude" else _prune_channels(job)
    if done is None:  # another process of the same training writes
        return
    network, checkpoint, curves = done
    preprocessing = deployed_preprocessing(job)
    curves.findings += settle_head(job, preprocessing, outputs_of(network, preprocessing))
    write_results(job.output, checkpoint, curves)
    example = _example(job)
    row = PruningRow(
        method=_settings(job).method,
        layers=layer_rows(dense, network),
        parameters_before=_parameters(dense),
        parameters_after=_parameters(network),
        macs_before=multiply_accumulates(dense, example),
        macs_after=multiply_accumulates(network, example),
        fine_tuning=curves,
    )
    (job.output / PRUNING_FILE).write_text(row.model_dump_json(indent=1))


Done = tuple["nn.Module", dict[str, Any], TrainingRow]  # network, its checkpoint, curves


def _prune_weights(job: Job) -> Done | None:
    from edgeforge.train.prune.magnitude import MONITOR, MagnitudePruning, add_masks, make_permanent, prunable_layers

    settings = _settings(job)
    network = dense_network(job).train()
    layers = list(prunable_layers(network, skipped_modules(network, settings.skip)).values())
    add_masks(layers)
    masks = MagnitudePruning(
        layers, settings.initial_sparsity, settings.final_sparsity, settings.begin_step, settings.end_step
    )
    trainer = fit(job, network, _fine_tuning(job), section="prune", monitor=MONITOR, callbacks=[masks])
    if not trainer.is_global_zero:
        return None
    best = best_checkpoint(trainer)
    if trainer.checkpoint_callback.best_model_score.isinf():  # type: ignore[union-attr]
        raise RecipeError(
            f"prune: no epoch was validated after step {masks.schedule.end}, where the final sparsity is reached",
            fix="raise prune.epochs, or lower prune.end_step",
        )
    network.load_state_dict(network_weights(best))
    make_permanent(layers)
    return network.eval(), _checkpoint(network, best["epoch"]), training_row(job, network, trainer)


def _prune_channels(job: Job) -> Done | None:
    from edgeforge.train.prune.channels import out_channels, remove_channels

    settings = _settings(job)
    network = dense_network(job)
    dense = out_channels(network)
    curves: list[TrainingRow] = []
    for turn in range(settings.rounds):
        part = _round(job, turn)
        done = part.scratch / "done"
        if not done.exists():  # it does where this round ended before a build was killed
            skipped = skipped_modules(network, settings.skip)
            remove_channels(network, _example(job), dense, settings.ratio * (turn + 1) / settings.rounds, skipped)
            trainer = fit(part, network.train(), _fine_tuning(job), section="prune")
            best = best_checkpoint(trainer)
            if trainer.is_global_zero:
                new = part.scratch / "new"
                new.mkdir(exist_ok=True)
                write_results(new, best, training_row(part, network, trainer))
                move(new, done, part.scratch)
            trainer.strategy.barrier()
            if not trainer.is_global_zero and turn + 1 == settings.rounds:
                return None
        network = new_network(job)
        load_weights(network, done / CHECKPOINT)
        curves.append(TrainingRow.model_validate_json((done / TRAINING_FILE).read_bytes()))
    joined = _joined(curves)
    return network.eval(), _checkpoint(network, joined.best_epoch), joined


def skipped_modules(network: nn.Module, names: tuple[str, ...]) -> set[nn.Module]:
    """Return the named modules and all within them. Raises RecipeError for a name that the network has not."""
    return {inner for module in named_modules(network, names, "prune.skip") for inner in module.modules()}


def layer_rows(dense: nn.Module, pruned: nn.Module) -> list[PrunedLayer]:
    """Return what became of each convolution and dense layer."""
    from edgeforge.train.prune.channels import out_channels

    before, after = out_channels(dense), out_channels(pruned)
    weights = {name: pruned.get_parameter(f"{name}.weight") for name in after}
    return [
        PrunedLayer(
            name=name,
            channels_before=before[name],
            channels_after=after[name],
            weights=weights[name].numel(),
            zeros=int((weights[name] == 0).sum()),
        )
        for name in after
    ]


def multiply_accumulates(network: nn.Module, example: torch.Tensor) -> int:
    """Return those of convolutions and dense layers for one input (1,C,H,W)."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network.eval()(example)
    return int(counter.get_total_flops()) // 2  # it counts a multiplication and an addition as two


def _settings(job: Job) -> Prune:
    assert job.recipe.prune, "the stage is left out where the recipe does not prune"
    return job.recipe.prune


def _round(job: Job, turn: int) -> Job:
    """Return the job of one round: a folder of its own, and its part of the progress."""
    scratch, rounds = job.scratch / f"round-{turn}", _settings(job).rounds
    scratch.mkdir(exist_ok=True)
    said = f"round {turn + 1}/{rounds}, " if rounds > 1 else ""
    return replace(
        job, scratch=scratch, progress=lambda share, text: job.progress((turn + share) / rounds, said + text)
    )


def _fine_tuning(job: Job) -> Train:
    """Return `train` with the epochs and learning rate of `prune`; early stopping would end before the schedule."""
    settings = _settings(job)
    changed = {"epochs": settings.epochs, "lr": settings.lr or job.recipe.train.lr, "early_stopping": None}
    return job.recipe.train.model_copy(update=changed)


def _joined(curves: list[TrainingRow]) -> TrainingRow:
    """Return the curves of all rounds as one, numbered on."""
    epochs: list[EpochRow] = []
    for row in curves:
        start = len(epochs)
        epochs += [epoch.model_copy(update={"epoch": start + epoch.epoch}) for epoch in row.epochs]
    last = curves[-1]
    best = len(epochs) - len(last.epochs) + last.best_epoch
    return last.model_copy(update={"epochs": epochs, "best_epoch": best})


def _checkpoint(network: nn.Module, epoch: int) -> dict[str, Any]:
    return {"state_dict": {f"network.{name}": value for name, value in network.state_dict().items()}, "epoch": epoch}


def _example(job: Job) -> torch.Tensor:
    import torch

    return torch.zeros(1, *read_preprocessing(job.inputs["data"]).shape)


def _parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
