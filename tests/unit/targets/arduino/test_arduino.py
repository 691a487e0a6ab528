import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.targets.arduino.project import c_array, c_float


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_c_float_reads_back_as_the_same_float(value: float) -> None:
    assert np.float32(c_float(value).rstrip("f")) == np.float32(value)


def test_arrays_are_written_row_by_row() -> None:
    assert c_array(b"\x00\xff\x10", 2) == "0x00, 0xff,\n    0x10"
    assert c_array(np.array([[1, -2], [3, 4]], np.int8), 3) == "1, -2, 3,\n    4"
