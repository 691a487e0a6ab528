import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeforge.tflite.tensor_spec import TensorSpec
from edgeforge.tflite.tensors import from_output, to_input

IMAGES = arrays(np.float32, (2, 3, 4, 5), elements=st.floats(-4, 4, width=32))


@given(images=IMAGES, scale=st.floats(0.01, 0.5), zero_point=st.integers(-128, 127))
def test_quantizing_stays_within_half_a_step_or_clamps(images: np.ndarray, scale: float, zero_point: int) -> None:
    spec = TensorSpec((1, 4, 5, 3), "int8", scale, zero_point)
    tensor = to_input(images, spec)
    assert tensor.shape == (2, 4, 5, 3) and tensor.dtype == np.int8
    back = from_output(tensor, spec)
    low, high = (-128 - zero_point) * scale, (127 - zero_point) * scale
    wanted = np.clip(images.transpose(0, 2, 3, 1), low, high)
    assert np.abs(back - wanted).max() <= scale * 0.5001


def test_halves_go_away_from_zero() -> None:
    images = np.array([0.5, -0.5, 1.5, -1.5, 2.5, 0.49999997, -0.49999997], np.float32).reshape(1, 1, 1, 7)
    assert to_input(images, TensorSpec((), "int8", 1.0, 0)).ravel().tolist() == [1, -1, 2, -2, 3, 0, 0]


def test_float_models_get_their_input_as_it_is() -> None:
    images = np.random.default_rng(0).normal(size=(1, 2, 3, 4)).astype(np.float32)
    assert (to_input(images, TensorSpec((), "float32")) == images.transpose(0, 2, 3, 1)).all()
