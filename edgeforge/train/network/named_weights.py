"""Weights by name: timm/mobilenetv3_small_050, torchvision/resnet18, out of these libraries' hubs and their caches.

A name and its library's version are what a build's key holds: nothing is looked up in a plan. What was loaded stands
in the report, with its SHA-256.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from edgeforge.errors import RecipeError, some
from edgeforge.extras import missing
from edgeforge.files import sha256_of
from edgeforge.foreign.wording import cause
from edgeforge.recipe.schema import Model
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.calibration import Finding
from edgeforge.torchvision_import import import_torchvision
from edgeforge.train.network.weights import read_state_dict, take_weights

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch
    from torch import nn

HUB_FILES = ("model.safetensors", "pytorch_model.bin")  # of timm's on Hugging Face's hub, in the order of timm
SAME = 0.01  # means and deviations of pixels in [0, 1] that are one normalisation


@dataclass(frozen=True)
class Known:
    """What a library says of weights: its whole name for them, their classes, the pixels they were trained on."""

    title: str
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    entry: Any  # timm's PretrainedCfg, torchvision's member of an enumeration


def known_weights(name: str, key: str = "model.weights") -> Known:
    """Return what is known of `timm/…` or `torchvision/…`, without a network. Raises RecipeError for a mistyped name,
    MissingDependency without the library."""
    library, _, inside = name.partition("/")
    try:
        import_torchvision()
        return _of_timm(inside, key) if library == "timm" else _of_torchvision(inside, key)
    except ImportError as error:
        raise missing([library]) from error


def load_named_weights(
    network: nn.Module, model: Model, preprocessing: Preprocessing, key: str = "model.weights"
) -> list[Finding]:
    """Give a network the weights that `model` names; return what a person should know of them.

    A head of another number of classes is left out; a teacher's, which nothing trains, has to fit. Raises RecipeError
    for a name that there is not, for a file that is neither in the cache nor to be had, and for weights that do not
    fit.
    """
    name = model.named_weights
    assert name
    known, teacher = known_weights(name, key), key != "model.weights"
    where = f"{key}: {known.title}"
    if name.startswith("timm/"):
        file, given = _timm_weights(known, where, preprocessing.shape[0])
    else:
        file = _url_file(known.entry.url, where)
        given = read_state_dict(file, f"{where}: {file}")
    head = take_weights(network, given, where, model.fresh, None if teacher else known.classes)
    found = f"the network begins with {known.title}: {file}, SHA-256 {sha256_of(file)}"
    if head:
        found += f"; its head of {known.classes} classes is left out ({some(head)})"
    hold = "to hold to this very file, keep it: a later version of its library may mean another by that name"
    return [Finding(severity="note", what=found, remedy=hold), *_normalised_otherwise(known, preprocessing)]


def _normalised_otherwise(known: Known, preprocessing: Preprocessing) -> list[Finding]:
    """Return a finding when inputs are not normalised as the weights' own training did."""
    here = (*preprocessing.mean, *preprocessing.std)
    theirs = (*known.mean, *known.std)
    if len(here) != len(theirs) or all(abs(a - b) <= SAME for a, b in zip(here, theirs, strict=True)):
        return []
    what = f"{known.title} was trained on inputs of another normalisation than this data's"
    remedy = f"data.normalize: {{mean: {list(known.mean)}, std: {list(known.std)}}}"
    return [Finding(severity="warning", what=what, remedy=remedy)]


def _of_timm(name: str, key: str) -> Known:
    import timm

    architecture, _, tag = name.partition(".")
    if not timm.is_model(architecture):
        raise _mistyped(name, timm.list_models(pretrained=True), key, "timm", "timm.list_models(pretrained=True)")
    tagged = timm.list_pretrained(f"{architecture}.*") + timm.list_pretrained(architecture)
    if not tagged:
        raise RecipeError(f"{key}: timm has no weights of {architecture}, its layers alone", fix="leave weights out")
    if tag and name not in tagged:
        raise _mistyped(name, tagged, key, "timm", f"{some(tagged)}")
    entry = timm.get_pretrained_cfg(name)
    title = f"timm/{architecture}" + (f".{entry.tag}" if entry.tag else "")
    return Known(title, entry.num_classes, tuple(entry.mean), tuple(entry.std), entry)


def _of_torchvision(name: str, key: str) -> Known:
    from torchvision import models

    architecture, _, tag = name.partition(".")
    known = models.list_models(module=models)
    if architecture not in known:
        fix = "torchvision.models.list_models(module=torchvision.models)"
        raise _mistyped(name, known, key, "torchvision", fix)
    weights = models.get_model_weights(architecture)
    if tag and tag not in weights.__members__:
        tags = [f"{architecture}.{member}" for member in weights.__members__]
        raise _mistyped(name, tags, key, "torchvision", some(tags))
    entry = weights[tag] if tag else weights.DEFAULT
    shown = entry.transforms()
    title = f"torchvision/{architecture}.{entry.name}"
    return Known(title, len(entry.meta["categories"]), tuple(shown.mean), tuple(shown.std), entry)


def _mistyped(name: str, known: Iterable[str], key: str, library: str, listed: str) -> RecipeError:
    close = get_close_matches(name, list(known), n=3, cutoff=0.5)
    meant = f" (did you mean {' or '.join(close)}?)" if close else ""
    return RecipeError(f"{key}: {library} has no weights '{name}'{meant}", fix=f"name one of {listed}")


def _timm_weights(known: Known, where: str, channels: int) -> tuple[Path, dict[str, torch.Tensor]]:
    """Return the file, and its tensors as timm's network of `channels` takes them."""
    import timm

    file = _hub_file(known, where) if known.entry.hf_hub_id else _url_file(known.entry.url, where)
    try:
        network = timm.create_model(
            known.title.removeprefix("timm/"), pretrained=True, in_chans=channels, pretrained_cfg_overlay={"file": file}
        )
    except Exception as error:
        raise RecipeError(
            f"{where}: {file} cannot be read as these weights: {cause(error)}",
            fix=f"remove it, to fetch it again: rm -r {file.parents[2] if known.entry.hf_hub_id else file}",
        ) from error
    return file, network.state_dict()


def _hub_file(known: Known, where: str) -> Path:
    """Return the file in Hugging Face's cache, fetched where it is not there."""
    from huggingface_hub import constants, hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError
    from huggingface_hub.utils.tqdm import disable_progress_bars

    repository, _, revision = known.entry.hf_hub_id.partition("@")
    revision = revision or "main"
    names = (known.entry.hf_hub_filename,) if known.entry.hf_hub_filename else HUB_FILES
    for name in names:
        found = try_to_load_from_cache(repository, name, revision=revision)
        if isinstance(found, str):
            return Path(found)
    disable_progress_bars()
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it tells of each attempt
    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    commit = folder / "refs" / revision
    place = folder / "snapshots" / (commit.read_text() if commit.is_file() else revision) / names[0]
    for name in names:
        try:
            return Path(hf_hub_download(repository, name, revision=revision))
        except LocalEntryNotFoundError as error:
            url = hf_hub_url(repository, names[0], revision=revision)
            raise _not_to_be_had(where, url, place, "the hub cannot be reached") from error
        except EntryNotFoundError:
            continue
        except Exception as error:
            url = hf_hub_url(repository, names[0], revision=revision)
            raise _not_to_be_had(where, url, place, cause(error)) from error
    raise RecipeError(f"{where}: huggingface.co/{repository} has no {' or '.join(names)}", fix="name other weights")


def _url_file(url: str, where: str) -> Path:
    """Return the file in torch.hub's cache, fetched where it is not there; torch compares its hash."""
    import torch

    place = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(url).path).name
    if not place.is_file():
        try:
            torch.hub.load_state_dict_from_url(
                url, map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
        except Exception as error:
            raise _not_to_be_had(where, url, place, cause(error)) from error
    return place


def _not_to_be_had(where: str, url: str, place: Path, why: str) -> RecipeError:
    return RecipeError(
        f"{where} is not in the cache ({place}), and cannot be fetched: {why}",
        fix=f"fetch it where there is a network: curl -L -o {place.name} {url}, and put it there: {place}",
    )
