"""What changes while a fake-quantized network is fine-tuned: batch norm and the activations' ranges come to rest."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
from torch import nn


class FreezeForQuantization(pl.Callback):
    """Freezes batch norm's statistics, then the activations' observers, after so many (also partial) epochs.

    Weight observers never stop: the range of a weight is always that of its present values, as in TFLite.
    Validation images never move a range: observers rest while they pass.
    """

    def __init__(self, batch_norm_after: float, observers_after: float) -> None:
        self.batch_norm_after, self.observers_after = batch_norm_after, observers_after

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *args: Any) -> None:
        """Bring the network into the state that this step asks for."""
        epochs = trainer.current_epoch + args[1] / max(int(trainer.num_training_batches), 1)
        if epochs >= self.batch_norm_after:
            module.apply(_freeze_bn_stats)
        observe_activations(module, epochs < self.observers_after)

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        """Stop the observers; the next training step starts them again where that is due."""
        observe_activations(module, False)


def observe_activations(network: nn.Module, on: bool) -> None:
    """Let the activations' observers follow the values they see, or not; torch.ao's and torchao's fake quantization."""
    import torch

    weights = (torch.per_channel_symmetric, torch.per_tensor_symmetric)
    module: Any
    for module in network.modules():
        if hasattr(module, "enable_observer") and module.qscheme not in weights:
            module.enable_observer(on)


def _freeze_bn_stats(module: Any) -> None:
    if hasattr(module, "freeze_bn_stats"):
        module.freeze_bn_stats()
