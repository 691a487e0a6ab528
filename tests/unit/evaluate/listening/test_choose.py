"""Detections against what was said, and the choice of smoothing and thresholds; the C detector itself."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import settings_of

from edgeforge.evaluate.listening.choose import choose, judged
from edgeforge.features.compiled import Features

EVENTS = np.array([[0, 10, 20], [1, 50, 60], [0, 100, 110]])
ENDS = np.arange(5, 150, 5)


def detections(*said: tuple[int, int]) -> np.ndarray:
    """Return a class or -1 at each inference: (class, frame that it ends with)."""
    found = np.full(len(ENDS), -1, np.intc)
    for label, end in said:
        found[list(ENDS).index(end)] = label
    return found


@pytest.mark.parametrize(
    ("said", "detected", "false"),
    [
        ([(0, 15), (1, 65), (0, 110)], 3, ()),
        ([(0, 15), (0, 20)], 1, (0,)),  # a second time
        ([(1, 15)], 0, (1,)),  # another word
        ([(0, 30), (0, 35)], 1, (0,)),  # within 10 frames after its end, and later
        ([], 0, ()),
    ],
)
def test_a_word_is_detected_once_and_in_time(said: list, detected: int, false: tuple) -> None:
    result = judged(detections(*said), ENDS, EVENTS, 10)
    assert (result.detected, result.false) == (detected, false)


def test_the_choice_detects_enough_with_the_fewest_false_alarms() -> None:
    features, random = Features(settings_of()), np.random.default_rng(0)
    events = np.array([[place % 2, 100 * place + 20, 100 * place + 40] for place in range(40)])
    ends = np.arange(0, 4000, 10)
    scores = random.integers(0, 60, (len(ends), 3)).astype(np.uint8)
    for label, first, last in events:
        inside = (ends >= first) & (ends <= last + 20)
        scores[inside, label] = random.integers(150, 256)
    scores[::57, 1] = 190  # heard where nobody says it, for one inference
    hears = partial(features.heard, scores)
    smoothed, thresholds = choose(
        lambda smoothed, limits: hears(smoothed, 3, limits),
        lambda found, smoothed: judged(found, ends, events, 40), [0, 1], 3, len(events), 0.9,
    )  # fmt: skip
    result = judged(hears(smoothed, 3, thresholds), ends, events, 40)
    assert thresholds[2] == 0, "no word"
    assert result.detected >= 36 and len(result.false) <= 1
    assert len(judged(hears(1, 3, [60, 60, 0]), ends, events, 40).false) > 3, "without smoothing it is wrong"


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 12), scale=st.floats(0.01, 1.0))
def test_scores_are_the_softmax_in_255(seed: int, classes: int, scale: float) -> None:
    outputs = np.random.default_rng(seed).integers(-128, 128, (5, classes)).astype(np.int8)
    logits = outputs.astype(float) * scale
    powers = np.exp(logits - logits.max(1, keepdims=True))
    wanted = 255 * powers / powers.sum(1, keepdims=True)
    assert abs(Features(settings_of()).scores(outputs, scale) - wanted).max() < 0.75


def test_a_pause_follows_a_detection_and_smoothing_waits() -> None:
    features = Features(settings_of())
    scores = np.array([[0, 200]] * 10, np.uint8)
    assert features.heard(scores, 1, 3, [0, 100]).tolist() == [1, -1, -1, -1, 1, -1, -1, -1, 1, -1]
    assert features.heard(scores, 4, 99, [0, 200]).tolist() == [-1, -1, -1, 1, *[-1] * 6]
    assert (features.heard(scores, 1, 0, [0, 201]) == -1).all()
    assert (features.heard(scores[:, ::-1].copy(), 1, 0, [0, 1]) == -1).all(), "a class of no threshold"
