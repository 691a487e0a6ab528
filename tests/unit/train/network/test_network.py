import sys
from pathlib import Path

import pytest
from places import ROOT
from torch import nn

from edgeforge.errors import RecipeError
from edgeforge.pipeline import STAGES
from edgeforge.recipe.schema import Model
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.train.network.load import check_output, make_network

MODELS = ROOT / "models"


def fresh(path: Path, name: str, **args: object) -> nn.Module:
    return make_network(Model(name=name, args=args), path)


def preprocessing(size: int) -> Preprocessing:
    return Preprocessing((1, size, size), 255.0, (0.0,), (1.0,), tuple("0123456789"))


@pytest.mark.parametrize(("name", "size", "parameters"), [("mnist_cnn", 28, 1_199_882), ("digits_cnn", 8, 3_866)])
def test_ready_models_have_the_stated_size(name: str, size: int, parameters: int) -> None:
    path = MODELS / f"{name}.py"
    network = fresh(path, name)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert f"{parameters:,} parameters" in path.read_text()
    check_output(network, preprocessing(size))
    assert network.training, "checking leaves the mode as it was"


def test_a_model_may_import_what_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "blocks_beside_net.py").write_text("WIDTH = 3\n")
    text = (
        "from torch import nn\nimport blocks_beside_net\n\nclass Net(nn.Module):\n    width = blocks_beside_net.WIDTH\n"
    )
    (tmp_path / "net.py").write_text(text)
    assert fresh(tmp_path / "net.py", "net.py").width == 3


@pytest.mark.parametrize(
    ("source", "name", "expected"),
    [
        ("class A(nn.Module): pass\nclass B(nn.Module): pass\n", "net.py", "defines 2 public nn.Module classes (A, B)"),
        ("class Net(nn.Module): pass\n", "net.py:Nett", "no nn.Module 'Nett' (did you mean 'Net'?)"),
        ("x = 1 +\n", "net.py", "net.py:2 cannot be imported: it is not valid Python"),
        ("\nraise ValueError('no')\n", "net.py", "net.py:3 cannot be imported: ValueError: no"),
    ],
)
def test_a_wrong_model_file_is_one_clear_error(tmp_path: Path, source: str, name: str, expected: str) -> None:
    path = tmp_path / "net.py"
    path.write_text("from torch import nn\n" + source)
    with pytest.raises(RecipeError) as caught:
        fresh(path, name)
    assert expected in caught.value.reason


def test_wrong_arguments_name_the_right_ones() -> None:
    with pytest.raises(RecipeError) as caught:
        fresh(MODELS / "digits_cnn.py", "digits_cnn", wide=3)
    assert "do not fit DigitsCNN" in caught.value.reason and "classes, width" in caught.value.fix


def test_stages_that_build_the_network_hash_its_file() -> None:
    assert all("model" in stage.files for stage in STAGES if "model" in stage.reads and stage.name != "report")


@pytest.mark.parametrize(
    ("argument", "said"), [("num_classes", "model.args: {num_classes: 10}"), ("out", "10 outputs")]
)
def test_the_remedy_for_too_few_outputs_names_the_network_s_own_argument(
    tmp_path: Path, argument: str, said: str
) -> None:
    (tmp_path / "net.py").write_text(
        "from torch import nn\n\nclass Net(nn.Sequential):\n"
        f"    def __init__(self, {argument}=3):\n        super().__init__(nn.Flatten(), nn.Linear(64, {argument}))\n"
    )
    with pytest.raises(RecipeError, match=r"is \(1, 3\), the data has 10 classes") as caught:
        check_output(fresh(tmp_path / "net.py", "net.py"), preprocessing(8))
    assert caught.value.fix.endswith(said)
