import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT

from edgeforge.errors import RecipeError
from edgeforge.recipe.load import load_recipe
from edgeforge.recipe.schema import Recipe
from edgeforge.recipe.user_files import user_files

RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
GOOD = "name: x\ndata: {source: digits}\nmodel:\n  name: digits_cnn\n"


def load(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return load_recipe(path, overrides).recipe


def error_of(tmp_path: Path, text: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text, *overrides)
    assert caught.value.exit_code == 2
    return caught.value.reason.replace(str(tmp_path), "")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_ready_recipes_load(path: Path) -> None:
    assert load_recipe(path).recipe.name == path.stem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD + "train: {epoch: 3}\n", "/r.yaml:5: train.epoch: unknown key (did you mean 'epochs'?)"),
        (GOOD + "train:\n  lr: fast\n", "/r.yaml:6: train.lr: 'fast': give a number"),
        (GOOD + "trainer:\n  strategie: ddp\n", "/r.yaml:6: trainer.strategie: unknown key (did you mean 'strategy'?)"),
        (GOOD.replace("digits}", "digit}"), "/r.yaml:2: data.source: 'digit' is not valid (did you mean 'digits'?)"),
        (GOOD + "quantize: {tflite: {io: int16}}\n", "quantize.tflite.io: 'int16' is not valid (did you mean 'int8'?)"),
        (
            GOOD + "library: chirale-2.0\n",
            "/r.yaml:5: library: 'chirale-2.0' is no TFLM library (did you mean 'chirale-2.0.0'",
        ),
        (GOOD + "targets:\n  - uno\n  - pico\n", "/r.yaml:6: targets: 'uno' is no board"),
        (
            GOOD + "quantize:\n  ship: tflite-dynamic\ntargets: [esp32-s3]\n",
            "/r.yaml:6: quantize.ship: TFLite Micro on esp32-s3",
        ),
        (GOOD + "train: 3\n", "/r.yaml:5: train: 3 is no mapping of the keys epochs"),
        (GOOD + "name: y\n", "/r.yaml:5: name: the key stands twice"),
        ("name: x\nmodel: {name: a}\n", "/r.yaml:1: data: this key is missing"),
        ("name: [\n", "/r.yaml:2:1: "),
        ("", "/r.yaml: is empty"),
        ("- a\n", "a recipe is a mapping"),
        (
            "name: !!python/object/apply:os.system [ls]\n",
            "a tag, tag:yaml.org,2002:python/object/apply:os.system: a recipe is data",
        ),
        (GOOD + "data: {normalize: {mean: [0.1, 0.2], std: [1]}}", "the key stands twice"),
        (GOOD + "yes: 2\n", "/r.yaml:5: 'yes' is no word, so it cannot be a key"),
        (GOOD + "train: {1: 2}\n", "/r.yaml:5: train: '1' is no word, so it cannot be a key"),
        (GOOD + "train: {lr: .inf}\n", "/r.yaml:5: train.lr: inf: give a finite number"),
        (GOOD + "train: {lr: 2001-99-01}\n", "/r.yaml:5: train.lr: '2001-99-01' is no valid timestamp"),
        (GOOD + "train: {epochs: !!bool x}\n", "/r.yaml:5: train.epochs: 'x' is no valid bool"),
        (GOOD + "train:\n", "/r.yaml:5: train: is empty; give it a value, or leave the key out"),
        (GOOD + "targets: esp32-s3\n", "/r.yaml:5: targets: 'esp32-s3': give a list, such as [a, b]"),
        (
            GOOD + "prune: {final_sparsity: 0.4, initial_sparsity: 0.5}\n",
            "/r.yaml:5: prune: final_sparsity 0.4 is below initial_sparsity 0.5",
        ),
        (GOOD + "prune: {begin_step: 9, end_step: 9}\n", "/r.yaml:5: prune: end_step 9 is not after begin_step 9"),
        (GOOD + "prune: {final_sparsity: 1.0}\n", "/r.yaml:5: prune.final_sparsity: 1.0: give less than 1"),
        (
            GOOD + "prune: {method: channels, final_sparsity: 0.9}\n",
            "/r.yaml:5: prune: final_sparsity belongs to method magnitude; this is method channels",
        ),
        (GOOD + "prune: {ratio: 0.3}\n", "prune: ratio belongs to method channels; this is method magnitude"),
        (GOOD + "prune: {method: channel}\n", "prune.method: 'channel' is not valid (did you mean 'channels'?)"),
        (GOOD + "targets: [esp32-s3, esp32-s3]\n", "/r.yaml:5: targets: 'esp32-s3' stands twice"),
        (
            GOOD + "trainer: {devices: {a: 1}}\n",
            "/r.yaml:5: trainer.devices: {'a': 1}: give a whole number or",
        ),
        (GOOD + "---\nname: y\n", "/r.yaml:5:1: a second document: a recipe is one"),
        (GOOD + "a: \x00\n", "/r.yaml:5: a control character"),
        (GOOD + '"a\\nb": 3\n', "/r.yaml:5: 'a\\nb': unknown key"),
        ("a: &a [*a]\n", "nested too deeply, or an alias contains itself"),
        ("a: " + "[" * 600 + "]" * 600, "nested too deeply, or an alias contains itself"),
        ("name: x\ndata:\n\tsource: digits\n", "/r.yaml:3:1: a tab, where YAML takes spaces alone"),
        (
            GOOD.replace("digits}", "digits, normalize: {mean: [.nan], std: [1]}}"),
            "/r.yaml:2: data.normalize.mean.0: nan:",
        ),
        (GOOD.replace("}", ", normalize: {mean: [0.1, 0.2], std: [1]}}"), "mean has 2 channels and std has 1"),
    ],
)
def test_mistakes_name_place_key_and_remedy(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in error_of(tmp_path, text)


def test_every_mistake_is_a_line(tmp_path: Path) -> None:
    reason = error_of(tmp_path, GOOD + "train: {epochs: -1, lr: -1}\nmeassure: {}\n")
    assert [line.split(": ")[1] for line in reason.splitlines()] == ["train.epochs", "train.lr", "meassure"]


def test_overrides_change_the_recipe_and_are_named_in_errors(tmp_path: Path) -> None:
    assert load(tmp_path, GOOD, "train.early_stopping.patience=3").train.early_stopping.patience == 3  # type: ignore[union-attr]
    assert error_of(tmp_path, GOOD, "train.epoch=1").startswith("--set train.epoch=1: train.epoch: unknown key")
    for override in ("train", "=3", "train..epochs=3"):
        assert error_of(tmp_path, GOOD, override) == f"--set {override}: not of the form key=value"
    for override in ("train.lr=[", "train.lr=2001-99-01", "train.lr=!!int x"):
        assert error_of(tmp_path, GOOD, override).endswith("is not YAML")
    assert error_of(tmp_path, GOOD, "name.x=3").startswith("--set name.x=3: name: {'x': 3}:")


def test_anchors_and_merge_keys_are_followed(tmp_path: Path) -> None:
    text = "name: x\ndata: &d {source: digits}\nmodel: {name: digits_cnn, args: {<<: *d, width: 4}}\n"
    assert load(tmp_path, text).model.args == {"source": "digits", "width": 4}


def test_a_file_that_is_not_there_is_an_error_at_its_line(tmp_path: Path) -> None:
    cases = {
        GOOD.replace("digits_cnn", "digit_cnn"): "/r.yaml:4: model.name: there is no ready model 'digit_cnn'",
        GOOD.replace("digits_cnn", "my/net.py:Net"): "/r.yaml:4: model.name: no file my/net.py",
        GOOD + "quantize: {calibration: {file: a.npz}}\n": "/r.yaml:5: quantize.calibration.file: a.npz: no such file",
        GOOD.replace("digits}", "mnist, root: nowhere}"): "/r.yaml:2: data.root: nowhere/MNIST/raw/",
    }
    for text, expected in cases.items():
        path = tmp_path / "r.yaml"
        path.write_text(text)
        with pytest.raises(RecipeError) as caught:
            user_files(load_recipe(path))
        assert expected in str(caught.value).replace(str(tmp_path), "")


def test_alias_bomb_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "more than 20000 values" in error_of(tmp_path, "\n".join(lines))


def test_missing_and_unreadable_files(tmp_path: Path) -> None:
    for path, text in ((tmp_path / "none.yaml", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(RecipeError, match=text):
            load_recipe(path)
    (tmp_path / "latin.yaml").write_bytes(b"name: x\ndata: \xe4\n")
    with pytest.raises(RecipeError, match=r"latin.yaml:2: not UTF-8"):
        load_recipe(tmp_path / "latin.yaml")


@given(
    section=st.sampled_from(["", "data", "model", "train", "trainer", "quantize.tflite", "measure"]),
    key=st.from_regex(r"[a-z]{1,12}_x", fullmatch=True),
)
def test_any_unknown_key_is_named(tmp_path_factory: pytest.TempPathFactory, section: str, key: str) -> None:
    dotted = f"{section}.{key}" if section else key
    reason = error_of(tmp_path_factory.mktemp("r"), GOOD, f"{dotted}=1")
    assert f"{dotted}: unknown key" in reason


@given(epochs=st.integers(1, 999), seed=st.integers(0, 2**32 - 1), io=st.sampled_from(["int8", "uint8", "float32"]))
def test_a_dumped_recipe_loads_as_the_same(
    tmp_path_factory: pytest.TempPathFactory, epochs: int, seed: int, io: str
) -> None:
    folder = tmp_path_factory.mktemp("r")
    recipe = load(folder, GOOD, f"train.epochs={epochs}", f"seed={seed}", f"quantize.tflite.io={io}")
    assert load(folder, yaml.safe_dump(recipe.model_dump(mode="json"))) == recipe


@given(st.text(max_size=60))
def test_any_text_loads_or_is_a_recipe_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("r")
    for document in (text, GOOD + text, GOOD + f"train: {{lr: {text}}}\n"):
        (folder / "r.yaml").write_bytes(document.encode("utf-8", "surrogatepass"))
        with suppress(RecipeError):
            load_recipe(folder / "r.yaml")
    with suppress(RecipeError):
        load(folder, GOOD, text)


@pytest.mark.parametrize("prune", ["{}", "{method: channels, ratio: 0.3, rounds: 2}", "{begin_step: 3, skip: [head]}"])
def test_a_recipe_that_prunes_survives_being_written_out(tmp_path: Path, prune: str) -> None:
    recipe = load(tmp_path, GOOD + f"prune: {prune}\n")
    assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


@pytest.mark.parametrize("source", ["csv, size: [9, 9]", "numpy"])
@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("bad", "bad: it is a link that leads back to itself"),
        ("nowhere", "bad: there is no such file or folder"),
        ("/dev/zero", "bad is a device, not a file"),
        ("pipe", "bad is a named pipe (FIFO), not a file"),
    ],
)
def test_data_that_is_neither_file_nor_folder_is_called_what_it_is(
    tmp_path: Path, source: str, target: str, said: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "bad").symlink_to(target)
    (tmp_path / "r.yaml").write_text(f"name: x\ndata: {{source: {source}, root: bad}}\nmodel: {{name: digits_cnn}}\n")
    with pytest.raises(RecipeError) as caught:
        user_files(load_recipe(tmp_path / "r.yaml"))
    assert caught.value.reason.endswith(said) and "data.root" in caught.value.reason
