"""Modules of a network that a recipe names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.errors import RecipeError, some
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from torch import nn


def named_modules(network: nn.Module, names: tuple[str, ...], key: str) -> list[nn.Module]:
    """Return the modules of these names, such as `features.0`; key: where the recipe names them, as `prune.skip`.

    Raises RecipeError for a name that the network has not.
    """
    known = {name: module for name, module in network.named_modules() if name}
    for name in names:
        if name not in known:
            raise RecipeError(
                f"{key}: the network has no module '{name}'{nearest(name, known)}",
                fix=f"name modules as network.named_modules() does: {some(list(known))}",
            )
    return [known[name] for name in names]
