from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.data.representative import balanced, read_own, require_classes
from edgeforge.errors import RecipeError
from edgeforge.results.head import Head


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=200),
    samples=st.integers(1, 250),
    seed=st.integers(0, 1000),
)
def test_samples_are_as_even_over_the_classes_as_the_data_allows(labels: list[int], samples: int, seed: int) -> None:
    array = np.array(labels)
    index = balanced(array, samples, seed)
    assert len(index) == min(samples, len(array)) == len(set(index.tolist()))
    chosen, there = np.bincount(array[index], minlength=5), np.bincount(array, minlength=5)
    most = chosen.max()
    assert all(count == total or count >= most - 1 for count, total in zip(chosen, there, strict=True))
    assert (balanced(array, samples, seed) == index).all()


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({"images": np.zeros((3, 1, 8, 8))}, "has no array 'x'"),
        ({"x": np.zeros((0, 1, 8, 8))}, "x is empty"),
        ({"x": np.zeros((3, 8, 8, 1))}, "N,H,W,C"),
        ({"x": np.zeros((3, 1, 9, 8))}, "the model takes (N,1,8,8)"),
        ({"x": np.full((3, 1, 8, 8), np.nan)}, "NaN or infinity"),
        ({"x": np.zeros((3, 1, 8, 8)), "y": np.zeros(2)}, "3 inputs and 2 labels"),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, arrays: dict[str, np.ndarray], expected: str) -> None:
    np.savez(tmp_path / "c.npz", **arrays)
    with pytest.raises(RecipeError) as caught:
        read_own(tmp_path / "c.npz", (1, 8, 8))
    assert expected in str(caught.value)


def test_a_file_that_is_no_npz_is_one_clear_error(tmp_path: Path) -> None:
    for content in (b"", b"hello", b"PK\x03\x04"):
        (tmp_path / "c.npz").write_bytes(content)
        with pytest.raises(RecipeError, match="cannot be read"):
            read_own(tmp_path / "c.npz", (1, 8, 8))


def test_labels_that_are_no_classes_are_refused() -> None:
    head = Head("species", classes=("cat", "dog"))
    require_classes(np.array([0, 1]), head, Path("c.npz"))
    with pytest.raises(RecipeError, match=r"c\.npz: y holds 1099511627776, of 2 classes"):
        require_classes(np.array([0, 2**40]), head, Path("c.npz"))
    require_classes(np.array([0.5, 2.0**40]), Head("age", unit="years"), Path("c.npz"))
