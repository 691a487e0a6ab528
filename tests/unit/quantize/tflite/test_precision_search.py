"""The search for wide layers, on a made-up network whose layers cost what the test says."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from edgeforge.quantize.tflite.precision_search import Judged, fewest_wide, sensitivities

FLOAT = Judged(1000, 0.9, 0.0)
COSTS = st.dictionaries(st.text("abcdefgh", min_size=1, max_size=2), st.integers(0, 9), min_size=1, max_size=8)


class Network:
    """Every layer in int8 costs a number of thousandths of accuracy; wide ones cost 10 bytes each."""

    def __init__(self, costs: Mapping[str, int]) -> None:
        self.costs, self.judged = costs, 0

    def judge(self, precision: str, exceptions: Mapping[str, str]) -> Judged:
        self.judged += 1
        kinds = {layer: exceptions.get(layer, precision) for layer in self.costs}
        lost = sum(cost for layer, cost in self.costs.items() if kinds[layer] == "int8")
        return Judged(100 + 10 * sum(kind != "int8" for kind in kinds.values()), 0.9 - lost / 1000, float(lost))


def search(costs: Mapping[str, int], max_drop: float):  # type: ignore[no-untyped-def]
    network = Network(costs)
    order = [row.layer for row in sensitivities(list(costs), network.judge, FLOAT, lambda *_: None)]
    return order, *fewest_wide(order, "int16", network.judge, FLOAT, max_drop, lambda *_: None)


@given(COSTS)
def test_layers_are_ordered_by_what_they_cost(costs: dict[str, int]) -> None:
    order, _, _ = search(costs, 100.0)
    assert [costs[layer] for layer in order] == sorted(costs.values(), reverse=True)


@given(COSTS, st.integers(0, 80))
def test_the_choice_is_within_the_limit_and_no_wider_than_needed(costs: dict[str, int], limit: int) -> None:
    max_drop = (limit + 0.5) / 10
    order, best, points = search(costs, max_drop)
    assert best is not None  # with all layers wide nothing is lost
    left = sum(costs[layer] for layer in costs if layer not in best.wide)
    assert left <= limit
    # Costs add up here, so the costliest first is the fewest there can be.
    fewest = next(n for n in range(len(order) + 1) if sum(costs[layer] for layer in order[n:]) <= limit)
    assert len(best.wide) == fewest
    assert any(point.wide == () for point in points) and any(len(point.wide) == len(order) for point in points)


def test_no_choice_when_even_all_wide_is_not_enough() -> None:
    always_bad = Judged(100, 0.5, 1.0)
    best, points = fewest_wide(["a", "b"], "int16", lambda *_: always_bad, FLOAT, 1.0, lambda *_: None)
    assert best is None and len(points) == 3
