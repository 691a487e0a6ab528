"""Each usual mistake is made on real digits, and must be named."""

import numpy as np
import pytest
from sklearn.datasets import load_digits

from edgeforge.data.lint import lint_calibration
from edgeforge.results.preprocessing import Preprocessing

DIGITS = load_digits()
RAW = DIGITS.images.astype(np.uint8)[:, None]
LABELS = DIGITS.target.astype(np.int64)
AS_EXPECTED = Preprocessing((1, 8, 8), 16.0, (0.3053,), (0.3760,), tuple("0123456789"))
TRAINING = AS_EXPECTED.apply(RAW)


def names(x: np.ndarray, y: np.ndarray | None) -> list[str]:
    found = lint_calibration(x.astype(np.float32), y, TRAINING, AS_EXPECTED)
    return [f"{finding.severity}: {finding.what}" for finding in found]


def test_a_right_set_has_no_findings() -> None:
    assert names(TRAINING[:200], LABELS[:200]) == []


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (RAW[:200], "error: calibration, wrong range"),
        (RAW[:200] / 16.0, "error: calibration, wrong normalisation"),
        (RAW[:200] / 16.0 - 0.3053, "error: calibration, wrong normalisation"),
    ],
    ids=["raw pixels", "not normalised", "wrong spread"],
)
def test_wrong_values_are_named(x: np.ndarray, expected: str) -> None:
    assert any(name.startswith(expected) for name in names(x, LABELS[:200]))


def test_wrong_classes_are_named() -> None:
    ones = LABELS == 1
    assert "error: calibration, one class only: every sample is '1'" in names(TRAINING[ones], LABELS[ones])
    few = LABELS < 8
    assert "warning: calibration, 2 classes are missing: 8, 9" in names(TRAINING[few], LABELS[few])
    assert names(TRAINING[:200], None)[0].startswith("warning: calibration, no labels")
    assert names(TRAINING[:20], LABELS[:20]) == ["warning: calibration, only 20 samples: ranges may be too narrow"]
