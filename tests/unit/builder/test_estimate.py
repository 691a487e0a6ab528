"""How long a build may take yet."""

from pathlib import Path

import pytest
from places import ROOT
from toy_builds import put, toy_build, toy_plan

from edgeforge.builder.estimate import STEADY, Left, TimeLeft, in_words, seconds_before
from edgeforge.builder.plan import make_plan
from edgeforge.builder.stage import Stage
from edgeforge.builder.store import Store
from edgeforge.recipe.load import load_recipe


class Clock:
    """Seconds that a test moves on."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def left_of(tmp_path: Path, stages: tuple[Stage, ...], before: dict[str, float], jobs: int) -> tuple[TimeLeft, Clock]:
    clock = Clock()
    plan = make_plan(load_recipe(ROOT / "recipes" / "digits.yaml"), stages, Store(tmp_path))
    return TimeLeft(plan, before, jobs, clock), clock


DIAMOND = (
    Stage("one", "toy:one", "", reads=("seed",)),
    Stage("left", "toy:left", "", after=("one",)),
    Stage("right", "toy:right", "", after=("one",)),
    Stage("timed", "toy:timed", "", after=("left",), alone=True),
)
TIMES = {"one": 10.0, "left": 20.0, "right": 30.0, "timed": 5.0}


@pytest.mark.parametrize(("jobs", "seconds"), [(1, 65.0), (2, 45.0), (9, 45.0)])
def test_a_build_is_as_long_as_its_stages_beside_each_other(tmp_path: Path, jobs: int, seconds: float) -> None:
    left, _ = left_of(tmp_path, DIAMOND, TIMES, jobs)
    assert left.build() == Left(seconds, True)


def test_what_runs_and_what_has_ended_counts_no_more_than_it_takes_yet(tmp_path: Path) -> None:
    left, clock = left_of(tmp_path, DIAMOND, TIMES, 2)
    left.started("one")
    clock.now += 4
    assert (left.stage("one"), left.build()) == (6.0, Left(41.0, True))
    clock.now += 16
    assert left.stage("one") is None and left.build() == Left(35.0, True)  # late: it may end at any moment
    left.finished("one")
    left.finished("right")  # another build has made it
    assert left.build() == Left(25.0, True)


def test_a_stage_that_reports_often_is_judged_by_its_pace(tmp_path: Path) -> None:
    left, clock = left_of(tmp_path, DIAMOND, TIMES, 2)
    left.started("one")
    clock.now += 7  # getting ready
    for step in range(STEADY - 1):
        left.progressed("one", step / 100)
        assert left.stage("one") == (3.0 - 2 * step if step < 2 else None), "what it took before"
        clock.now += 2
    left.progressed("one", (STEADY - 1) / 100)
    assert left.stage("one") == pytest.approx(2 * (101 - STEADY))


def test_what_was_never_timed_makes_a_lower_bound(tmp_path: Path) -> None:
    left, clock = left_of(tmp_path, DIAMOND, {"right": 30.0}, 2)
    assert left.build() == Left(30.0, False)
    left.started("one")
    left.progressed("one", 0.2)
    clock.now += 3
    left.progressed("one", 0.8)
    assert left.stage("one") == pytest.approx(1.0) and not left.build().known


def test_the_most_alike_artifact_counts_then_the_newest(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)  # of one second a stage
    store = Store(tmp_path / ".store")
    plan = toy_plan(tmp_path, "toy", 2)
    assert seconds_before(plan, store) == {"one": 1.0, "two": 1.0}
    folder = store.root / "one-broken"
    folder.mkdir()
    (folder / "meta.json").write_text("{")
    put(store, "one", "f" * 64, ingredients={"stage": "one"})
    assert seconds_before(plan, store)["one"] == 1.0
    assert seconds_before(toy_plan(tmp_path, "toy", 1), store) == {}, "nothing is to be made"


def test_durations_in_words() -> None:
    assert [in_words(seconds) for seconds in (0.4, 47, 754.4, 3723)] == ["0:00", "0:47", "12:34", "1:02:03"]
