"""A build judges its model by the library that its sketch is built with."""

import json
from pathlib import Path

import numpy as np
import pytest
from arduino_projects import DIGITS, digit_images
from places import DATA

from edgeforge.builder.stage import Job, restricted
from edgeforge.errors import BudgetExceeded
from edgeforge.hardware.boards import board
from edgeforge.recipe.schema import Recipe
from edgeforge.results.files import TARGETS_FILE
from edgeforge.results.variant import Variant, write_variants
from edgeforge.targets.arduino.stage import pack_arduino
from edgeforge.targets.fit.stage import judge_fit, read_fit

MODEL = DATA / "digits_int8.tflite"
PER_CHANNEL = DATA / "digits_int8_per_channel_dense.tflite"


def job(stage: str, folder: Path, reads: tuple[str, ...], **recipe: object) -> Job:
    whole = {"name": "digits", "data": {"source": "digits"}, "model": {"name": "m"}} | recipe
    (folder / stage).mkdir()
    return Job(
        stage=stage,
        recipe=restricted(Recipe.model_validate(whole), reads),
        inputs={name: folder / name for name in ("tflite", "tflm", "fit", "data")},
        output=folder / stage,
        scratch=folder,
        progress=lambda done, text: None,
    )


def judged(folder: Path, **recipe: object) -> Path:
    """Judge the model that ships, and return the stage's folder."""
    (folder / "tflite").mkdir()
    (folder / "tflite" / "wrong.tflite").write_bytes(PER_CHANNEL.read_bytes())
    write_variants(folder / "tflite", [Variant("tflite-int8", "litert", "int8", "wrong.tflite")])
    reads = ("targets", "boards", "on_misfit", "library", "runtime", "quantize.ship")
    judge_fit(job("fit", folder, reads, targets=("arduino-nano-33-ble",), **recipe))
    return folder / "fit"


def test_a_model_that_the_library_would_compute_wrongly_stops_the_build(tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded, match=r"FULLY_CONNECTED 4 .* per channel \(10 scales\)") as caught:
        judged(tmp_path)
    assert "quantize.tflite.per_channel_dense: false" in caught.value.fix


def test_another_library_takes_it(tmp_path: Path) -> None:
    (row,) = read_fit(judged(tmp_path, library="tflite-micro-2026-08")).values()
    assert row.deployable and not row.library.refusals


def test_a_misfit_that_is_only_reported_is_not_packed(tmp_path: Path) -> None:
    judged(tmp_path, on_misfit="report")
    (tmp_path / "tflm").mkdir()
    (tmp_path / "tflm" / "tflm.json").write_text(json.dumps({"reason": "", "operators": []}))
    reads = ("name", "targets", "boards", "on_misfit", "library", "runtime", "quantize.ship")
    pack_arduino(job("arduino", tmp_path, reads, targets=("arduino-nano-33-ble",), on_misfit="report"))
    (row,) = json.loads((tmp_path / "arduino" / TARGETS_FILE).read_text())
    assert (row["fits"], row["library_takes_it"], row["project"]) == (True, False, None)
    assert "computes these wrongly" in row["reason"]
    assert not (tmp_path / "arduino" / "digits").exists()


def test_a_sketch_is_for_the_boards_that_the_model_fits(tmp_path: Path) -> None:
    """on_misfit: report. A board that the model does not fit stands in the report, and in no file of the sketch."""
    (tmp_path / "tflite").mkdir()
    (tmp_path / "tflite" / "digits.tflite").write_bytes(MODEL.read_bytes())
    write_variants(tmp_path / "tflite", [Variant("tflite-int8", "litert", "int8", "digits.tflite")])
    small = dict(board("arduino-nano-33-ble")) | {
        "title": "Too small",
        "fqbn": "arduino:mbed_nano:tiny",
        "ram_bytes": 9000,
        "core_ram_bytes": 8000,
    }
    recipe = {"boards": {"small": small}, "targets": ("small", "arduino-nano-33-ble"), "on_misfit": "report"}
    judge_fit(job("fit", tmp_path, ("targets", "boards", "on_misfit", "library", "runtime", "quantize.ship"), **recipe))
    (tmp_path / "tflm").mkdir()
    (tmp_path / "tflm" / "tflm.json").write_text(json.dumps({"reason": "", "operators": ["CONV_2D"]}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "preprocessing.json").write_text(DIGITS.to_json())
    images, labels = digit_images()
    np.savez(tmp_path / "data" / "data.npz", test_x=images[:20], test_y=labels[:20])
    reads = ("name", "targets", "boards", "on_misfit", "library", "runtime", "quantize.ship")
    pack_arduino(job("arduino", tmp_path, reads, **recipe))
    rows = json.loads((tmp_path / "arduino" / TARGETS_FILE).read_text())
    assert [(row["fits"], row["project"]) for row in rows] == [(False, None), (True, "arduino/digits")]
    texts = {path.name: path.read_text() for path in (tmp_path / "arduino" / "digits").iterdir()}
    assert "nano33ble" in texts["sketch.yaml"] and "nano33ble" in texts["platformio.ini"]
    assert not [name for name, text in texts.items() if "tiny" in text or "Too small" in text]


def test_a_board_that_the_library_is_not_made_for_is_said(tmp_path: Path) -> None:
    (tmp_path / "tflite").mkdir()
    (tmp_path / "tflite" / "digits.tflite").write_bytes(MODEL.read_bytes())
    write_variants(tmp_path / "tflite", [Variant("tflite-int8", "litert", "int8", "digits.tflite")])
    reads = ("targets", "boards", "on_misfit", "library", "runtime", "quantize.ship")
    boards = ("arduino-uno-r4-minima", "arduino-nano-33-ble")
    judge_fit(job("fit", tmp_path, reads, targets=boards, on_misfit="report"))
    rows = read_fit(tmp_path / "fit")
    assert "not for this Arduino core" in rows["arduino-uno-r4-minima"].library.caveats[0]
    assert rows["arduino-nano-33-ble"].library.caveats == []
