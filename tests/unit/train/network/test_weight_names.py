"""A plan finds weights that nobody has by that name, and neither torch nor timm is imported for one that there is."""

from pathlib import Path

import pytest

from edgeforge.errors import RecipeError
from edgeforge.recipe.load import load_recipe
from edgeforge.train.network import weight_names
from edgeforge.train.network.weight_names import check_weight_names


def check(folder: Path, weights: str) -> None:
    path = folder / "r.yaml"
    path.write_text(f"name: r\ndata: {{source: digits}}\nmodel:\n  name: mnist_cnn\n  weights: {weights}\n")
    check_weight_names(load_recipe(path))


def test_names_that_there_are_stand_in_the_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import models

    names = ["torchvision/resnet18.IMAGENET1K_V1", "own/weights.ckpt"]
    names += [f"torchvision/{name}" for name in models.list_models(module=models)[::8]]
    timm = pytest.importorskip("timm")
    names += [f"timm/{name}" for name in timm.list_pretrained()[::80]]
    monkeypatch.setattr(weight_names, "_ask", lambda name, key: pytest.fail(f"{name} is not found in the sources"))
    for name in names:
        check(tmp_path, name)


@pytest.mark.parametrize("name", ["torchvision/resnet81", "torchvision/resnet18.IMAGENET1K_V9"])
def test_a_mistyped_one_is_told_at_its_line_with_near_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(RecipeError, match=r"r.yaml:5: model.weights: torchvision has no weights .*did you mean resnet"):
        check(tmp_path, name)
