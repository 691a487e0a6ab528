"""No number without a meaning: every numeric option of every verb and every key of the recipe, found by looking."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hostile_options import RIGHT, Option, options
from hostile_recipes import BOMB, SET_BOMB, TEXTS, numeric, sections, with_value
from hostile_seeds import RECIPE

from edgeforge.cli.app import app
from edgeforge.errors import EdgeForgeError, RecipeError
from edgeforge.foreign.wording import in_words
from edgeforge.recipe.load import load_recipe
from edgeforge.targets.arduino.own.wishes import wishes_of
from edgeforge.tflite.input_shapes import parse_shapes

NEVER = (math.nan, math.inf, -math.inf, 1e308, -1e308, 10**30, -(10**30), "")
PERHAPS = (-1, 0, 10**9, 1e-320)
KEYS = [(path, kind) for path, kind in sections() if numeric(kind) and "args" not in path]


def complaint(*words: str) -> str:
    """Return what EdgeForge says to a command line that cannot be right: none of its files is there."""
    try:
        app(list(words), standalone_mode=False)
    except EdgeForgeError as error:
        assert error.fix, error.reason
        return error.reason
    except Exception as error:
        assert hasattr(error, "format_message"), error
        said = in_words(error.format_message())
        assert said, error.format_message()
        return said.cause
    raise AssertionError(words)


@pytest.mark.parametrize("option", [one for one in options() if one.numeric], ids=lambda one: f"{one.verb} {one.name}")
def test_a_numeric_option_has_bounds(option: Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = (option.verb, *RIGHT.get(option.verb, ()))
    for value in (*NEVER, "1e400", "nan", "0x10"):
        assert complaint(*words, option.name, str(value)).startswith(f"{option.name}"), value
    for value in PERHAPS:  # one clear error in any case: the option's, or that there is no such file
        assert complaint(*words, option.name, str(value))


@pytest.mark.parametrize("option", [one for one in options() if not one.flag], ids=lambda one: f"{one.verb} {one.name}")
def test_no_option_takes_an_empty_word(option: Option, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for empty in ("", " "):
        words = (
            (option.verb, empty) if option.argument else (option.verb, *RIGHT.get(option.verb, ()), option.name, empty)
        )
        assert complaint(*words).endswith("an empty word is given")


@pytest.mark.parametrize(("path", "kind"), KEYS, ids=[".".join(path) for path, _ in KEYS])
def test_a_numeric_key_has_bounds(path: tuple[str, ...], kind: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    for value in (*NEVER, True if bool not in _inside(kind) else ""):
        recipe.write_text(with_value(path, value, kind))
        with pytest.raises(RecipeError) as caught:
            load_recipe(recipe)
        assert path[-1] in caught.value.reason and str(recipe) in caught.value.reason, value
    for value in PERHAPS:
        recipe.write_text(with_value(path, value, kind))
        try:
            load_recipe(recipe)
        except RecipeError as error:
            assert str(recipe) in error.reason


def _inside(kind: Any) -> set[Any]:
    from edgeforge.recipe.sections.section import types_in

    return types_in(kind)


@pytest.mark.parametrize(
    "name", [name for name in TEXTS if name.startswith(("bomb", "alias", "deep", "empty", "dupl"))]
)
def test_recipes_that_unfold_or_repeat_are_refused(name: str, tmp_path: Path) -> None:
    text = TEXTS[name]
    assert isinstance(text, str)
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "r.yaml")
    assert len(caught.value.reason) < 2000 and caught.value.fix


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (f"model.args.x={SET_BOMB}", "more than 20000 values"),
        ("model.args.x=" + "[" * 2000 + "]" * 2000, "nested too deeply"),
        ("model.args.x=&a [*a]", "nested too deeply"),
        ("train.lr=.nan", "a finite number"),
        ("train.lr=1e999", "a finite number"),
        ("trainer.num_nodes=2", "1 or less"),
        ("trainer.devices=1000000000", "1024 or less"),
        ("trainer.devices='1,x'", "auto, how many, or which"),
        ("trainer.max_time=soon", "days:hours:minutes:seconds"),
        ("train.epochs=true", "true is no number"),
        ("quantize.tflite.variants=[int8, int8]", "'int8' stands twice"),
        ("model.fresh=['']", "is empty"),
        ("x" * 5000 + "=1", "unknown key"),
    ],
)  # fmt: skip
def test_an_override_is_bounded_as_a_recipe_is(override: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    with pytest.raises(RecipeError) as caught:
        load_recipe(tmp_path / "r.yaml", (override,))
    assert said in caught.value.reason and caught.value.reason.startswith("--set ")


def test_what_a_model_s_class_takes_is_its_own_affair(tmp_path: Path) -> None:
    recipe = yaml.safe_load(RECIPE)
    recipe["model"]["args"] = {"name": "", "kinds": ["a", "a"], "limit": math.inf}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    assert load_recipe(tmp_path / "r.yaml").recipe.model.args["kinds"] == ["a", "a"]


@pytest.mark.parametrize("text", ["nan", "inf", "0.1,nan", "1e999", "", "1e300", ",", "a"])
def test_numbers_in_words_are_bounded(text: str) -> None:
    for option in ("mean", "std"):
        with pytest.raises(RecipeError, match=f"--{option}"):
            wishes_of(**{option: text or ","})
    with pytest.raises(RecipeError, match="--shape"):
        parse_shapes([f"x={text}"])


@pytest.mark.parametrize("text", ["x=99999999999,1", "x=70000,70000,3", "x=0", "x=-1", "x=" + "1," * 40 + "1"])
def test_a_shape_is_bounded(text: str) -> None:
    with pytest.raises(RecipeError, match="--shape"):
        parse_shapes([text])


def test_labels_of_a_list_are_bounded() -> None:
    for text in (",,,", "a,,b", "0-" + "9" * 5000):
        with pytest.raises(RecipeError, match="--labels"):
            wishes_of(labels=text)


assert BOMB


def test_what_a_stranger_wrote_steers_no_terminal() -> None:
    from edgeforge.guards.terminal import printable

    assert printable("a\x1b[31m\u202eb é 日") == "a\\x1b[31m\\u202eb é 日"
    assert printable("\udc80") == "\\udc80"


@pytest.mark.parametrize("root", ["/", "/proc/self", "/dev", "/sys"])
def test_data_that_has_no_end_is_refused_before_it_is_hashed(root: str, tmp_path: Path) -> None:
    from edgeforge.recipe.user_files import user_files

    (tmp_path / "model.py").write_text("class Net: pass")
    (tmp_path / "r.yaml").write_text(RECIPE.replace("x.npz", root))
    with pytest.raises(RecipeError, match="no folder of data"):
        user_files(load_recipe(tmp_path / "r.yaml"))
