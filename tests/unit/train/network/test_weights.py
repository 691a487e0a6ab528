"""Weights of the user's own: every usual file is read, every misfit is named; frozen layers stay as they were."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from places import ROOT
from torch import nn

from edgeforge.builder.stage import Job
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.sections.training import Train
from edgeforge.results.files import CHECKPOINT, DATA_FILE, PREPROCESSING_FILE
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.network.freeze import Freeze
from edgeforge.train.network.weights import load_user_weights, parameters_below
from edgeforge.train.stage import train

NET_FILE = ROOT / "models" / "digits_cnn.py"


class Net(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5))
        self.classifier = nn.Linear(4, classes)


def given() -> dict[str, torch.Tensor]:
    torch.manual_seed(3)
    return Net().state_dict()


def saved(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"epoch": 3, "state_dict": {f"network.{name}": value for name, value in state.items()}},
        lambda state: {"model": {f"module.model.{name}": value for name, value in state.items()}},
        lambda state: {name: value for name, value in state.items() if "num_batches" not in name},
    ],
)
def test_state_dicts_load_bare_and_out_of_checkpoints(tmp_path: Path, wrap: Any) -> None:
    network, state = Net(), given()
    load_user_weights(network, saved(tmp_path / "w.ckpt", wrap(state)))
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())


def test_safetensors_load(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.torch")
    network, state = Net(), given()
    safetensors.save_file(state, tmp_path / "w.safetensors")
    load_user_weights(network, tmp_path / "w.safetensors")
    assert torch.equal(network.classifier.weight, state["classifier.weight"])


class Dangerous:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("/tmp/edgeforge-was-here"),))


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    def error(content: Any, **options: Any) -> RecipeError:
        with pytest.raises(RecipeError) as caught:
            load_user_weights(Net(), saved(tmp_path / "w.pth", content), **options)
        return caught.value

    state = given()
    other = Net(classes=7).state_dict()
    assert "classifier.weight is (7, 4), the network's (3, 4)" in error(other).reason
    assert "model.fresh: [classifier]" in error(other).fix
    less = {name: value for name, value in state.items() if "features.0" not in name}
    assert "features.0.weight, features.0.bias missing" in error(less).reason
    assert "extra.weight not in the network" in error(state | {"extra.weight": torch.zeros(1)}).reason
    assert "no layer 'clasifier' (did you mean 'classifier'?)" in error(state, fresh=("clasifier",)).reason
    assert "holds a Tensor, no state dict" in error(torch.zeros(3)).reason
    assert "holds no tensors" in error({"epoch": 3}).reason
    assert "cannot be read as weights" in error(Net()).reason, "a pickled network is code"
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(Dangerous()))
    with pytest.raises(RecipeError, match="cannot be read as weights"):
        load_user_weights(Net(), tmp_path / "evil.pt")
    assert not Path("/tmp/edgeforge-was-here").exists()


def test_fresh_layers_keep_their_own_weights(tmp_path: Path) -> None:
    network, other = Net(), Net(classes=7).state_dict()
    own = network.classifier.weight.clone()
    load_user_weights(network, saved(tmp_path / "w.pth", other), ("classifier",))
    assert torch.equal(network.classifier.weight, own)
    assert torch.equal(network.features[0].weight, other["features.0.weight"])


def test_patterns_name_modules_and_all_below() -> None:
    below = parameters_below(Net(), ("features.0", "*.1"), "train.freeze")
    assert {name.rpartition(".")[0] for name in below} == {"features.0", "features.1"}
    assert parameters_below(Net(), ("features",), "x") == parameters_below(Net(), ("features.*",), "x")


def test_freezing_everything_is_an_error() -> None:
    with pytest.raises(RecipeError, match="leaves nothing to train"):
        Freeze(Net(), ("*",))


def job(folder: Path, settings: Train, weights: Path | None) -> Job:
    """A training job on random images: 40 for training, 10 for validation."""
    import numpy as np

    data, out = folder / "data", folder / "out"
    for place in (data, out):
        place.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 40), ("val", 10), ("test", 10)):
        arrays[f"{split}_x"] = random.integers(0, 16, (count, 1, 8, 8)).astype(np.uint8)
        arrays[f"{split}_y"] = np.arange(count) % 10
    np.savez(data / DATA_FILE, **arrays)
    preprocessing = Preprocessing((1, 8, 8), 16.0, (0.3,), (0.4,), tuple("0123456789"))
    (data / PREPROCESSING_FILE).write_text(preprocessing.to_json())
    model = Model(name="digits_cnn", weights=str(weights) if weights else None)
    recipe = Recipe(name="x", data=Data(source="digits"), model=model, train=settings)
    files = {"model": NET_FILE} | ({"weights": weights} if weights else {})
    return Job("train", recipe, {"data": data}, out, folder / "scratch", lambda share, text: None, files=files)


def trained(folder: Path, settings: Train, weights: Path) -> dict[str, torch.Tensor]:
    train(job(folder, settings, weights))
    state = torch.load(folder / "out" / CHECKPOINT, weights_only=True)["state_dict"]
    return {name.removeprefix("network."): value for name, value in state.items()}


def test_frozen_layers_are_the_pretrained_ones_and_the_others_learn(tmp_path: Path) -> None:
    from edgeforge.train.network.load import new_network

    start = new_network(job(tmp_path, Train(), None)).state_dict()
    weights = saved(tmp_path / "w.pth", start)
    (tmp_path / "0").mkdir()
    as_it_is = trained(tmp_path / "0", Train(epochs=0), weights)
    assert all(torch.equal(as_it_is[name], value) for name, value in start.items())
    (tmp_path / "1").mkdir()
    found = trained(tmp_path / "1", Train(epochs=1, batch_size=10, freeze=("features",)), weights)
    for name, value in start.items():
        same = torch.equal(found[name], value)  # running statistics too
        assert same == name.startswith("features"), name
