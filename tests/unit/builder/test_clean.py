import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_builds import age, put, toy_build, toy_plan

from edgeforge.builder.clean import Limits, bytes_of, clean, plan_cleaning, seconds_of
from edgeforge.builder.record import RECORD
from edgeforge.builder.run import Build, Watcher
from edgeforge.builder.store import META, PLANNING, Store
from edgeforge.errors import EdgeForgeError, RecipeError

DAY = 86400
NOW = 1.7e9
ALL = Limits(keep_size=0)
UNUSED = "ab" * 32


def at_once(turn: int) -> None:
    raise TimeoutError


def folders(out: Path) -> dict[str, int]:
    """The store's artifacts and their bytes."""
    found = (meta.parent for meta in (out / ".store").glob(f"*/{META}"))
    return {path.name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) for path in found}


builds = st.lists(st.tuples(st.sampled_from("aab"), st.integers(0, 9), st.booleans()), min_size=4, max_size=6)
ages_at_most, shares = st.integers(0, 4000), st.integers(0, 10)  # shares: tenths of the store
limits = st.tuples(st.none(), shares) | st.tuples(ages_at_most, st.none()) | st.tuples(ages_at_most, shares)


@settings(max_examples=30)
@given(builds, st.lists(st.integers(0, 2000), min_size=6, max_size=6), st.data(), limits)
def test_whatever_the_ages_and_sizes_the_newest_builds_stay(
    tmp_path_factory: pytest.TempPathFactory,
    builds: list[tuple[str, int, bool]],
    sizes: list[int],
    data: st.DataObject,
    limits: tuple[int | None, int | None],
) -> None:
    out = tmp_path_factory.mktemp("out")
    for (name, seed, stop), size in zip(builds, sizes, strict=False):
        toy_build(out, name, seed, size=size, stop=stop)
    ages = {name: data.draw(st.integers(0, 4000), label=name) for name in sorted(folders(out))}
    for name, seconds in ages.items():
        age(out / ".store" / name, seconds, NOW)
    newest = {name: seed for name, seed, _ in builds}
    plans = {name: toy_plan(out, name, seed) for name, seed in newest.items()}
    before = folders(out)
    age_at_most, share = limits
    keep = None if share is None else share * sum(before.values()) // 10

    done = clean(out, Limits(age_at_most, keep), NOW, at_once)

    after = folders(out)
    for name, plan in plans.items():
        again = toy_plan(out, name, newest[name])
        assert [step.artifact for step in again.steps] == [step.artifact for step in plan.steps]
    gone = before.keys() - after.keys()
    assert done.freed == sum(before[name] for name in gone) and {one.folder.name for one in done.going} == gone
    spare = {one.folder.name: ages[one.folder.name] for one in done.staying if not one.needed_by}
    assert age_at_most is None or all(seconds <= age_at_most for seconds in spare.values())
    assert keep is None or not spare or sum(after.values()) <= keep
    if age_at_most is None and gone:  # by size alone: the longest unused, and no more than it takes
        assert keep is not None and sum(after.values()) + done.going[-1].bytes > keep
        assert max(spare.values(), default=0) <= min(ages[name] for name in gone)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A store with the newest build's artifacts, used long ago, and a younger one that nobody needs."""
    plan = toy_build(tmp_path)
    store = Store(tmp_path / ".store")
    for step in plan.steps:
        age(store.folder(step.stage.name, step.key), 99 * DAY, NOW)
    age(put(store, "train", UNUSED).folder, 40 * DAY, NOW)
    return tmp_path


def unused(out: Path) -> Path:
    return Store(out / ".store").folder("train", UNUSED)


def test_what_is_too_old_goes_and_a_dry_run_only_says_so(out: Path) -> None:
    assert not clean(out, Limits(older_than=41 * DAY), NOW, at_once).going
    planned = plan_cleaning(out, Limits(older_than=39 * DAY), NOW)
    assert [(one.stage, one.why) for one in planned.going] == [("train", "unused for too long")]
    assert unused(out).exists() and not planned.freed
    assert clean(out, Limits(older_than=39 * DAY), NOW, at_once).freed == planned.going[0].bytes > 1000
    assert not unused(out).exists() and toy_plan(out, "toy", 0).up_to_date


def test_the_longest_unused_go_until_the_rest_is_small_enough(out: Path) -> None:
    store = Store(out / ".store")
    for days, digit in ((50, "c"), (30, "d")):
        age(put(store, "train", digit * 64).folder, days * DAY, NOW)
    total = sum(folders(out).values())
    one = folders(out)[unused(out).name]
    for keep, gone in ((total, []), (total - 1, ["c"]), (total - one, ["c"]), (total - one - 1, ["c", "a"])):
        going = plan_cleaning(out, Limits(keep_size=keep), NOW).going
        assert [(stored.key[0], stored.why) for stored in going] == [(digit, "longest unused") for digit in gone]


def test_without_limits_only_leftovers_of_dead_writers_go(out: Path) -> None:
    new = out / ".store" / "new"
    dead = [new / f"train-{UNUSED[:16]}.999999", new / f"one-{UNUSED[:16]}.old.999999"]
    kept = [new / "notes", new / f"two-{UNUSED[:16]}.999999"]
    for folder in (*dead, *kept):
        folder.mkdir()
        (folder / "part.bin").write_bytes(bytes(10))
    with Store(out / ".store").lock(kept[1].name.split(".")[0], at_once):
        done = clean(out, Limits(), NOW, at_once)
    assert done.freed == 20 and not done.busy
    assert not any(folder.exists() for folder in dead) and all(folder.exists() for folder in kept)
    assert unused(out).exists()


def test_what_a_stage_is_at_work_on_stays(out: Path) -> None:
    with Store(out / ".store").lock(unused(out).name, at_once):
        done = clean(out, ALL, NOW, at_once)
    assert done.busy == [unused(out)] and unused(out).exists() and not done.freed


def test_nothing_is_cleaned_while_a_build_makes_its_plan(out: Path) -> None:
    with Store(out / ".store").lock(PLANNING, at_once), pytest.raises(TimeoutError):
        clean(out, ALL, NOW, at_once)
    assert unused(out).exists()


def test_a_stopped_build_keeps_what_it_has_made_and_can_resume_from(out: Path) -> None:
    toy_build(out, seed=7, stop=True)
    two = toy_plan(out, "toy", 7).steps[1]
    resumable = Store(out / ".store").scratch("two", two.key)
    other = Store(out / ".store").scratch("two", UNUSED)
    clean(out, ALL, NOW, at_once)
    assert toy_plan(out, "toy", 0).up_to_date, "what is published"
    assert toy_plan(out, "toy", 7).steps[0].artifact and resumable.exists() and not other.exists()
    toy_build(out, seed=7)
    clean(out, ALL, NOW, at_once)
    assert toy_plan(out, "toy", 7).up_to_date and len(folders(out)) == 2, "the build before is not the newest any more"


def test_a_stopped_build_is_forgotten_after_the_next_one(out: Path) -> None:
    toy_build(out, seed=7, stop=True)
    toy_build(out, seed=0)
    clean(out, ALL, NOW, at_once)
    assert len(folders(out)) == 2 and toy_plan(out, "toy", 0).up_to_date


def test_an_artifact_lives_as_long_as_one_build_needs_it(out: Path) -> None:
    toy_build(out, "other")
    shared = plan_cleaning(out, ALL, NOW).staying
    assert {one.needed_by for one in shared} == {("other", "toy")}
    for name, left in (("other", 2), ("toy", 0)):
        (out / name / RECORD).unlink()
        clean(out, ALL, NOW, at_once)
        assert len(folders(out)) == left


def test_a_build_marks_what_it_takes_as_used(out: Path) -> None:
    plan = toy_plan(out, "toy", 0)
    before = time.time() - 1
    Build(plan, Store(out / ".store"), out / "logs", Watcher(), 1).run()
    assert {one.stage for one in plan_cleaning(out, Limits(), NOW).staying if one.used > before} == {"one", "two"}
    assert toy_plan(out, "toy", 0).up_to_date, "no hash covers the mark"


def foreign(out: Path) -> list[Path]:
    """Folders and links that are no artifacts, some looking like one; each leads to a file `precious`."""
    store, aside = out / ".store", out / "aside"
    aside.mkdir()
    (aside / META).write_text("{}")
    links = [store / f"link-{UNUSED[:16]}", store / "new" / f"link-{UNUSED[:16]}.1"]
    places = [aside, *[store / name for name in ("notes", f"none-{UNUSED[:16]}", "short-abcd")]]
    for place in places:
        place.mkdir(exist_ok=True)
        (place / "precious").write_text("x")
    (store / "short-abcd" / META).write_text("{}")
    (store / f"none-{UNUSED[:16]}" / META).symlink_to(aside / META)
    for link in links:
        link.symlink_to(aside)
    (unused(out) / "inside").symlink_to(aside)
    (out / "scratch" / f"two-{UNUSED[:16]}").mkdir(parents=True)
    (store / "scratch").symlink_to(out / "scratch")
    (out / "scratch" / f"two-{UNUSED[:16]}" / "precious").write_text("x")
    return [*places, *links, out / "scratch" / f"two-{UNUSED[:16]}"]


def test_only_artifacts_are_removed_and_no_link_is_followed(out: Path) -> None:
    places = foreign(out)
    done = clean(out, ALL, NOW, at_once)
    assert [one.folder for one in done.going] == [unused(out)] and not os.path.lexists(unused(out))
    assert all((place / "precious").read_text() == "x" for place in places)


@pytest.mark.parametrize("record", ["", "{}", "[]", '{"ingredients": 3}', '{"ingredients": {}, "planned": [1]}'])
def test_a_record_that_cannot_be_read_stops_it(out: Path, record: str) -> None:
    (out / "toy" / RECORD).write_text(record)
    with pytest.raises(EdgeForgeError, match="what that build needs is not known"):
        clean(out, ALL, NOW, at_once)
    assert unused(out).exists()


def test_a_folder_without_builds_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="holds no builds"):
        clean(tmp_path, ALL, NOW, at_once)
    assert not list(tmp_path.iterdir())


def test_durations_and_sizes() -> None:
    assert [seconds_of(text) for text in ("12h", "30d", "1.5w", "30 D")] == [43200, 30 * DAY, 10.5 * DAY, 30 * DAY]
    assert [bytes_of(text) for text in ("1KB", "500MB", "5gb", "0GB")] == [1024, 500 * 1024**2, 5 * 1024**3, 0]


@pytest.mark.parametrize("text", ["", "30", "d", "-3d", "3y", "3dd", "1e3d", "nan d"])
def test_no_duration(text: str) -> None:
    with pytest.raises(RecipeError, match="not a number with h, d, w") as error:
        seconds_of(text)
    assert "30d" in error.value.fix


@pytest.mark.parametrize("text", ["", "5", "GB", "-1GB", "5TB", "5 G B"])
def test_no_size(text: str) -> None:
    with pytest.raises(RecipeError, match="not a number with KB, MB, GB") as error:
        bytes_of(text)
    assert "5GB" in error.value.fix
