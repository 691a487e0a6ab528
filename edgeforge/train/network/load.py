"""Loads the user's network: from a recipe, and with the weights of a checkpoint."""

from __future__ import annotations

import importlib.util
import inspect
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.stage import Job
from edgeforge.data.splits import read_preprocessing
from edgeforge.errors import RecipeError, line_in, source_of
from edgeforge.foreign.own_code import MEND
from edgeforge.foreign.wording import cause, layer_in, place_in_own_code, remedy, with_debug
from edgeforge.recipe.schema import Model
from edgeforge.results.files import CHECKPOINT
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.suggest import nearest
from edgeforge.train.network.finished import load_finished, require_map, require_outputs
from edgeforge.train.network.forms import (
    give_again,
    give_maps,
    require_one_input,
    returned,
    take_images_alone,
    take_windows,
)
from edgeforge.train.network.several_outputs import give_in_a_row

if TYPE_CHECKING:
    from torch import nn


def new_network(job: Job) -> nn.Module:
    """Return the recipe's network with fresh weights. Raises RecipeError naming what is wrong with it."""
    return make_network(job.recipe.model, job.files["model"], read_preprocessing(job.inputs["data"]))


def make_network(model: Model, path: Path, preprocessing: Preprocessing | None = None) -> nn.Module:
    """Return the network of a section such as `model`, whose file is `path`, with fresh weights.

    preprocessing: of windows, which a network may take as N,C,L; all that follows gives it N,C,1,L. Of maps, which a
    network returns as N,K,H,W; all that follows is given N,H*W*K.
    """
    network_class = _find_class(path, model.class_name)
    try:
        network: nn.Module = network_class(**model.args)
    except TypeError as error:
        if place_in_own_code(error):  # inside of it
            raise RecipeError(
                f"model: {path}{line_in(path, error)}: {network_class.__name__} cannot be made: {cause(error)}",
                fix=remedy(error, MEND),
            ) from error
        signature = inspect.signature(network_class.__init__)
        known = [name for name in signature.parameters if name != "self"]
        raise RecipeError(
            f"model.args do not fit {network_class.__name__} of {path}: {cause(error)}",
            fix=with_debug(f"its arguments are: {', '.join(known) or 'none'}", error),
        ) from error
    except (Exception, SystemExit) as error:
        raise RecipeError(
            f"model: {path}{line_in(path, error)}: {network_class.__name__} cannot be made: {cause(error)}",
            fix=remedy(error, MEND),
        ) from error
    require_one_input(network, path)  # before its forward is wrapped
    take_images_alone(network)
    if preprocessing and preprocessing.sampling:
        take_windows(network, preprocessing.shape, model.input)
    if preprocessing and preprocessing.heads[0].kind == "map":
        give_maps(network)
    elif preprocessing and preprocessing.heads[0].kind == "reconstruction":
        give_again(network, preprocessing.shape)
    elif preprocessing and len(preprocessing.heads) > 1:
        give_in_a_row(network, preprocessing.shape, preprocessing.heads)
    return network


def trained_network(job: Job) -> nn.Module:
    """Return the network that is deployed, in evaluation mode: the pruned one where the recipe prunes."""
    return _with_weights(job, "prune" if "prune" in job.inputs else "train")


def dense_network(job: Job) -> nn.Module:
    """Return the network as it was trained, before any pruning, in evaluation mode."""
    return _with_weights(job, "train")


def _with_weights(job: Job, stage: str) -> nn.Module:
    if job.recipe.model.finished:
        return load_finished(job.files["model"], read_preprocessing(job.inputs["data"]), job.recipe.model.input)
    network = new_network(job)
    load_weights(network, job.inputs[stage] / CHECKPOINT)
    return network.eval()


def load_weights(network: nn.Module, path: Path) -> None:
    """Give a network the weights of a checkpoint, and its layers the checkpoint's sizes."""
    import torch

    from edgeforge.train.network.resize import resize

    weights = network_weights(torch.load(path, map_location="cpu", weights_only=True))
    resize(network, weights)
    network.load_state_dict(weights)


def network_weights(checkpoint: dict[str, Any]) -> dict[str, Any]:
    """Return the state dict of `Classifier.network` out of a Lightning checkpoint."""
    prefix = "network."
    return {name.removeprefix(prefix): value for name, value in checkpoint["state_dict"].items()
            if name.startswith(prefix)}  # fmt: skip


def check_output(network: nn.Module, preprocessing: Preprocessing) -> None:
    """Run one zero image through the network. Raises RecipeError unless it gives one vector (1,outputs), or a map."""
    import torch

    shape = preprocessing.shape
    was_training = network.training
    try:
        with torch.no_grad():
            output = returned(network.eval(), torch.zeros(1, *shape))
    except Exception as error:
        file = source_of(network)
        layer = layer_in(error, network.named_modules())
        raise RecipeError(
            f"model: {file}{line_in(file, error)}: an input of shape 1,{','.join(map(str, shape))} cannot go "
            f"through it: {f'{layer}: ' if layer else ''}{cause(error)}",
            fix=_fitting(error, shape),
        ) from error
    finally:
        network.train(was_training)
    if preprocessing.heads[0].kind == "map":
        require_map(output, preprocessing.heads[0], network)
        return
    require_outputs(output, preprocessing, network)


def _fitting(error: Exception, shape: tuple[int, int, int]) -> str:
    """Return the remedy for images that cannot go through: other images where the layer says which, else the known."""
    channels = re.search(r"given (\d+) channels where it takes (\d+)", cause(error))
    if channels and int(channels[1]) == shape[0] and int(channels[2]) in (1, 3):
        return f"set data.channels: {channels[2]} (images in files), or the first layer's in_channels to {shape[0]}"
    return remedy(error, "make the model fit the images of data.source")


def _find_class(path: Path, wanted: str | None) -> type[nn.Module]:
    """Return the class named, or the only nn.Module that the file defines."""
    from torch import nn

    spec = importlib.util.spec_from_file_location(f"edgeforge_user_model_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # torch.fx and dataclasses look a class's module up
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))  # modules beside it, which its key knows
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        line = line_in(path, error)
        raise RecipeError(f"model: {path}{line} cannot be imported: {cause(error)}", fix=remedy(error, MEND)) from error
    classes = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value) and issubclass(value, nn.Module) and value.__module__ == spec.name
    }
    if wanted:
        if wanted not in classes:
            raise RecipeError(
                f"model: {path} defines no nn.Module '{wanted}'{nearest(wanted, classes)}",
                fix=f"name one of: {', '.join(classes) or 'none there'}",
            )
        return classes[wanted]
    public = {name: value for name, value in classes.items() if not name.startswith("_")}
    if len(public) != 1:
        raise RecipeError(
            f"model: {path} defines {len(public)} public nn.Module classes ({', '.join(public)})",
            fix=f"name one: {path.name}:{next(reversed(public), 'ClassName')}",
        )
    return next(iter(public.values()))
