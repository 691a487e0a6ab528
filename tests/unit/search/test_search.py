"""The search's own rules, on toy figures: nothing is trained."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.errors import BudgetExceeded, EdgeForgeError, RecipeError
from edgeforge.evaluate.validation.score import every_figure
from edgeforge.recipe.load import load_recipe
from edgeforge.results.head import Head
from edgeforge.search.best import best, read_limits, write_best
from edgeforge.search.figures import over, values
from edgeforge.search.halving import competitors, hopeless, rungs
from edgeforge.search.outcome import Outcome, Row, front, look
from edgeforge.search.page import page
from edgeforge.search.run import require_feasible
from edgeforge.search.space import Space
from edgeforge.search.study import SURPLUS, Study, first_difference, originals
from edgeforge.search.trial import CHANGES, FIGURES

HEAD = "name: toy\ndata: {source: digits}\nmodel: {name: digits_cnn}\ntargets: [arduino-nano-33-ble]\n"
SEARCH = (
    "search:\n  trials: 20\n  limits: {arena_bytes: 4000}\n"
    "  over:\n    model.args.width: [2, 4, 8]\n    train.batch_size: [16, 32]\n"
)


def space(folder: Path, search: str = SEARCH, head: str = HEAD) -> Space:
    path = folder / "recipe.yaml"
    path.write_text(head + search)
    return Space(load_recipe(path))


def row(number: int, **figures: float) -> Row:
    return Row(number, "done", {}, (), figures, "", True, {}, {}, 1.0)


def test_a_value_is_what_the_recipe_reads(tmp_path: Path) -> None:
    one = space(
        tmp_path, "search: {over: {train.lr: {log: [1.0e-6, 1.0e-2]}, model.args.width: {low: 2, high: 8, step: 2}}}\n"
    )
    changes = one.changes({"train.lr": 1.23456e-05, "model.args.width": 4})
    assert changes == ("train.lr=1.235e-05", "model.args.width=4")
    recipe = one.recipe(changes).recipe
    assert recipe.train.lr == 1.235e-05 and recipe.model.args["width"] == 4
    assert one.combinations is None and one.trials == 60


@pytest.mark.parametrize(
    ("over", "own"),
    [
        (
            "{train.lr: {log: [1.0e-6, 1.0e-2]}, train.epochs: {low: 5, high: 11}}",
            ["train.lr=0.001", "train.epochs=10"],
        ),
        ("{train.batch_size: [16, 64], train.lr: {log: [1.0e-6, 1.0e-2]}}", ["train.batch_size=64", "train.lr=0.001"]),
        (
            "{data.normalize: [{mean: [0.5], std: [0.5]}, null], train.lr: {log: [1.0e-6, 1.0e-2]}}",
            ["data.normalize=null", "train.lr=0.001"],
        ),
        ("{train.lr: {low: 0.01, high: 0.1}}", None),  # below the range
        ("{train.lr: {low: 0.0, high: 0.1, step: 0.003}}", None),  # between two steps
        ("{model.args.width: {low: 1, high: 200}}", None),  # the network's default, which no recipe knows
    ],
)
def test_the_recipe_as_it_stands_is_tried_first(tmp_path: Path, over: str, own: list[str] | None) -> None:
    study = Study(space(tmp_path, f"search: {{over: {over}}}\n"), None, tmp_path)
    trial = study.next()
    assert trial
    changes = list(study.space.changes(trial.params))
    if own:
        assert changes == own
    else:
        assert study.space.own is None
    following = study.next()
    assert following and list(study.space.changes(following.params)) != own


@pytest.mark.parametrize(
    ("search", "line", "said"),
    [
        ("search:\n  over:\n    train.leer: [1, 2]\n", 7, "train.leer: unknown key"),
        ("search:\n  over:\n    model.args.wide: [1, 2]\n", 7, "wide"),
        ("search:\n  over:\n    train.epochs: [1, -2]\n", 7, "-2"),
        ("search:\n  over:\n    data.size: [[8, 8], [16, 16]]\n", 7, "size belongs to source"),
        ("search:\n  board: esp32-s3\n  over: {train.epochs: [1, 2]}\n", 6, "none of targets"),
    ],
)
def test_what_no_trial_can_have_is_an_error_at_its_line(tmp_path: Path, search: str, line: int, said: str) -> None:
    with pytest.raises(RecipeError) as caught:
        space(tmp_path, search).check()
    assert f"recipe.yaml:{line}: search" in caught.value.reason and said in caught.value.reason, caught.value.reason


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("{over: {train.lr: {low: 2, high: 1}}}", "is not below"),
        ("{over: {train.lr: {log: [0, 1]}}}", "no logarithm"),
        ("{over: {train.lr: [1]}}", "two values"),
        ("{over: {train.lr: [1, 2]}, maximize: [flash_bytes]}", "belongs under minimize|flash_bytes"),
        ("{over: {train.lr: [1, 2]}, limits: {areana: 3}}", "areana"),
        ("{over: {train.lr: [1, 2]}, limits: {size.arena_bytes: 3}}", "size.arena_bytes"),
    ],
)
def test_a_search_that_makes_no_sense(tmp_path: Path, search: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        space(tmp_path, f"search: {search}\n")


def test_a_figure_of_a_further_head_is_one_like_the_first_s(tmp_path: Path) -> None:
    text = "search: {over: {train.lr: [1, 2]}, maximize: [top1, size.balanced], limits: {size.top1: 0.6}}\n"
    search = space(tmp_path, text).search
    assert search.figures[:2] == ("top1", "size.balanced")
    assert [one.figure for one in over({"top1": 0.9, "size.top1": 0.5}, dict(search.limits))] == ["size.top1"]
    assert values(search, {"top1": 0.9, "size.balanced": 0.4})[:2] == [0.9, 0.4]
    assert values(search, {})[1] == 0.0, "what was not trained is the worst"
    assert every_figure((Head("type", ("a", "b")), Head("size", ("c", "d")), Head("life"))) == (
        "top1", "balanced", "drop", "size.top1", "size.balanced", "size.drop", "life.rmse",
    )  # fmt: skip


def test_a_value_that_needs_another_key_is_tried_beside_it(tmp_path: Path) -> None:
    over_both = (
        "search: {over: {quantize.ptq: [[], [{scheme: int16x8}]], quantize.ship: [tflite-int8, tflite-int16x8]}}\n"
    )
    space(tmp_path, over_both).check()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=12))
def test_nobody_beats_the_front_and_it_beats_the_rest(points: list[tuple[int, int]]) -> None:
    rows = [row(number, top1=a, flash_bytes=b) for number, (a, b) in enumerate(points)]
    best_ones = front(rows, ("top1", "flash_bytes"))

    def beats(p: tuple[int, int], q: tuple[int, int]) -> bool:
        return p[0] >= q[0] and p[1] <= q[1] and p != q

    for number, point in enumerate(points):
        assert not (number in best_ones and any(beats(other, point) for other in points))
        assert number in best_ones or any(points[one] == point or beats(points[one], point) for one in best_ones)


def test_a_training_competes_with_networks_that_are_no_larger() -> None:
    assert rungs(30) == [3, 10] and rungs(1) == [] and rungs(2) == [1]
    others = [({"flash_bytes": 10.0 * place}, {3: 0.5 + place / 100}) for place in range(1, 10)]
    small = competitors({"flash_bytes": 25.0}, others, ("flash_bytes",))
    assert len(small) == 2 and not hopeless({3: 0.1}, small, [3, 10]), "too few to say"
    all_of_them = competitors({"flash_bytes": 95.0}, others, ("flash_bytes",))
    assert hopeless({3: 0.1}, all_of_them, [3, 10]) and not hopeless({3: 0.99}, all_of_them, [3, 10])


def test_limits_and_what_misses_them() -> None:
    figures = {"arena_bytes": 5000.0, "top1": 0.9}
    assert [one.figure for one in over(figures, {"arena_bytes": 4000, "top1": 0.95, "macs": 1})] == [
        "arena_bytes",
        "top1",
    ]
    rows = [Row(n, "infeasible", {}, (), {"arena_bytes": value}, "", False, {}, {"arena_bytes": 1.0}, 1.0)
            for n, value in enumerate((5000.0, 4100.0))]  # fmt: skip
    outcome = Outcome("toy", "b", 2, ("top1",), {"arena_bytes": 4000.0}, rows)
    with pytest.raises(
        BudgetExceeded, match=r"arena_bytes: no network came to 4,000; the nearest, 1, missed it by 100"
    ):
        require_feasible(outcome)
    assert "2 networks did not fit" in page(outcome)
    with pytest.raises(RecipeError, match="is no figure"):
        read_limits(["arena_byte=1"])
    with pytest.raises(RecipeError, match="is no number"):
        read_limits(["arena_bytes=many"])


def test_the_best_is_written_as_a_plain_recipe(tmp_path: Path) -> None:
    one = space(tmp_path)
    rows = [row(0, top1=0.9, flash_bytes=9, arena_bytes=10), row(1, top1=0.95, flash_bytes=20, arena_bytes=50)]
    rows[0] = Row(**vars(rows[0]) | {"changes": ("model.args.width=4",)})
    outcome = Outcome("toy", "b", 2, ("top1", "flash_bytes", "arena_bytes"), {}, rows)
    assert best(outcome, {}).number == 1 and best(outcome, {"arena_bytes": 20}).number == 0
    with pytest.raises(BudgetExceeded):
        best(outcome, {"arena_bytes": 5})
    write_best(one, rows[0], tmp_path / "best.yaml")
    written = load_recipe(tmp_path / "best.yaml").recipe
    assert written.search is None and written.model.args == {"width": 4} and written.name == "toy-best"


def finish(study: Study, trial: Any, figures: dict[str, float]) -> None:
    trial.set_user_attr(FIGURES, figures)
    trial.set_user_attr(CHANGES, list(study.space.changes(trial.params)))
    study.optuna.tell(trial, values(study.search, figures))


def test_every_combination_once_and_a_dead_workers_trial_again(tmp_path: Path) -> None:
    one = space(tmp_path)
    assert one.trials == 6, "fewer combinations than trials"
    study, other = Study(one, None, tmp_path / "s"), Study(one, None, tmp_path / "s")
    dead = study.next()
    assert dead
    study._lock.release()  # as a worker's death does
    again = other.next()
    assert again and again.params == dead.params and again.number != dead.number
    seen = []
    with other.held(again):
        finish(other, again, {"top1": 0.9, "flash_bytes": 1.0, "arena_bytes": 1.0})
        seen.append(tuple(again.params.items()))
    while trial := study.next():
        with study.held(trial):
            finish(study, trial, {"top1": trial.number / 10, "flash_bytes": 1.0 + trial.number, "arena_bytes": 1.0})
            seen.append(tuple(trial.params.items()))
    assert len(seen) == len(set(seen)) == 6 and not study.running()
    assert len(originals(study.trials())) == 6 and not any(SURPLUS in t.user_attrs for t in study.trials())
    outcome = look(study)
    assert outcome.ended == 6 and len(outcome.front) == len({row.number for row in outcome.front}) >= 1
    assert "Every network" in page(outcome)


def test_an_interrupted_trial_is_the_next(tmp_path: Path) -> None:
    study = Study(space(tmp_path), None, tmp_path / "s")
    trial = study.next()
    assert trial
    with study.held(trial):
        study.give_back(trial)
    again = study.next()
    assert again and again.params == trial.params


@pytest.mark.parametrize("at", ["add_trial", "tell"])
@pytest.mark.parametrize("of_its_own", [False, True])
def test_a_worker_killed_while_it_gives_a_trial_back_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_its_own: bool, at: str
) -> None:
    """Before each of the lines that it writes in the journal, of a dead worker's trial and of its own."""
    one, place = space(tmp_path), tmp_path / "s"
    study = Study(one, None, place)
    trial = study.next()
    assert trial

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(study.optuna), at, killed)
        with pytest.raises(KeyboardInterrupt):
            if of_its_own:
                study.give_back(trial)
            else:
                study._lock.release()
                Study(one, None, place).next()
    if of_its_own:
        study._lock.release()
    seen, last = [], Study(one, None, place)
    while trial := last.next():
        with last.held(trial):
            finish(last, trial, {"top1": 0.9, "flash_bytes": 1.0, "arena_bytes": 1.0})
            seen.append(tuple(trial.params.items()))
    assert len(seen) == len(set(seen)) == 6 and not last.running()


def test_another_space_under_the_same_name_is_refused(tmp_path: Path) -> None:
    Study(space(tmp_path), None, tmp_path / "s")
    with pytest.raises(RecipeError, match=r"another search by the name of toy is there: search.over"):
        Study(space(tmp_path, SEARCH.replace("[16, 32]", "[16, 64]")), None, tmp_path / "s")
    with pytest.raises(RecipeError, match=r"toy is there: data\.validation is 0\.1 there and 0\.2 here"):
        Study(space(tmp_path, head=HEAD.replace("digits", "digits, validation: 0.2", 1)), None, tmp_path / "s")


def test_the_key_that_differs_is_named_whole() -> None:
    assert first_difference({"a": {"b": 1}}, {"a": {"b": 1}, "c": None}) == ("c", "null", "null")
    assert first_difference({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": [2]}}}) == ("a.b.c", "1", "[2]")
    assert first_difference({"a": {"b": 1}}, {"a": 3}) == ("a", '{"b": 1}', "3")


def test_storages_that_cannot_be_used(tmp_path: Path) -> None:
    one = space(tmp_path)
    journal = tmp_path / "journal.log"
    journal.write_text("no journal\nat all\n")
    with pytest.raises(EdgeForgeError, match="is damaged: it is no journal"):
        Study(one, str(journal), tmp_path)
    with pytest.raises(EdgeForgeError, match="cannot be reached") as caught:
        Study(one, "postgresql://me:secret@127.0.0.1:1/none", tmp_path)
    assert "secret" not in caught.value.reason
    with pytest.raises(RecipeError, match="this is no address of a database"):
        Study(one, "nonsense://x", tmp_path)
