from hypothesis import given
from hypothesis import strategies as st

from edgeforge.tflite.layer_match import align

LETTERS = st.text("abc", max_size=12)


def same(a: str, b: str) -> float:
    return float(a == b)


def test_gaps_are_found_on_either_side() -> None:
    assert align("abc", "abc", same) == [(0, 0), (1, 1), (2, 2)]
    assert align("abc", "ac", same) == [(0, 0), (1, None), (2, 1)]
    assert align("ac", "abc", same) == [(0, 0), (None, 1), (1, 2)]
    assert align("", "a", same) == [(None, 0)]


def test_what_weighs_more_is_kept() -> None:
    # x can pair with x or both y with y, but not all three.
    heavy = align("xyy", "yyx", lambda a, b: (10.0 if a == "x" else 1.0) if a == b else 0.0)
    assert (0, 2) in heavy
    assert [pair for pair in align("xyy", "yyx", same) if None not in pair] == [(1, 0), (2, 1)]


@given(LETTERS, LETTERS)
def test_every_place_is_there_once_and_in_order(ours: str, theirs: str) -> None:
    path = align(ours, theirs, same)
    assert [a for a, _ in path if a is not None] == list(range(len(ours)))
    assert [b for _, b in path if b is not None] == list(range(len(theirs)))
    assert all(ours[a] == theirs[b] for a, b in path if a is not None and b is not None)


@given(LETTERS, st.data())
def test_a_sequence_with_insertions_is_matched_whole(ours: str, data: st.DataObject) -> None:
    theirs = ours
    for _ in range(3):
        place = data.draw(st.integers(0, len(theirs)))
        theirs = theirs[:place] + "z" + theirs[place:]
    pairs = [pair for pair in align(ours, theirs, same) if None not in pair]
    assert len(pairs) == len(ours)
