"""What features may be asked for, and that whatever passes can be computed."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sounds import noise, settings_of

from edgeforge.errors import RecipeError
from edgeforge.features.compiled import Features
from edgeforge.features.settings import FeatureSettings


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stride": 481}, "no sample may be left out"),
        ({"window": 2049}, "longer than 2048"),
        ({"upper_hz": 9000.0}, "up to 8000"),
        ({"lower_hz": 7500.0}, "from 7500 to 7500"),
        ({"bands": 200}, "out of range"),
        ({"bands": 128}, "more than a window of 480 samples tells apart"),
    ],
)
def test_what_cannot_be_computed_is_refused(changes: dict[str, float], reason: str) -> None:
    with pytest.raises(RecipeError, match=reason):
        replace(settings_of(), **changes).check("data.sound")  # type: ignore[arg-type]


@settings(max_examples=8, deadline=None)
@given(
    window=st.integers(40, 2048),
    bands=st.integers(8, 40),
    rate=st.sampled_from([8000, 16_000, 44_100]),
    kind=st.sampled_from(["log-mel", "mfcc", "microfrontend"]),
)
def test_whatever_passes_is_computed(window: int, bands: int, rate: int, kind: str) -> None:
    asked = FeatureSettings(kind, rate, window, max(window // 2, 2), bands, 60.0, rate / 2.2, 8)  # type: ignore[arg-type]
    try:
        asked.check("data.sound")
    except RecipeError:
        return
    rows = Features(asked).of_clip(noise(1000, 3 * window))
    assert rows.shape == (asked.frames(3 * window), asked.values) and np.unique(rows).size > 1
