import numpy as np
import pytest
from tiny_nets import images, mobile_net

from edgeforge.quantize.tflite.observers import calibrate
from edgeforge.quantize.tflite.passes.order import ORDER, finished, rewrite_in_order
from edgeforge.quantize.tflite.static import quantize_static
from edgeforge.tflite.flatbuffer import operators
from edgeforge.tflite.passes.compact import Compact
from edgeforge.tflite.passes.input_output_type import InputOutputType


def test_what_ships_has_its_ends_converted_and_then_shares_its_vectors() -> None:
    random = np.random.default_rng(0)
    model, x = mobile_net(random), images(random, 4)
    quantized = quantize_static(model, calibrate(model, x))
    plain, small = (finished(quantized, "float32", compact=compact) for compact in (False, True))
    assert len(small) < len(plain) and operators(small) == operators(plain)
    assert finished(quantized, None, compact=False) is quantized
    _, done = rewrite_in_order(quantized, [InputOutputType("uint8"), Compact()])
    assert list(done) == ["InputOutputType", "Compact"]


def test_another_order_is_not_taken() -> None:
    assert ORDER.index(Compact) == len(ORDER) - 1
    with pytest.raises(AssertionError, match="is not the order of ORDER"):
        rewrite_in_order(b"", [Compact(), InputOutputType("uint8")])
