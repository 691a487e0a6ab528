from hypothesis import given
from hypothesis import strategies as st

from edgeforge.targets.fit.memory_planner import Request, height, place

requests = st.lists(
    st.builds(
        lambda size, first, length: Request(16 * size, first, first + length),
        st.integers(1, 64), st.integers(0, 12), st.integers(0, 6),
    ),
    max_size=24,
)  # fmt: skip


@given(requests)
def test_buffers_that_live_together_never_overlap(wanted: list[Request]) -> None:
    offsets = place(wanted)
    for n, one in enumerate(wanted):
        for m in range(n):
            if one.lives_with(wanted[m]):
                assert offsets[n] + one.bytes <= offsets[m] or offsets[m] + wanted[m].bytes <= offsets[n]


@given(requests)
def test_the_plan_is_as_high_as_what_is_live_at_least(wanted: list[Request]) -> None:
    top = height(wanted, place(wanted))
    live = [sum(one.bytes for one in wanted if one.first <= step <= one.last) for step in range(20)]
    assert max(live, default=0) <= top <= sum(one.bytes for one in wanted)


def test_equal_buffers_are_placed_from_the_last_to_the_first() -> None:
    assert place([Request(32, 0, 1), Request(32, 1, 2), Request(64, 2, 3)]) == [0, 64, 0]
    assert place([Request(32, 0, 1), Request(32, 0, 1)]) == [32, 0]
