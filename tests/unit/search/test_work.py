"""Running a search, without any training: interruption, artifacts elsewhere, storages that are broken."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from edgeforge.builder.store import Artifact, Store
from edgeforge.errors import EdgeForgeError, MissingDependency, RecipeError
from edgeforge.recipe.load import load_recipe
from edgeforge.search import run
from edgeforge.search.best import write_best
from edgeforge.search.figures import values
from edgeforge.search.outcome import Row, look
from edgeforge.search.run import Place, work
from edgeforge.search.space import Space
from edgeforge.search.storage.artifacts import Artifacts
from edgeforge.search.study import JOURNAL, Study
from edgeforge.search.trial import CHANGES, FIGURES

RECIPE = """name: toy
data: {source: digits}
model: {name: digits_cnn}
targets: [arduino-nano-33-ble]
search: {trials: 3, over: {model.args.width: [2, 4, 8]}}
"""
FOUND = {"top1": 0.9, "flash_bytes": 1.0, "arena_bytes": 1.0}


def space(folder: Path, text: str = RECIPE) -> Space:
    (folder / "recipe.yaml").write_text(text)
    return Space(load_recipe(folder / "recipe.yaml"))


def done(study: Study, trial: Any) -> None:
    trial.set_user_attr(FIGURES, FOUND)
    trial.set_user_attr(CHANGES, list(study.space.changes(trial.params)))
    study.optuna.tell(trial, values(study.search, FOUND))


def test_ctrl_c_keeps_the_study_and_the_same_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, place = space(tmp_path), Place(tmp_path / "build", None, None)
    began: list[dict[str, Any]] = []

    def interrupted_in_the_second(study: Study, trial: Any, *rest: object) -> dict[str, Artifact]:
        began.append(dict(trial.params))
        if len(began) == 2:
            raise KeyboardInterrupt
        done(study, trial)
        return {}

    monkeypatch.setattr(run, "run_trial", interrupted_in_the_second)
    with pytest.raises(KeyboardInterrupt):
        work(one, place, lambda number, text: None, lambda outcome: None)
    study = work(one, place, lambda number, text: None, lambda outcome: None)
    assert len(began) == 4 and began[1] == began[2], "the interrupted one is the next"
    outcome = look(study)
    assert [row.state for row in outcome.rows] == ["done"] * 3
    assert len({row.changes for row in outcome.rows}) == 3
    assert (place.folder("toy") / "index.html").exists()


def test_a_journal_that_was_damaged(tmp_path: Path) -> None:
    one = space(tmp_path)
    study = Study(one, None, tmp_path)
    trial = study.next()
    assert trial
    with study.held(trial):
        done(study, trial)
    journal = tmp_path / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    for damage in (
        b"".join([*lines[:3], lines[3][:10] + b"\n", *lines[4:]]),  # a line cut off
        b"".join([*lines[:2], b"\0" * 4096, *lines[2:]]),  # a block of zeros, as of a disk that lost power
        lines[0].replace(b"op_code", b"op_cade") + b"".join(lines[1:]),
        b"\xff\xfe" + b"".join(lines),
    ):
        journal.write_bytes(damage)
        with pytest.raises(EdgeForgeError, match="is damaged: it is no journal of a search") as caught:
            Study(one, None, tmp_path).trials()
        assert f"mv {journal} {journal}.old" in caught.value.fix


def test_a_killed_worker_s_lock_and_a_line_that_a_full_disk_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a relative path, by which Optuna's own lock of a dead process is waited for without end."""
    monkeypatch.chdir(tmp_path)
    one, folder = space(tmp_path), Path("build/toy/search")
    folder.mkdir(parents=True)
    study = Study(one, None, folder)
    trial = study.next()
    assert trial
    with study.held(trial):
        done(study, trial)
    journal = folder / JOURNAL
    (folder / f"{JOURNAL}.lock").symlink_to(journal)
    right = journal.read_bytes()
    journal.write_bytes(right + b'{"op_code":5,"worker')
    again = Study(one, None, folder)
    trial = again.next()
    assert trial and journal.read_bytes().startswith(right)
    with again.held(trial):
        done(again, trial)
    assert [row.state for row in look(Study(one, None, folder)).rows] == ["done"] * 2


def test_a_file_that_is_no_journal_stays_as_it_is(tmp_path: Path) -> None:
    one = space(tmp_path)
    for content in (b'{"a": 1}', b"root:x:0:0\n", b"{" * 3_000_000, b'{"op_code":' + b"1" * 3_000_000 + b"\n"):
        (tmp_path / "mine").write_bytes(content)
        with pytest.raises(EdgeForgeError, match="is damaged: it is no journal of a search"):
            Study(one, str(tmp_path / "mine"), tmp_path)
        assert (tmp_path / "mine").read_bytes() == content
        assert (tmp_path / "mine.locks").exists() == content.startswith(b'{"op_code":')
    os.mkfifo(tmp_path / "fifo")
    for place, said in (("fifo", "a named pipe"), ("", "a folder")):
        with pytest.raises(RecipeError, match=said) as caught:
            Study(one, str(tmp_path / place), tmp_path)
        assert "--storage" in caught.value.fix
    assert not Path(f"{tmp_path}.locks").exists() and not (tmp_path / "fifo.locks").exists()


def test_figures_in_a_journal_are_numbers(tmp_path: Path) -> None:
    one = space(tmp_path)
    for name, value in ((FIGURES, ["top1"]), (FIGURES, {"top1": "much"}), (CHANGES, "a=b"), (CHANGES, [1])):
        study = Study(one, str(tmp_path / f"{name}{len(str(value))}.log"), tmp_path)
        trial = study.next()
        assert trial
        with study.held(trial):
            trial.set_user_attr(name, value)
            study.optuna.tell(trial, values(study.search, FOUND))
        with pytest.raises(EdgeForgeError, match="is damaged"):
            look(study)


def test_a_storage_s_packages_may_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingDependency, match=r"psycopg is not installed: this needs the extra \[search\]"):
        Study(space(tmp_path), "postgresql://me@127.0.0.1/db", tmp_path)


def stored(folder: Path) -> Artifact:
    place = folder / "store" / "data-0123456789abcdef"
    (place / "inner").mkdir(parents=True)
    for name in ("a.txt", "inner/b.txt", "meta.json"):
        (place / name).write_text(name)
    return Artifact("data", "0123456789abcdef", place, {"a.txt": "", "inner/b.txt": ""}, 1.0, 1, {})


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_artifacts_are_copied_whole(tmp_path: Path, scheme: str) -> None:
    kept = Artifacts(f"{scheme}{tmp_path}/kept", Store(tmp_path / "store"))
    made = {"data": stored(tmp_path)}
    kept.put(made)
    kept.put(made)
    there = tmp_path / "kept" / "data-0123456789abcdef"
    names = sorted(str(path.relative_to(there)) for path in there.rglob("*") if path.is_file())
    assert names == ["a.txt", "inner/b.txt", "meta.json"]
    assert all((there / name).read_text() == name for name in names)


def test_addresses_of_artifacts_that_cannot_be(tmp_path: Path) -> None:
    made = {"data": stored(tmp_path)}
    (tmp_path / "file").write_text("")
    wrong = {
        "nosuch://x": "fsspec knows no such address",
        str(tmp_path / "file" / "in"): "a part of its path is no folder",
    }
    if find_spec("s3fs") is None:
        wrong["s3://bucket/x"] = "package for s3:// is not installed"
    for address, said in wrong.items():
        with pytest.raises(EdgeForgeError, match=f"--artifacts {address}: .*{said}"):
            Artifacts(address, Store(tmp_path / "store")).put(made)


def test_the_best_recipe_stands_where_its_files_are_found(tmp_path: Path) -> None:
    net = "from torch import nn\n\nclass Net(nn.Module):\n    pass\n"
    (tmp_path / "net.py").write_text(net)
    one = space(tmp_path, RECIPE.replace("digits_cnn", "net.py").replace("model.args.width", "train.epochs"))
    row = Row(0, "done", {}, ("train.epochs=2",), FOUND, "", True, {}, {}, 1.0)
    (tmp_path / "elsewhere").mkdir()
    with pytest.raises(RecipeError, match=r"--to .*: the recipe would not find .*net\.py there"):
        write_best(one, row, tmp_path / "elsewhere" / "best.yaml")
    assert write_best(one, row, tmp_path / "best.yaml").recipe.train.epochs == 2
    write_best(one, row, tmp_path / "best.yaml")  # its own may be written again
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    with pytest.raises(RecipeError, match="is there already, and no search has written it"):
        write_best(one, row, tmp_path / "mine.yaml")
