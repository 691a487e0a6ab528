"""The stage `prune` on real digits, interrupted and resumed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from places import ROOT

from edgeforge.builder.stage import Job
from edgeforge.data.splits import prepare
from edgeforge.errors import RecipeError
from edgeforge.recipe.schema import Data, Model, Recipe
from edgeforge.recipe.sections.training import Prune, Train
from edgeforge.results.rows.pruning import PruningRow
from edgeforge.tflite.figures.costs import macs
from edgeforge.train.network.load import dense_network, new_network, trained_network
from edgeforge.train.prune.stage import multiply_accumulates, prune, skipped_modules
from edgeforge.train.stage import train

MAGNITUDE = Prune(method="magnitude", final_sparsity=0.7, epochs=2)
CHANNELS = Prune(method="channels", ratio=0.5, epochs=1, rounds=2)


class Killed(Exception):
    """As if the process had been killed at this moment."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A job whose `data` and `train` artifacts are there."""
    folder = tmp_path_factory.mktemp("prune")
    recipe = Recipe(name="x", data=Data(source="digits"), model=Model(name="digits_cnn"),
                    train=Train(epochs=2, batch_size=32, lr=0.003))  # fmt: skip
    job = Job("x", recipe, {}, folder, folder, lambda share, text: None,
              files={"model": ROOT / "models" / "digits_cnn.py"})  # fmt: skip
    for stage, run in (("data", prepare), ("train", train)):
        (folder / stage / "scratch").mkdir(parents=True)
        run(replace(job, output=folder / stage, scratch=folder / stage / "scratch", inputs=dict(job.inputs)))
        job.inputs[stage] = folder / stage
    return job


def run(
    trained: Job, folder: Path, settings: Prune, progress: Callable[[float, str], None] = lambda share, text: None
) -> Job:
    """Run the stage into a folder; return a job that sees its artifact."""
    (folder / "scratch").mkdir(parents=True, exist_ok=True)
    recipe = trained.recipe.model_copy(update={"prune": settings})
    job = replace(trained, recipe=recipe, output=folder, scratch=folder / "scratch", progress=progress)
    prune(job)
    return replace(job, inputs={**job.inputs, "prune": folder})


@pytest.mark.parametrize("settings", [MAGNITUDE, CHANNELS], ids=["magnitude", "channels"])
def test_a_killed_pruning_resumes_with_the_same_bytes(trained: Job, tmp_path: Path, settings: Prune) -> None:
    run(trained, tmp_path / "whole", settings)

    def kill(share: float, text: str) -> None:
        if share > 0.6:  # within the second of two epochs, or of two rounds
            raise Killed

    with pytest.raises(Killed):
        run(trained, tmp_path / "resumed", settings, kill)
    assert not (tmp_path / "resumed" / "model.ckpt").exists()
    seen: list[float] = []
    run(trained, tmp_path / "resumed", settings, lambda share, text: seen.append(share))
    assert min(seen) > 0.5, "it began anew"
    for name in ("model.ckpt", "pruning.json", "training.json", "metrics.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "resumed" / name).read_bytes(), name


def test_later_stages_get_the_pruned_network(trained: Job, tmp_path: Path) -> None:
    job = run(trained, tmp_path / "channels", CHANNELS)
    image = torch.zeros(1, 1, 8, 8)
    pruned, dense = trained_network(job), dense_network(job)
    assert trained_network(trained).state_dict().keys() == dense.state_dict().keys()
    assert pruned.features[0].out_channels == 4 and dense.features[0].out_channels == 8  # type: ignore[index, union-attr]
    row = PruningRow.model_validate_json((tmp_path / "channels" / "pruning.json").read_bytes())
    assert row.macs_after == multiply_accumulates(pruned, image) < row.macs_before == multiply_accumulates(dense, image)
    assert [epoch.epoch for epoch in row.fine_tuning.epochs] == [0, 1] and row.fine_tuning.best_epoch == 1
    job = run(trained, tmp_path / "magnitude", MAGNITUDE)
    for layer in (trained_network(job).features[3], trained_network(job).classifier[1]):  # type: ignore[index, union-attr]
        assert int((layer.weight == 0).sum()) == round(0.7 * layer.weight.numel())


def test_multiply_accumulates_are_those_of_the_flatbuffer(trained: Job) -> None:
    data = (ROOT / "tests" / "data" / "digits_int8.tflite").read_bytes()
    assert multiply_accumulates(new_network(trained), torch.zeros(1, 1, 8, 8)) == macs(data)


def test_a_module_to_skip_that_is_not_there_is_named(trained: Job) -> None:
    network = new_network(trained)
    with pytest.raises(RecipeError, match=r"prune.skip: the network has no module 'feature.0' \(did you mean 'feature"):
        skipped_modules(network, ("classifier", "feature.0"))
    assert skipped_modules(network, ("classifier",)) == set(network.classifier.modules())
