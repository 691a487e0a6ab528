"""Hostile inputs over every verb: each is refused in one clear error, or rightly taken; see count_hostile.py.

A seeded sample is in `make test`; `make soak` makes two thousand.
"""

from __future__ import annotations

import pytest
from hostile_counts import GENERATORS, Found, case_of, run_all, shares, table
from hostile_options import options

RIGHT = ("refused", "taken")
SLOW = (
    "onnx and torch, build",
    "training arrays",
    "images",
    "tables",
    "starts",
    "records",
    "stores",
    "right",
    "sounds",
    "masks",
    "windows",
    "sections of a search",
)  # they may build
SAMPLE = 2  # of each kind that does not build


def faults(found: list[Found]) -> list[str]:
    wrong = [one for one in found if one.verdict not in RIGHT]
    return [f"{one.generator} {one.number}: {one.kind}: {one.verdict}: {one.shown}" for one in wrong]


def test_a_sample(record_property: pytest.RecordProperty) -> None:
    wanted = [(name, number) for name in GENERATORS if name not in SLOW for number in range(SAMPLE)]
    found = list(run_all(wanted, seed=0))
    record_property(
        "hostile inputs, fast sample", f"{len(found)}, {sum(one.verdict == 'refused' for one in found)} refused"
    )
    assert not faults(found)


@pytest.mark.soak
def test_two_thousand(record_property: pytest.RecordProperty) -> None:
    wanted = [(name, number) for name, share in shares(2000).items() for number in range(share)]
    found = list(run_all(wanted, seed=0))
    record_property("hostile inputs", f"{len(found)}\n{table(found, 'verb')}\n{table(found, 'generator')}")
    assert len(found) >= 2000 and not faults(found)


def test_inputs_are_many_and_the_same_each_time() -> None:
    assert sum(shares(2000).values()) >= 2000
    for name in GENERATORS:
        first, again = case_of(name, 3, 0), case_of(name, 3, 0)
        assert (first.words, first.kind, list(first.files)) == (again.words, again.kind, list(again.files))


def test_every_verb_is_met() -> None:
    numbers = {name: 200 if name == "options" else 12 for name in GENERATORS}
    met = {case_of(name, number, 0).verb for name, count in numbers.items() for number in range(count)}
    assert {option.verb for option in options()} <= met | {"boards", "doctor"}
