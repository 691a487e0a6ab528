"""The recipe's network before any training, in the shape that it will have after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.builder.stage import Job
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.torchvision_import import import_torchvision
from edgeforge.train.network.load import check_output, new_network
from edgeforge.train.network.modules import named_modules

if TYPE_CHECKING:
    from torch import nn


def untrained_network(job: Job, preprocessing: Preprocessing) -> nn.Module:
    """Return the network with the random weights of the recipe's seed, in evaluation mode.

    Where the recipe prunes channels they are gone: how many of each layer go follows from `prune.ratio`, and only
    which of them from the trained weights. Raises RecipeError for a network that does not take the images.
    """
    import_torchvision()
    import torch

    torch.manual_seed(job.recipe.seed)
    network = new_network(job)
    check_output(network, preprocessing)
    settings = job.recipe.prune
    if settings and settings.method == "channels":
        from edgeforge.train.prune.channels import out_channels, remove_channels

        example = torch.zeros(1, *preprocessing.shape)
        dense = out_channels(network)
        for turn in range(settings.rounds):
            skipped = {inner for one in named_modules(network, settings.skip, "prune.skip") for inner in one.modules()}
            remove_channels(network, example, dense, settings.ratio * (turn + 1) / settings.rounds, skipped)
    return network.eval()
