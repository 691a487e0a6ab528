"""Gives a network the weights of the user's file: a state dict, bare or inside a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, some
from edgeforge.foreign.wording import cause_in, known_remedy
from edgeforge.inputs.archive import require_archive
from edgeforge.suggest import nearest
from edgeforge.train.network.forms import require_finite

if TYPE_CHECKING:
    import torch
    from torch import nn

NONE = "it is no checkpoint, or a damaged one"
SAVED = "save a state dict: torch.save(network.state_dict(), path)"
INSIDE = ("state_dict", "model_state_dict", "model", "net", "weights")  # where checkpoints keep their state dict
PREFIXES = ("network.", "model.", "module.", "net.", "_orig_mod.")  # what wrappers put before every name


def load_user_weights(network: nn.Module, path: Path, fresh: tuple[str, ...] = (), key: str = "model.weights") -> None:
    """Load a state dict file into a network; modules that match `fresh` keep their own weights.

    key: where the recipe names the file. Raises RecipeError naming what is missing, unexpected or of another shape.
    """
    where = f"{key}: {path}"
    take_weights(network, read_state_dict(path, where), where, fresh)


def take_weights(
    network: nn.Module,
    given: dict[str, torch.Tensor],
    where: str,
    fresh: tuple[str, ...] = (),
    classes: int | None = None,
) -> list[str]:
    """Give a network these tensors; return those of a head of `classes` outputs that the network's own does not take.

    where: the words for them. Raises RecipeError naming what is missing, unexpected or of another shape.
    """
    own = network.state_dict()
    given = _as_named_in(own, _without_prefix(given, own))
    chosen = parameters_below(network, fresh, "model.fresh")
    head = [
        name for name in own if name in given and name not in chosen and _other_head(own[name], given[name], classes)
    ]
    chosen |= set(head)
    missing = [name for name in own if name not in given and name not in chosen and not _counter(name)]
    unexpected = [name for name in given if name not in own and name not in chosen and not _below(name, fresh)]
    reshaped = [name for name in own if name in given and name not in chosen and own[name].shape != given[name].shape]
    lines = [f"{some(names)} {what}" for names, what in ((missing, "missing"), (unexpected, "not in the network"))
             if names]  # fmt: skip
    if reshaped:
        shapes = [f"{name} is {tuple(given[name].shape)}, the network's {tuple(own[name].shape)}" for name in reshaped]
        lines.append(some(shapes))
    if lines:
        layers = ", ".join(dict.fromkeys(name.rpartition(".")[0] for name in missing + reshaped))
        anew = f", or let layers start anew: model.fresh: [{layers}]" if layers else ""
        raise RecipeError(
            f"{where} does not fit {type(network).__name__}: {'; '.join(lines)}", fix=f"check the network{anew}"
        )
    used = {name: value for name, value in given.items() if name in own and name not in chosen}
    require_finite(used, where, "take weights of an earlier epoch, or let those layers start anew: model.fresh")
    network.load_state_dict(own | used)
    return head


def read_state_dict(path: Path, where: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a .safetensors file or of a checkpoint; no code in it is run. Raises RecipeError."""
    import torch

    require_archive(path, f"{where} cannot be read as weights", SAVED, archived=False)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        found: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise RecipeError(
            f"{where} cannot be read as weights: {cause_in(error, NONE)}",
            fix=known_remedy(error, SAVED),
        ) from error
    if not isinstance(found, dict):
        raise RecipeError(f"{where} holds a {type(found).__name__}, no state dict", fix="save network.state_dict()")
    inside = next((found[name] for name in INSIDE if isinstance(found.get(name), dict)), found)
    tensors = {str(name): value for name, value in inside.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise RecipeError(f"{where} holds no tensors", fix="save network.state_dict()")
    return tensors


def parameters_below(network: nn.Module, patterns: Iterable[str], key: str) -> set[str]:
    """Return the names in the state dict that lie in modules named by patterns: `features`, `features.*`, `*.bn1`.

    Raises RecipeError for a pattern that matches none.
    """
    names, found = list(network.state_dict()), set()
    modules = {name for name, _ in network.named_modules() if name}
    for pattern in patterns:
        matching = {name for name in names if _below(name, (pattern,))}
        if not matching:
            raise RecipeError(f"{key}: no layer '{pattern}'{nearest(pattern, modules)}",
                              fix=f"name some of: {some(sorted(modules))}")  # fmt: skip
        found |= matching
    return found


def _below(name: str, patterns: Iterable[str]) -> bool:
    """Say whether a dotted name, or the name of a module around it, matches a pattern."""
    parts = name.split(".")
    around = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(fnmatchcase(part, pattern) for pattern in patterns for part in around)


def _counter(name: str) -> bool:
    """Batch norm's count of batches: old checkpoints lack it, and nothing here reads it."""
    return name.endswith("num_batches_tracked")


def _other_head(own: torch.Tensor, given: torch.Tensor, classes: int | None) -> bool:
    """Say whether a tensor differs in its number of outputs alone, and has `classes` of them where it comes from."""
    differs = own.shape != given.shape and own.dim() > 0 and own.shape[1:] == given.shape[1:]
    return differs and given.shape[0] == classes


def _as_named_in(own: dict[str, Any], given: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name tensors as the network does: inside of a module of its own, a batch norm split from its activation."""
    if not any(name in own for name in given):
        inside = dict.fromkeys(f"{name.split('.')[0]}." for name in own)
        prefix = next((p for p in inside if any(p + name in own for name in given)), "")
        given = {prefix + name: value for name, value in given.items()}
    renamed = {}
    for name, value in given.items():
        layer, _, leaf = name.rpartition(".")
        split = f"{layer}.0.{leaf}"  # of models/timm_model.py
        renamed[split if name not in own and split in own else name] = value
    return renamed


def _without_prefix(given: dict[str, torch.Tensor], own: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Strip what a wrapper put before every name, where that makes the names the network's."""
    while not any(name in own for name in given):
        prefix = next((p for p in PREFIXES if any(name.startswith(p) for name in given)), None)
        if prefix is None:
            break
        given = {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}
    return given
