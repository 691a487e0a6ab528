from pathlib import Path

import pytest

from edgeforge.errors import RecipeError
from edgeforge.init import write_recipe
from edgeforge.model_file import resolve_model_file
from edgeforge.recipe_file import load_recipe


@pytest.mark.parametrize("template", ["digits", "mnist"])
def test_a_written_recipe_loads_fits_a_screen_and_has_the_users_model(tmp_path: Path, template: str) -> None:
    (tmp_path / "net.py").write_text("class Net: ...")
    path = tmp_path / "My Net.yaml"
    write_recipe(path, template=template, model="net.py:Net", force=False)
    recipe = load_recipe(path).recipe
    assert recipe.name == "my-net" and recipe.model.name == "net.py:Net" and not recipe.model.args
    assert len(path.read_text().splitlines()) <= 45
    assert resolve_model_file(recipe.model.name, tmp_path) == (tmp_path / "net.py", "Net")


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("mine")
    with pytest.raises(RecipeError, match="exists already"):
        write_recipe(path, template="digits", model=None, force=False)
    assert path.read_text() == "mine"
    write_recipe(path, template="digits", model=None, force=True)
    assert load_recipe(path).recipe.name == "r"


@pytest.mark.parametrize(
    ("path", "template", "model", "expected"),
    [
        ("r.yaml", "mnits", None, "did you mean 'mnist'"),
        ("r.yaml", "digits", "digts_cnn", "did you mean 'digits_cnn'"),
        ("r.yaml", "digits", "no.py", "no file no.py"),
        ("file/r.yaml", "digits", None, "cannot be written"),
    ],
)
def test_mistakes_write_nothing(tmp_path: Path, path: str, template: str, model: str | None, expected: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecipeError, match=expected):
        write_recipe(tmp_path / path, template=template, model=model, force=False)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]
