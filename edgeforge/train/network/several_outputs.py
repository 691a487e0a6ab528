"""Networks whose forward returns a tuple or a dict: each output is a head, and all become one vector."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, source_of
from edgeforge.results.head import Head
from edgeforge.suggest import nearest

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import nn

JOINED = "several_outputs_joined"


def give_in_a_row(network: nn.Module, shape: tuple[int, int, int], heads: tuple[Head, ...]) -> None:
    """Let a network that returns a tuple or a dict of outputs give one vector (N,outputs): head after head.

    A dict's outputs are the heads of its keys; a tuple's are the heads in their order. One that returns a tensor stays
    as it is. The network's class is replaced by one of its own, of the same name. shape: C,H,W of the input.
    Raises RecipeError where outputs and heads are not the same, or an output is not of its head's size.
    """
    import torch

    was_training, written = network.training, type(network)
    try:
        with torch.no_grad():
            found = network.eval()(torch.zeros(1, *shape))
    except Exception:  # told where the network is looked at
        return
    finally:
        network.train(was_training)
    if not isinstance(found, Mapping | list | tuple):
        return
    file = source_of(network)
    ranks = _ranks(found, heads, file)

    def forward(self: nn.Module, images: torch.Tensor) -> torch.Tensor:
        rows = _rows(written.forward(self, images), ranks, heads, file)
        together = self._modules.get(JOINED)
        return torch.cat(rows, 1) if together is None else together.cat(rows, 1)  # type: ignore[operator]

    own = {"forward": forward, "several_outputs": True, "__module__": written.__module__, "__doc__": written.__doc__}
    network.__class__ = type(written.__name__, (written,), own)


def in_a_row(network: nn.Module, shape: tuple[int, int, int], heads: tuple[Head, ...], file: Path) -> nn.Module:
    """Return a finished network that gives one vector (N,outputs), as `give_in_a_row`; see there. It is one around the
    network, or the network itself where that gives a tensor, or heads is one.
    """
    import torch
    from torch import nn

    if len(heads) < 2:
        return network
    try:
        with torch.no_grad():
            found = network(torch.zeros(1, *shape))
    except Exception:  # told where the network is looked at
        return network
    if not isinstance(found, Mapping | list | tuple):
        return network
    ranks = _ranks(found, heads, file)

    class InARow(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            return torch.cat(_rows(self.network(images), ranks, heads, file), 1)

    return InARow()


def _ranks(found: Any, heads: tuple[Head, ...], file: object) -> list[int]:
    """Return how many dimensions each head's output has. Raises RecipeError for one that is not of its head's size."""
    outputs = _in_order(found, heads, file)
    for head, one in zip(heads, outputs, strict=True):
        require_size(tuple(getattr(one, "shape", ())), type(one).__name__, head, file)
    return [len(one.shape) for one in outputs]


def require_size(size: tuple[int, ...], kind: str, head: Head, file: object) -> None:
    """Raise RecipeError unless an output for one input, of a shape and type, is of its head's size."""
    if size[:1] != (1,) or prod(size) != head.size:
        raise RecipeError(
            f"model: {file}: its output '{head.name}' for one input is {size or kind}, the data's head takes "
            f"(1, {head.size}): {head.described}",
            fix=f"make the last layer of '{head.name}' give {head.size}",
        )


def _rows(output: Any, ranks: list[int], heads: tuple[Head, ...], file: object) -> list[torch.Tensor]:
    """Return each head's outputs as (N,size)."""
    return [
        one.flatten(1) if rank > 2 else one.unsqueeze(1) if rank == 1 else one
        for one, rank in zip(_in_order(output, heads, file), ranks, strict=True)
    ]


def join_by_module(network: nn.Module) -> None:
    """Let a network of several outputs join them by a module: PyTorch's eager int8 observes no function's range, and
    takes the first output's for all.
    """
    from torch.ao.nn.quantized import FloatFunctional

    if getattr(network, "several_outputs", False):
        network.add_module(JOINED, FloatFunctional())


def _in_order(output: Any, heads: Sequence[Head], file: object) -> list[Any]:
    """Return the outputs, one a head. Raises RecipeError for others than there are heads."""
    names = [head.name for head in heads]
    if isinstance(output, Mapping):
        keys = [str(key) for key in output]
        unknown, missing = [key for key in keys if key not in names], [name for name in names if name not in keys]
        if unknown or missing:
            found = f"'{unknown[0]}'{nearest(unknown[0], names)}" if unknown else f"no '{missing[0]}'"
            raise RecipeError(
                f"model: {file}: forward returns a dict with {found}; the data's heads are {', '.join(names)}",
                fix="call the outputs and the heads of data.heads alike, in training and in evaluation",
            )
        return [output[name] for name in names]
    count = len(output) if isinstance(output, list | tuple) else 1
    if count != len(heads):
        raise RecipeError(
            f"model: {file}: forward returns {count} output{'s' * (count != 1)}, the data has {len(heads)} heads: "
            f"{', '.join(names)}",
            fix="return an output a head, in their order, in training and in evaluation, or name those of data.heads "
            "that it has",
        )
    return list(output) if isinstance(output, list | tuple) else [output]
