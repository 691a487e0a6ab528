"""What a plan says of a network, from its source alone."""

from pathlib import Path

import pytest

from edgeforge.errors import RecipeError
from edgeforge.pipeline import plan_build

NET = """
import torch
from torch import nn
from torch.nn import functional as F

raise RuntimeError("a plan must not run this")


class Block(nn.Module):
    pass


class Net(nn.Module):
    def __init__(self, width, classes=10, *, bias=True):
        super().__init__()
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(8, classes), nn.Softmax(1))
        self.dense = nn.Linear(8, classes)

    def forward(self, x):
        {ending}
"""


def plan_of(folder: Path, model: str, ending: str = "return self.dense(x)", epochs: int = 1) -> tuple[str, ...]:
    (folder / "net.py").write_text(NET.replace("{ending}", ending))
    recipe = folder / "my.yaml"
    recipe.write_text(f"name: my\ndata: {{source: digits}}\nmodel: {model}\ntrain: {{epochs: {epochs}}}\n")
    from edgeforge.recipe.load import load_recipe

    return plan_build(load_recipe(recipe), folder / "build").warnings


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("{name: 'net.py:Nett'}", r"my.yaml:3: model.name: .*net.py defines no class 'Nett' \(did you mean 'Net'"),
        (
            "{name: 'net.py:Net', args: {widht: 8}}",
            r"model.args.widht: Net takes no such argument \(did you mean 'width'",
        ),
        ("{name: 'net.py'}", r"my.yaml:3: model.name: .*net.py defines 2 public nn.Module classes .Block, Net."),
        ("{name: 'net.py:Net'}", "model: Net needs a value for width"),
        ("{name: 'net.py:Net', args: {classes: 3}}", "model: Net needs a value for width"),
    ],
)
def test_what_does_not_fit_is_an_error_at_its_line(tmp_path: Path, model: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        plan_of(tmp_path, model)
    assert caught.value.fix


@pytest.mark.parametrize("model", ["{name: 'net.py:Net', args: {width: 8, bias: false}}", "{name: 'net.py:Block'}"])
def test_what_fits_is_planned_and_never_run(tmp_path: Path, model: str) -> None:
    assert plan_of(tmp_path, model) == ()


@pytest.mark.parametrize(
    ("ending", "last"),
    [
        ("return F.softmax(self.dense(x), dim=1)", "softmax"),
        ("return self.head(x)", "softmax"),
        ("x = self.dense(x)\n        x = torch.log_softmax(x, 1)\n        return x", "log_softmax"),
        ("return self.dense(x).sigmoid()", "sigmoid"),
        ("if self.training:\n            return self.dense(x)\n        return self.dense(x).softmax(1)", None),
        ("return torch.softmax(x, 1) @ x", None),
    ],
)
def test_probabilities_are_named_before_training(tmp_path: Path, ending: str, last: str | None) -> None:
    found = plan_of(tmp_path, "{name: 'net.py:Net', args: {width: 8}}", ending)
    assert [f"Net ends with {last}" in line and "net.py:" in line for line in found] == ([True] if last else [])
    assert plan_of(tmp_path, "{name: 'net.py:Net', args: {width: 8}}", ending, epochs=0) == ()


def test_what_is_made_at_run_time_is_left_to_the_build(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("Net = type('Net', (), {})\n")
    recipe = tmp_path / "my.yaml"
    recipe.write_text("name: my\ndata: {source: digits}\nmodel: {name: 'net.py:Net'}\n")
    from edgeforge.recipe.load import load_recipe

    assert plan_build(load_recipe(recipe), tmp_path / "build").warnings == ()


def test_a_source_of_curves_takes_no_raspberry_pi(tmp_path: Path) -> None:
    from edgeforge.recipe.load import load_recipe

    recipe = tmp_path / "my.yaml"
    recipe.write_text("name: my\ndata: {source: matr1, root: x}\nmodel: {name: digits_cnn}\nraspberry_pi: {}\n")
    with pytest.raises(RecipeError, match=r"my.yaml:4: raspberry_pi: .* source matr1 has curves of batteries"):
        load_recipe(recipe)
