"""Metrics of each head, from outputs alone."""

import numpy as np
import pytest

from edgeforge.evaluate.metrics import metrics
from edgeforge.evaluate.statistics import rmse_difference, rmse_interval
from edgeforge.results.head import Head
from edgeforge.results.preprocessing import Preprocessing

KIND = Head("kind", ("a", "b", "c"))
LIFE = Head("life", unit="cycles", mean=np.log(500.0), std=0.5, log=True)
WORDS = Preprocessing((1, 1, 1), 1.0, (0.0,), (1.0,), (), (LIFE, KIND), "float32")


def outputs(lives: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    logits = np.eye(3)[kinds]
    return np.column_stack([LIFE.normalised(lives), logits]).astype(np.float32)


def test_each_head_is_measured_on_its_own_slice() -> None:
    lives, kinds = np.array([400.0, 500.0, 600.0, 800.0]), np.array([0, 1, 2, 1])
    labels = np.column_stack([lives, kinds]).astype(float)
    found = outputs(lives + np.array([3.0, -3, 3, -3]), np.array([0, 1, 2, 2]))
    reference = outputs(lives, kinds)
    row, drop = metrics(found, reference, labels, WORDS, {"more": (reference, labels)})
    assert row.head == "life" and row.unit == "cycles" and row.top1 is None
    assert row.rmse == pytest.approx(3.0, rel=1e-3) and row.mae == pytest.approx(3.0, rel=1e-3)
    assert row.further["more"].rmse == pytest.approx(0.0, abs=1e-2)
    assert drop.rmse == pytest.approx(3.0, rel=1e-2) and drop.verdict == "worse" and drop.unit == "cycles"
    (kind,) = row.others
    assert kind.top1 == 0.75 and kind.balanced == pytest.approx((1 + 0.5 + 1) / 3)
    assert kind.drop and kind.drop.only_reference_right == 1 and kind.drop.verdict == "tie"


def test_the_reference_is_its_own_reference() -> None:
    labels = np.array([[400.0, 1], [600.0, 0]])
    _, drop = metrics(outputs(labels[:, 0], labels[:, 1].astype(int)), None, labels, WORDS, {})
    assert drop.verdict == "reference"


def test_rmse_differences_are_judged_in_pairs() -> None:
    random = np.random.default_rng(3)
    errors = random.normal(0, 100, 60)
    assert rmse_difference(errors, errors)[0] == 0 and rmse_difference(errors, errors)[3] == "tie"
    difference, low, high, verdict = rmse_difference(errors, 1.05 * errors)  # unpaired, this would be lost in the noise
    assert low <= difference <= high and verdict == "worse"
    assert rmse_difference(1.05 * errors, errors)[3] == "better"
    low, high = rmse_interval(errors)
    assert low < np.sqrt((errors**2).mean()) < high
