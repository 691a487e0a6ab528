"""The sum of code_size.toml's rows against whole programs, linked as that file says (text + data, in bytes)."""

import pytest

from edgeforge.errors import RecipeError
from edgeforge.hardware.boards import board
from edgeforge.targets.fit.flash import Contents, flash_of

PLAIN = ("CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "RESHAPE")
SEPARABLE = ("CONV_2D", "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "SOFTMAX")
RESIDUAL = ("CONV_2D", "ADD", "MEAN", "FULLY_CONNECTED")
LINKED = {
    ("tflite-micro", "reference"): {PLAIN: 49308, SEPARABLE: 53564, RESIDUAL: 55712},
    ("tflite-micro", "cmsis-nn"): {PLAIN: 75956, SEPARABLE: 87388, RESIDUAL: 84400},
    ("chirale-2.0.0", "cmsis-nn"): {PLAIN: 53024, SEPARABLE: 63980, RESIDUAL: 59908},
}


@pytest.mark.parametrize(("library", "kernels"), LINKED)
def test_the_sum_is_what_a_program_with_all_the_operators_takes(library: str, kernels: str) -> None:
    cortex_m4, nothing = board("arduino-nano-33-ble"), Contents(vector_bytes=1, tables_bytes=0)
    for operators, linked in LINKED[library, kernels].items():
        flash = flash_of(0, list(operators), cortex_m4, library, kernels, nothing)
        assert flash.kernels_bytes + flash.runtime_bytes == pytest.approx(linked, rel=0.005)


def test_kernels_that_were_not_measured_are_guessed_from_others_and_said() -> None:
    esp, nothing = board("esp32-s3"), Contents(vector_bytes=1, tables_bytes=0)
    flash = flash_of(0, ["CONV_2D", "RESHAPE"], esp, "tflite-micro", "esp-nn", nothing)
    assert flash.estimated == ["CONV_2D"]
    with pytest.raises(RecipeError, match=r"chirale-2\.0\.0 has no reference kernels"):
        flash_of(0, ["CONV_2D"], esp, "chirale-2.0.0", "reference", nothing)
