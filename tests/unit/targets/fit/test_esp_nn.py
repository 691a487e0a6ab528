"""ESP-NN's scratch buffers against what its own functions return (tests/data/esp_nn_scratch.json says how)."""

import json

import pytest
from int8_models import MODELS
from places import DATA

from edgeforge.hardware.boards import board
from edgeforge.hardware.libraries import library
from edgeforge.targets.fit.esp_nn import Window, conv_scratch, depthwise_scratch
from edgeforge.targets.fit.judge import fit_model

RETURNED = json.loads((DATA / "esp_nn_scratch.json").read_text())["bytes"]
ESP = library("esp-tflite-micro-1.4.0")


@pytest.mark.parametrize("row", RETURNED, ids=lambda row: " ".join(map(str, row)))
def test_the_formula_is_esp_nn_s_own(row: list[int]) -> None:
    which, ih, iw, fh, fw, oh, ow, sh, sw, ph, pw, channels, outputs, asked = row
    window = Window((ih, iw), (fh, fw), (oh, ow), (sh, sw), (ph, pw), channels, outputs)
    formula = {"conv": conv_scratch, "depthwise": depthwise_scratch}[str(which)]
    assert formula(window, "xtensa-lx7") == asked
    assert formula(window, "xtensa-lx6") == 0  # the ESP32 has no SIMD


def test_person_detection_s_first_depthwise_layer_asks_for_more_than_its_activations() -> None:
    row = fit_model(MODELS["person_detection"](), board("esp32-s3"), sketch=ESP)
    scratch = {one.name: one.bytes for one in row.arena.buffers if one.kind == "scratch"}
    assert next(size for name, size in scratch.items() if "DEPTHWISE_CONV_2D 1 " in name) == 37_040
    assert row.library.kernels == "esp-nn" and "DEPTHWISE_CONV_2D" in row.flash.estimated
    pinned = fit_model(MODELS["person_detection"](), board("esp32-s3"))
    assert row.arena.head_bytes > pinned.arena.head_bytes
