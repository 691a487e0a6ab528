"""`pack --force` and `compile --force` replace what they have made, and nothing else."""

from pathlib import Path

import pytest
from places import DATA
from typer.testing import CliRunner

from edgeforge.cli.app import app
from edgeforge.errors import RecipeError
from edgeforge.guards.removal import MARK

MODEL = str(DATA / "digits_int8.tflite")


def words(verb: str, folder: Path, *more: str) -> list[str]:
    """Return a command that writes into a folder."""
    if verb == "compile":
        return ["compile", MODEL, "--force", "--out", str(folder), *more]
    return ["pack", MODEL, "--board", "arduino-nano-33-ble", "--labels", ",".join("0123456789"), "--force",
            "--raw-max", "16", "--out", str(folder.parent), "--name", folder.name, *more]  # fmt: skip


@pytest.mark.parametrize("verb", ["pack", "compile"])
def test_a_folder_of_pictures_stays_whatever_is_forced(tmp_path: Path, verb: str) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.jpg").write_text("mine")
    done = CliRunner().invoke(app, words(verb, photos))
    assert isinstance(done.exception, RecipeError) and "was not made by EdgeForge" in done.exception.reason
    assert [path.name for path in photos.iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("verb", ["pack", "compile"])
def test_what_was_made_is_replaced_unless_something_else_is_in_it(tmp_path: Path, verb: str) -> None:
    made = tmp_path / "made"
    for _ in range(2):
        done = CliRunner().invoke(app, words(verb, made))
        assert done.exit_code == 0, done.output
    assert (made / MARK).is_file() and not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    (made / "photo.jpg").write_text("mine")
    done = CliRunner().invoke(app, words(verb, made))
    assert isinstance(done.exception, RecipeError) and "photo.jpg" in done.exception.reason
    assert (made / "photo.jpg").read_text() == "mine"


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_where_a_link_leads(tmp_path: Path, there: bool) -> None:
    """The link gives way to the file; what it leads to stays as it is, or is not made."""
    target = tmp_path / "elsewhere"
    if there:
        target.write_text("mine")
    verbs = {
        "a.html": ["inspect", MODEL, "--html"],
        "a.svg": ["fit", MODEL, "--board", "esp32-s3", "--plot"],
        "n.yaml": ["init", *(["--force"] if there else [])],
    }
    for name, verb in verbs.items():
        (tmp_path / name).symlink_to(target)
        done = CliRunner().invoke(app, [*verb, str(tmp_path / name)])
        assert done.exit_code == 0, done.output
        assert (tmp_path / name).is_file() and not (tmp_path / name).is_symlink(), name
    assert target.read_text() == "mine" if there else not target.exists()
