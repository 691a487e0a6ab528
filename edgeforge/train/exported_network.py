"""An exported graph that can be trained: whether its batch norms learn is an argument of its operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

if TYPE_CHECKING:
    from torch import fx

TRAINING = 5  # the argument of aten.batch_norm


class Trainable(nn.Module):
    """Runs a graph that prepare_qat_pt2e has made; batch norm follows `training` as in any other module."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__()
        self.graph = graph
        self._frozen = False
        self._norms_train = False  # as exported: in evaluation mode

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return what the graph makes of images (N,C,H,W)."""
        # Decided here and not in train(): Lightning sets `training` behind a module's back after validation.
        self._let_norms_train(self.training and not self._frozen)
        made: torch.Tensor = self.graph(images)
        return made

    def freeze_bn_stats(self) -> None:
        """Take the batch norms' statistics as they are from now on."""
        self._frozen = True

    def for_inference(self) -> Any:
        """Return the graph with its batch norms in evaluation mode."""
        self._let_norms_train(False)
        return self.graph

    def _let_norms_train(self, on: bool) -> None:
        if on == self._norms_train:
            return
        for node in self.graph.graph.nodes:
            if node.target is torch.ops.aten.batch_norm.default:
                node.update_arg(TRAINING, on)
        self.graph.recompile()
        self._norms_train = on
