"""What an earlier build made is never taken for what the recipe makes now."""

from pathlib import Path

import pytest
from toy_builds import toy_build

from edgeforge.builder.record import RECORD
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
