"""What a network takes and gives, seen before anything is trained: one input, one output vector, finite weights."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.errors import RecipeError, some

if TYPE_CHECKING:
    import torch
    from torch import nn

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def require_one_input(network: nn.Module, file: Path) -> None:
    """Raise RecipeError when forward cannot do with the images alone."""
    needed = [one.name for one in _arguments(network) if one.default is inspect.Parameter.empty]
    if len(needed) > 1:
        raise RecipeError(
            f"model: {file}: forward of {type(network).__name__} takes {len(needed)} inputs ({', '.join(needed)}); a "
            "network of a recipe is given one, the data's",
            fix=f"write a network around it whose forward(self, {needed[0]}) gives it {' and '.join(needed[1:])}, "
            "or make it do without",
        )


def take_images_alone(network: nn.Module) -> None:
    """Leave out what forward may be given beside the images, such as labels=None: tracers would take that for an input.

    The network's class is replaced by one of its own, of the same name, whose forward has one argument.
    """
    beside = _arguments(network)[1:]
    if not beside or any(one.default is inspect.Parameter.empty for one in beside):
        return
    written = type(network)

    def forward(self: nn.Module, images: torch.Tensor) -> Any:
        return written.forward(self, images)

    own = {"forward": forward, "__module__": written.__module__, "__doc__": written.__doc__}
    network.__class__ = type(written.__name__, (written,), own)


# In the order in which they are tried; "nc" is of one sample alone.
FORMS = {"ncl": "N,C,L", "nc1l": "N,C,1,L", "nc": "N,C", "nlc": "N,L,C", "ncl1": "N,C,L,1"}


def taken_as(windows: torch.Tensor, form: str) -> torch.Tensor:
    """Return windows (N,C,1,L) in the form that a network takes."""
    if form == "ncl":
        return windows.squeeze(2)
    if form == "nc":
        return windows.flatten(1)
    if form == "nlc":
        return windows.squeeze(2).transpose(1, 2)
    return windows if form == "nc1l" else windows.transpose(2, 3)


def _form(network: nn.Module, shape: tuple[int, int, int], wanted: str | None, *, learned: bool = False) -> str:
    """Return the form of FORMS in which a network takes windows: `wanted`, or the first that goes through it.

    learned: its weights are those of one form. Raises RecipeError where two would go through and mean something else.
    """
    channels, _, length = shape
    forms = [form for form in FORMS if form != "nc" or length == 1]
    fitting = [form for form in forms if _goes_through(network, shape, form)] if wanted is None else [wanted]
    if (channels == length or learned) and min(channels, length) > 1 and {"ncl", "nlc"} <= set(fitting):
        raise RecipeError(
            f"model: windows of {channels} axes x {length} samples go through it as N,C,L and as N,L,C",
            fix="say which it takes: model.input: ncl or model.input: nlc",
        )
    return fitting[0] if fitting else "ncl"


def windows_taken(network: nn.Module, shape: tuple[int, int, int], wanted: str | None) -> nn.Module:
    """Return a finished network that takes windows N,C,1,L of `shape`; see take_windows. It is one around the network,
    or the network itself where that takes them so.
    """
    from torch import nn

    form = _form(network, shape, wanted, learned=True)
    if form == "nc1l":
        return network

    class OfWindows(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, windows: torch.Tensor) -> Any:
            return self.network(taken_as(windows, form))

    return OfWindows()


def take_windows(network: nn.Module, shape: tuple[int, int, int], wanted: str | None) -> None:
    """Let a network take windows N,C,1,L of `shape`, whichever form of FORMS its forward is written for.

    wanted: the form, where the recipe says it. The network's class is replaced by one of its own, of the same name.
    Raises RecipeError where two forms would go through and mean something else.
    """
    form = _form(network, shape, wanted)
    if form == "nc1l":
        return
    written = type(network)

    def forward(self: nn.Module, windows: torch.Tensor) -> Any:
        return written.forward(self, taken_as(windows, form))

    own = {"forward": forward, "__module__": written.__module__, "__doc__": written.__doc__}
    network.__class__ = type(written.__name__, (written,), own)


def give_maps(network: nn.Module) -> None:
    """Let a network that returns maps (N,K,H,W) give one vector (N,H*W*K): pixel by pixel, row by row.

    That order is TFLite's own, so nothing is moved on a board. The network's class is replaced by one of its own, of
    the same name; what it returned itself is `returned`.
    """
    written = type(network)

    def forward(self: nn.Module, images: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = written.forward(self, images)
        return maps.permute(0, 2, 3, 1).flatten(1)

    own = {"forward": forward, "returned": written.forward, "__module__": written.__module__}
    network.__class__ = type(written.__name__, (written,), {**own, "__doc__": written.__doc__})


def give_again(network: nn.Module, shape: tuple[int, int, int]) -> None:
    """Let a network that returns its input again give one vector (N,H*W*C), in the order of TFLite's tensors.

    It may return N,C,H,W, of windows N,C,L or N,L,C too; a vector is taken as it is, which dense layers learn in any
    order. One that returns something else stays as it is. shape: C,H,W of the input.
    """
    import torch

    channels, height, width = shape
    was_training, written = network.training, type(network)
    try:
        with torch.no_grad():
            found = tuple(getattr(network.eval()(torch.zeros(1, *shape)), "shape", ()))[1:]
    except Exception:  # told where the network is looked at
        return
    finally:
        network.train(was_training)
    last = {(channels, height, width): (0, 2, 3, 1), (channels, width, 1): (0, 2, 3, 1), (channels, width): (0, 2, 1)}
    order = last.get(found) if height == 1 or len(found) == 3 else None
    if order is None and found != (width, channels):
        return

    def forward(self: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
        again: torch.Tensor = written.forward(self, inputs)
        return (again.permute(order) if order and channels > 1 else again).flatten(1)

    own = {"forward": forward, "__module__": written.__module__, "__doc__": written.__doc__}
    network.__class__ = type(written.__name__, (written,), own)


def returned(network: nn.Module, images: torch.Tensor) -> Any:
    """Return what a network as its file has it gives for images (N,C,H,W)."""
    return network.returned(images) if hasattr(network, "returned") else network(images)  # type: ignore[operator]


def _goes_through(network: nn.Module, shape: tuple[int, int, int], form: str) -> bool:
    import torch

    was_training = network.training
    try:
        with torch.no_grad():
            output = network.eval()(taken_as(torch.zeros(1, *shape), form))
    except Exception:  # whatever a layer says of a shape that is not its own
        return False
    finally:
        network.train(was_training)
    # A 2-D convolution takes three dimensions for one image without a batch.
    return getattr(output, "shape", (1,))[:1] == (1,)


def _arguments(network: nn.Module) -> list[inspect.Parameter]:
    return [one for one in inspect.signature(network.forward).parameters.values() if one.kind in POSITIONAL]


def require_finite(tensors: Mapping[str, torch.Tensor], where: str, remedy: str) -> None:
    """Raise RecipeError naming the tensors that hold NaN or infinity."""
    import torch

    wrong = []
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            count = int((~torch.isfinite(tensor)).sum())
            kind = "NaN" if bool(torch.isnan(tensor).any()) else "infinity"
            wrong.append(f"{name} holds {kind} ({count:,} of {tensor.numel():,} values)")
    if wrong:
        raise RecipeError(f"{where}: {some(wrong)}", fix=remedy)


def described(output: Any) -> str:
    """Return what a network gives for one image, in words: a shape, or what holds how many tensors."""
    if hasattr(output, "shape"):
        return str(tuple(output.shape))
    named = list(_named(output))
    if not named:
        return f"a value of type {type(output).__name__}"
    kind = "dict" if isinstance(output, Mapping) else type(output).__name__
    return f"a {kind} of {len(named)}: {', '.join(f'{name} {described(value)}' for name, value in named)}"


def how_to_return_one(output: Any, outputs: int) -> str:
    """Return the remedy for a network that returns several tensors; "" for one."""
    if hasattr(output, "shape"):
        return ""
    fitting = [name for name, value in _named(output) if getattr(value, "shape", None) == (1, outputs)]
    access = "['{}']" if isinstance(output, Mapping) else "[{}]"
    if fitting:
        return f"return one tensor from forward: output{access.format(fitting[0])}, which has {outputs} outputs"
    return f"return one tensor (1, {outputs}) from forward; several heads in one: torch.cat(outputs, 1)"


def _named(output: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(output, Mapping):
        return output.items()
    if isinstance(output, list | tuple):
        return enumerate(output)
    return {name: value for name, value in vars(output).items() if hasattr(value, "shape")}.items() if hasattr(
        output, "__dict__") else ()  # fmt: skip
