from pathlib import Path

import pytest
from places import ROOT

from edgeforge.builder.key import ingredients, key_of, known_of, section
from edgeforge.builder.stage import Stage, restricted
from edgeforge.pipeline import STAGES
from edgeforge.recipe.load import load_recipe

RECIPE = load_recipe(ROOT / "recipes" / "digits.yaml").recipe
STAGE = Stage("s", "m:f", "title", reads=("seed", "train"), uses=("numpy",))


def key(recipe=RECIPE, stage=STAGE, inputs=None, files=None, code=None) -> str:  # type: ignore[no-untyped-def]
    return key_of(ingredients(stage, known_of(recipe), inputs or {}, files or {}, code or {}))


def test_key_changes_with_what_is_read_and_with_nothing_else() -> None:
    other_seed = RECIPE.model_copy(update={"seed": 7})
    other_boards = RECIPE.model_copy(update={"targets": ("esp32-s3",)})
    assert key() == key(other_boards)
    different = [
        key(other_seed),
        key(inputs={"data": "1"}),
        key(files={"model": "1"}),
        key(code={"m.py": "1"}),
        key(stage=Stage("s", "m:other", "title", reads=("seed", "train"), uses=("numpy",))),
        key(stage=Stage("s", "m:f", "title", reads=("seed", "train"), uses=("numpy", "scipy"))),
    ]
    assert len({key(), *different}) == len(different) + 1


def test_a_stage_cannot_read_what_it_has_not_declared() -> None:
    seen = restricted(RECIPE, ("seed", "quantize.calibration.samples"))
    assert (seen.seed, seen.quantize.calibration.samples) == (42, 200)
    for path in ("train", "name"):
        with pytest.raises(AttributeError):
            getattr(seen, path)
    with pytest.raises(AttributeError):
        _ = seen.quantize.tflite
    assert RECIPE.train.epochs  # the recipe itself is untouched


def test_stages_stand_in_order_and_read_what_exists() -> None:
    seen: set[str] = set()
    for stage in STAGES:
        assert set(stage.after) <= seen, stage.name
        for path in stage.reads:
            section(known_of(RECIPE).recipe, path)
        seen.add(stage.name)


def test_every_part_of_the_recipe_is_read_by_some_stage_before_the_report() -> None:
    read = {path for stage in STAGES[:-1] for path in stage.reads}
    leaves = {"data.root", "quantize.calibration.file"}  # read as files, by their hash
    for name in type(RECIPE).model_fields:
        parts = [f"{name}.{part}" for part in getattr(type(getattr(RECIPE, name)), "model_fields", {})]
        assert name in read or all(any(path.startswith(part) for path in read) or part in leaves for part in parts), (
            name
        )


def test_a_program_on_the_path_is_part_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage("s", "m:f", "title", programs=("edgetpu_compiler",))
    monkeypatch.setenv("PATH", str(tmp_path))
    keys = {key(stage=stage)}
    for text in ("#!/bin/sh\n", "#!/bin/sh\ntrue\n"):
        (tmp_path / "edgetpu_compiler").write_text(text)
        (tmp_path / "edgetpu_compiler").chmod(0o755)
        keys.add(key(stage=stage))
    assert len(keys) == 3
    assert ingredients(STAGE, known_of(RECIPE), {}, {}, {}).get("programs") is None, "the keys of other stages stay"
