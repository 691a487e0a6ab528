"""What an earlier build made is never taken for what the recipe makes now."""

import json
import shutil
from pathlib import Path

import pytest
from toy_builds import toy_build

from edgeforge.builder import publish as publishing
from edgeforge.builder.record import RECORD, inside, write_record
from edgeforge.errors import EdgeForgeError

SECOND_CHANGED = ("data.test=0.3",)


def seen(folder: Path) -> dict[str, int]:
    """Return every model file that a person sees, and the seed it is of."""
    return {str(path.relative_to(folder)): path.read_bytes()[0] for path in sorted(folder.rglob("*.bin"))}


def test_a_whole_build_leaves_nothing_of_the_one_before(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    toy_build(tmp_path, seed=2)
    assert seen(tmp_path / "toy") == {"one/weights.bin": 2, "two/weights.bin": 2}
    assert not (tmp_path / "toy" / "earlier").exists()


def test_until_sets_the_later_stages_of_the_build_before_aside(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    before = (tmp_path / "toy" / "recipe.lock.yaml").read_bytes()
    toy_build(tmp_path, seed=2, until="one")
    assert seen(tmp_path / "toy") == {
        "one/weights.bin": 2, "earlier/one/weights.bin": 1, "earlier/two/weights.bin": 1,
    }  # fmt: skip
    assert (tmp_path / "toy" / "earlier" / "recipe.lock.yaml").read_bytes() == before
    assert not (tmp_path / "toy" / "two").exists(), "an empty folder is left"


def test_until_keeps_what_nothing_has_changed(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    toy_build(tmp_path, seed=1, until="one")
    assert seen(tmp_path / "toy") == {"one/weights.bin": 1, "two/weights.bin": 1}
    toy_build(tmp_path, seed=1, changes=SECOND_CHANGED, until="one")
    assert seen(tmp_path / "toy") == {"one/weights.bin": 1, "earlier/two/weights.bin": 1}


def test_a_killed_build_has_set_aside_before_its_first_stage(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    toy_build(tmp_path, seed=2, stop=True)
    assert seen(tmp_path / "toy") == {"earlier/one/weights.bin": 1, "earlier/two/weights.bin": 1}
    toy_build(tmp_path, seed=1)  # the recipe as it was: all of it is in the store
    assert seen(tmp_path / "toy") == {"one/weights.bin": 1, "two/weights.bin": 1}


def test_only_whole_builds_are_kept(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    toy_build(tmp_path, seed=2, until="one")
    toy_build(tmp_path, seed=3, stop=True)
    assert seen(tmp_path / "toy") == {"earlier/one/weights.bin": 1, "earlier/two/weights.bin": 1}


def test_an_edited_file_is_never_set_aside(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    (tmp_path / "toy" / "two" / "weights.bin").write_bytes(b"mine")
    toy_build(tmp_path, seed=2)
    assert (tmp_path / "toy" / "two" / "weights.bin.edited").read_bytes() == b"mine"
    assert seen(tmp_path / "toy") == {"one/weights.bin": 2, "two/weights.bin": 2}


def test_what_somebody_else_has_put_there_stays(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    own = tmp_path / "toy" / "earlier" / "notes.txt"
    own.parent.mkdir()
    own.write_text("mine")
    toy_build(tmp_path, seed=2)
    assert own.read_text() == "mine" and list(own.parent.iterdir()) == [own]


@pytest.mark.parametrize("name", ["../../keep.txt", "/keep.txt", "one/../../keep.txt"])
def test_a_record_that_names_files_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    toy_build(tmp_path, seed=1)
    (tmp_path / "keep.txt").write_text("mine")
    record = tmp_path / "toy" / RECORD
    record.write_text(record.read_text().replace("two/weights.bin", name))
    with pytest.raises(EdgeForgeError, match="names a file outside its folder"):
        toy_build(tmp_path, seed=2)
    assert (tmp_path / "keep.txt").read_text() == "mine"


def test_a_record_never_costs_a_file_that_no_build_has_made(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    (tmp_path / "toy" / "notes.txt").write_text("mine")
    record = json.loads((tmp_path / "toy" / RECORD).read_text())
    record["files"]["two"]["notes.txt"] = "0" * 64
    (tmp_path / "toy" / RECORD).write_text(json.dumps(record))
    toy_build(tmp_path, seed=2)
    assert "mine" in {path.read_text() for path in (tmp_path / "toy").glob("notes.txt*")}


@pytest.mark.parametrize(
    "record",
    ["[]", '"x"', '{"files": []}', '{"files": {"one": ["a"]}}', '{"files": {"one": {"a": "b"}}}',
     '{"files": {}, "planned": {"a": 1}}', '{"publishing": {"a": "../b"}}', '{"ingredients": {"one": 3}}'],
)  # fmt: skip
def test_a_record_of_another_form_is_refused(tmp_path: Path, record: str) -> None:
    toy_build(tmp_path, seed=1)
    (tmp_path / "toy" / RECORD).write_text(record)
    with pytest.raises(EdgeForgeError, match="was not written by EdgeForge") as caught:
        toy_build(tmp_path, seed=2)
    (tmp_path / "toy" / RECORD).unlink()  # as the remedy says
    assert "remove" in caught.value.fix
    toy_build(tmp_path, seed=2)
    assert seen(tmp_path / "toy")["two/weights.bin"] == 2


@pytest.mark.parametrize("part", ["two", "logs", "earlier"])
def test_a_link_that_leads_out_of_the_build_folder_is_refused(tmp_path: Path, part: str) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("weights.bin", "two.log", RECORD, "recipe.lock.yaml"):
        (photos / name).write_text("{}" if name == RECORD else "mine")
    toy_build(tmp_path, seed=1)
    place = tmp_path / "toy" / part
    if place.exists():
        shutil.rmtree(place)
    place.symlink_to(photos)
    before = {path.name: path.read_text() for path in photos.iterdir()}
    if part == "logs":  # the toy stages write none
        with pytest.raises(EdgeForgeError, match="a link that leads out"):
            inside(tmp_path / "toy", "logs/two.log")
    else:
        with pytest.raises(EdgeForgeError, match="a link that leads out"):
            toy_build(tmp_path, seed=2)
    assert {path.name: path.read_text() for path in photos.iterdir()} == before


def test_what_a_killed_build_has_published_is_not_taken_for_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(folder: Path, record: dict[str, object]) -> None:
        if "publishing" not in record:
            raise KeyboardInterrupt
        write_record(folder, record)

    toy_build(tmp_path, seed=1)
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "write_record", killed)
        with pytest.raises(KeyboardInterrupt):
            toy_build(tmp_path, seed=2)
    assert seen(tmp_path / "toy")["two/weights.bin"] == 2
    toy_build(tmp_path, seed=3)
    assert seen(tmp_path / "toy") == {"one/weights.bin": 3, "two/weights.bin": 3}
    assert not list((tmp_path / "toy").rglob("*.edited*"))
