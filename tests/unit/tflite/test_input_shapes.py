import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.errors import RecipeError
from edgeforge.tflite.input_shapes import fixed_shapes, parse_shapes


@given(st.lists(st.integers(1, 500), min_size=1, max_size=4), st.sampled_from([-1, None, "batch", 0]))
def test_a_free_batch_is_one_and_the_rest_stays(sizes: list[int], batch: object) -> None:
    assert fixed_shapes({"x": [batch, *sizes]}, {}) == {"x": (1, *sizes)}
    assert fixed_shapes({"x": [7, *sizes]}, {}) == {"x": (7, *sizes)}


def test_shapes_are_said_by_name() -> None:
    inputs = {"serving_default_image:0": [-1, -1, -1, 3], "sensor": [None, 4]}
    said = parse_shapes(["image=1,96,96,3"])
    assert fixed_shapes(inputs, said) == {"serving_default_image:0": (1, 96, 96, 3), "sensor": (1, 4)}
    assert fixed_shapes({"x": [-1, -1]}, parse_shapes(["2,9"])) == {"x": (2, 9)}


@pytest.mark.parametrize(
    ("inputs", "said", "reason", "fix"),
    [
        ({"x": [-1]}, {}, "its input 'x' leaves dimensions free: [?]", "say its shape, for instance --shape x=96"),
        (
            {"x": [-1, "height", 3]}, {}, "its input 'x' leaves dimensions free: [1,?,3]",
            "say its shape, for instance --shape x=1,96,3",
        ),
        (
            {"x": [-1, 3], "y": [1]}, {"z": (1, 3)}, "--shape: 'z' is no input (known: x, y)",
            "its inputs are called x, y: --shape NAME=1,96,…",
        ),
        (
            {"x": [-1, 3], "y": [1]}, {"": (1, 3)}, "--shape: which input is meant?",
            "its inputs are called x, y: --shape NAME=1,96,…",
        ),
        (
            {"x": [-1, 3]}, {"x": (1, 4)}, "--shape x=1,4: the file says [?,3]",
            "give a size to each dimension that is free (?), and leave the others",
        ),
    ],
)  # fmt: skip
def test_what_is_not_known_is_asked_for(
    inputs: dict[str, list[object]], said: dict[str, tuple[int, ...]], reason: str, fix: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        fixed_shapes(inputs, said)
    assert (caught.value.reason, caught.value.fix) == (reason, fix)


@pytest.mark.parametrize("text", ["x=", "x=1,a", "1;2", "x=0,3"])
def test_no_shape_is_named(text: str) -> None:
    with pytest.raises(RecipeError, match="--shape"):
        parse_shapes([text])
