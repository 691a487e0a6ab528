"""Packs a small full-integer model trained on scikit-learn's digits (tests/data/digits_int8.tflite)."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from places import DATA

from edgeforge.builder.stage import Job, restricted
from edgeforge.errors import StageFailed
from edgeforge.hardware.boards import board
from edgeforge.recipe.schema import Recipe
from edgeforge.results.preprocessing import Preprocessing
from edgeforge.results.rows.report import TargetRow
from edgeforge.results.variant import Variant, write_variants
from edgeforge.targets.arduino.stage import pack_arduino
from edgeforge.targets.fit.stage import judge_fit

MODEL = DATA / "digits_int8.tflite"
TFLM = {
    "arena_bytes": 3520,
    "arena_head_bytes": 1280,
    "arena_tail_bytes": 2240,
    "operators": ["CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "RESHAPE"],
    "reason": "",
}
QUOTED = 'the "nine"'  # a class as a person may name it


def pack(folder: Path, *targets: str, **facts: object) -> tuple[Path, list[TargetRow]]:
    """Return the project's folder and the rows of targets.json."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    inputs = {name: folder / name for name in ("data", "tflite", "tflm")}
    for path in (*inputs.values(), folder / "out"):
        path.mkdir(parents=True)
    images = digits.images[:, None].astype(np.uint8)
    np.savez(inputs["data"] / "data.npz", test_x=images[:20], test_y=digits.target[:20])
    classes = (*map(str, range(9)), QUOTED)
    preprocessing = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), classes)
    (inputs["data"] / "preprocessing.json").write_text(preprocessing.to_json())
    shutil.copy(MODEL, inputs["tflite"])
    write_variants(inputs["tflite"], [Variant("tflite-int8", "litert", "int8", MODEL.name)])
    (inputs["tflm"] / "tflm.json").write_text(json.dumps(TFLM | facts))
    recipe = Recipe.model_validate(
        {"name": "digits", "data": {"source": "digits"}, "model": {"name": "m"}, "targets": targets}
    )
    inputs["fit"] = folder / "fit"
    inputs["fit"].mkdir()
    for run, output in ((judge_fit, inputs["fit"]), (pack_arduino, folder / "out")):
        run(
            Job(
                stage=output.name,
                recipe=restricted(
                    recipe, ("name", "targets", "boards", "on_misfit", "library", "runtime", "quantize.ship")
                ),
                inputs=inputs,
                output=output,
                scratch=folder,
                progress=lambda done, text: None,
            )
        )
    rows = json.loads((folder / "out" / "targets.json").read_text())
    return folder / "out" / "digits", [TargetRow.model_validate(row) for row in rows]


def test_the_project_names_its_library_boards_and_operators(tmp_path: Path) -> None:
    targets = ("arduino-nano-33-ble", "esp32-s3")
    project, rows = pack(tmp_path, *targets)
    assert (project / "digits.ino").is_file()
    classifier = (project / "classifier.cc").read_text()
    first = next(line for line in classifier.splitlines() if line.startswith("#include <"))
    assert first == "#include <Chirale_TensorFlowLite.h>", "the Arduino build finds no library by nested headers"
    assert "MicroMutableOpResolver<4>" in classifier and classifier.count("resolver.Add") == 4
    profiles = yaml.safe_load((project / "sketch.yaml").read_text())["profiles"]
    assert [profile["fqbn"] for profile in profiles.values()] == [board(key).fqbn for key in targets]
    assert all(profile["platforms"] and profile["libraries"] for profile in profiles.values())
    assert [row.fits for row in rows] == [True, True]


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (pack(tmp_path / name, "arduino-nano-33-ble")[0] for name in "ab")
    assert len(list(one.iterdir())) > 20
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name


def test_the_arena_is_that_of_the_board_that_needs_most_and_the_sketch_says_why(tmp_path: Path) -> None:
    project, rows = pack(tmp_path, "esp32-s3", "arduino-nano-33-ble")
    reserved = [row.fit.arena_reserved_bytes for row in rows if row.fit]
    settings = (project / "settings.h").read_text()
    assert f"kArenaBytes = {max(reserved)};" in settings and "CONV_2D 1" in settings


def test_a_model_that_tflm_refuses_gives_rows_with_the_reason_and_no_project(tmp_path: Path) -> None:
    project, (row,) = pack(tmp_path, "esp32-s3", reason="TFLM refuses the model: no FLEX_ERF")
    assert row.fits is None and row.reason == "TFLM refuses the model: no FLEX_ERF" and not project.exists()


def test_an_operator_without_a_resolver_method_is_named(tmp_path: Path) -> None:
    with pytest.raises(StageFailed, match="FLEX_ERF"):
        pack(tmp_path, "esp32-s3", operators=["FLEX_ERF"])
