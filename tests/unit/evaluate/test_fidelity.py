from pathlib import Path

import numpy as np
import pytest
from tflite_models import chain, images, quantized

from edgeforge.evaluate.fidelity import sqnr_db, too_little


@pytest.mark.parametrize(("narrow", "said"), [(1.0, False), (0.02, True)])
def test_an_int8_model_that_keeps_too_little_is_told(tmp_path: Path, narrow: float, said: bool) -> None:
    ranges = {} if narrow == 1.0 else {"conv_2d_0": (0.0, narrow)}
    for name, data in (("float", chain()), ("int8", quantized(chain(), images(), **ranges))):
        (tmp_path / f"{name}.tflite").write_bytes(data)
    kept = sqnr_db(tmp_path / "float.tflite", tmp_path / "int8.tflite", images())
    assert kept is not None and (kept < 15) is said
    assert bool(too_little("int8", kept)) is said


def test_what_is_equal_keeps_all(tmp_path: Path) -> None:
    (tmp_path / "float.tflite").write_bytes(chain())
    assert sqnr_db(tmp_path / "float.tflite", tmp_path / "float.tflite", np.asarray(images())) is None
    assert too_little("the model", None) == ""
    assert too_little("the model", 3.21, " on 4 inputs") == (
        "the model keeps only 3.2 dB of the float model's answers on 4 inputs (15 dB is the least)"
    )
