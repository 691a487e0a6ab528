"""Labels of several heads: what is stored, what is split in proportion, what a value is normalised by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.data.labels import as_stored, fitted_heads, head_labels, strata
from edgeforge.errors import RecipeError
from edgeforge.results.head import Head

KIND = Head("kind", ("a", "b", "c"))
LIFE = Head("life", unit="cycles", log=True)


def test_one_head_of_classes_keeps_plain_labels() -> None:
    stored = as_stored(np.array([0, 2, 1]), (KIND,))
    assert stored.dtype == np.int64 and stored.shape == (3,)


def test_each_head_gets_its_column_back() -> None:
    stored = as_stored(np.array([[500.0, 1], [900.0, 2]]), (LIFE, KIND))
    assert head_labels(stored, (LIFE, KIND), 0).tolist() == [500.0, 900.0]
    assert head_labels(stored, (LIFE, KIND), 1).tolist() == [1, 2]
    assert head_labels(stored, (LIFE, KIND), 1).dtype == np.int64


@pytest.mark.parametrize("labels, said", [
    ([[1.0, 1], [0.0, 2]], "above 0"), ([[1.0, 1], [np.nan, 2]], "above 0"), ([1.0, 2.0], "1 labels an input, 2 heads"),
])  # fmt: skip
def test_labels_that_cannot_be_learned_are_refused(labels: list, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        as_stored(np.array(labels), (LIFE, KIND))


@given(st.lists(st.floats(1.0, 1e4), min_size=2, max_size=30).filter(lambda values: max(values) > 1.01 * min(values)))
def test_a_value_comes_back_from_what_the_network_learns(values: list[float]) -> None:
    labels = np.array(values)
    (head,) = fitted_heads((LIFE,), labels)
    normalised = head.normalised(labels)
    assert abs(normalised.mean()) < 1e-3
    np.testing.assert_allclose(head.value(normalised.astype(np.float32)), labels, rtol=1e-4)


def test_equal_labels_of_a_value_are_refused() -> None:
    with pytest.raises(RecipeError, match="'life' is the same"):
        fitted_heads((LIFE,), np.full(5, 3.0))


def test_strata_of_a_value_hold_as_many_inputs_each() -> None:
    values = np.random.default_rng(0).lognormal(6, 1, 100)
    part = strata(values, LIFE, 5)
    assert np.bincount(part).tolist() == [20] * 5
    assert max(values[part == 0]) < min(values[part == 1])
