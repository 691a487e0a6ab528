"""Any image classifier of timm (pip install timm), by its name there: `timm.list_models()` lists a thousand."""

import torch
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.extras import missing
from edgeforge.suggest import nearest
from edgeforge.torchvision_import import import_torchvision


class TimmModel(nn.Module):
    """timm.create_model(name, …) with `classes` logits; further arguments are passed on.

    pretrained: downloads timm's weights, which needs the network. Raises MissingDependency without timm, RecipeError
    for a name that it does not have.
    """

    def __init__(
        self, name: str, classes: int = 10, channels: int = 3, pretrained: bool = False, **arguments: object
    ) -> None:
        super().__init__()
        import_torchvision()
        try:
            import timm
        except ImportError as error:
            raise missing(["timm"]) from error
        if not timm.is_model(name):
            raise RecipeError(
                f"model.args: timm has no model '{name}'{nearest(name, timm.list_models())}",
                fix="name one of timm.list_models()",
            )
        self.network = timm.create_model(
            name, pretrained=pretrained, num_classes=classes, in_chans=channels, **arguments
        )
        _split_norms(self.network)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return logits (N,classes) of images (N,channels,H,W)."""
        return self.network(images)


def _split_norms(network: nn.Module) -> None:
    """Replace timm's batch norm with activation inside by PyTorch's two layers, which quantization can fuse."""
    from timm.layers import BatchNormAct2d

    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BatchNormAct2d):
                norm = nn.BatchNorm2d(child.num_features, child.eps, child.momentum)
                norm.load_state_dict({key: value for key, value in child.state_dict().items() if "." not in key})
                setattr(parent, name, nn.Sequential(norm, child.drop, child.act))
