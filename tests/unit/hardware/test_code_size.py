"""The sum of code_size.toml's rows against whole programs, linked as that file says (text + data, in bytes)."""

import pytest

from edgeforge.hardware.boards import board
from edgeforge.targets.fit.flash import SKETCH_BYTES, flash_of

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
    cortex_m4 = board("arduino-nano-33-ble").model_copy(update={"kernels": kernels})
    for operators, linked in LINKED[library, kernels].items():
        flash = flash_of(0, list(operators), cortex_m4, library)
        assert flash.kernels_bytes + flash.runtime_bytes - SKETCH_BYTES == pytest.approx(linked, rel=0.005)
