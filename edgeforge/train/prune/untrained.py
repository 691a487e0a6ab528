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

SPREAD = 0.2  # of batch norm's scales and statistics: they stay above 0


def untrained_network(job: Job, preprocessing: Preprocessing) -> nn.Module:
    """Return the network with random weights of the recipe's seed, in evaluation mode.

    No parameter has one value throughout, as batch norm's have before training: what is the same in several layers is
    stored once in a .tflite file, and trained ones never are.

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
    _scatter(network)
    return network.eval()


def _scatter(network: nn.Module) -> None:
    """Give every parameter and statistic that has one value throughout different ones around it."""
    import torch

    with torch.no_grad():
        for values in (*network.parameters(), *network.buffers()):
            if values.is_floating_point() and bool((values == values.flatten()[:1]).all()):
                values.add_(torch.rand_like(values), alpha=SPREAD)
