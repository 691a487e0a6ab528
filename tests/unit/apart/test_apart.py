"""What a worker process does is its result here, one line of ours, or the progress that it tells; never its death."""

from __future__ import annotations

import os
from pathlib import Path

import apart_toys as toys
import pytest

from edgeforge.apart import watch
from edgeforge.apart.run import EngineEnded, apart, in_worker
from edgeforge.errors import BudgetExceeded, RecipeError


@pytest.fixture(autouse=True)
def _toys_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(toys.__file__).parent))


def test_result_and_progress_come_back_and_prints_do_not(capfd: pytest.CaptureFixture[str]) -> None:
    told: list[str] = []
    assert apart(toys.add, 2, b=3, progress=told.append) == 5
    assert told == ["2 and 3"] and capfd.readouterr() == ("", "")


def test_errors_of_edgeforge_come_back_as_they_are() -> None:
    with pytest.raises(BudgetExceeded) as caught:
        apart(toys.refuse)
    error = caught.value
    assert (error.reason, error.fix, error.stage) == ("too large", "make it smaller", "fit")
    assert "apart_toys.py" in error.__notes__[0]  # for --debug


def test_errors_of_others_come_back_in_our_words() -> None:
    with pytest.raises(RecipeError) as caught:
        apart(toys.fail)
    assert "3 values do not fill the shape (2,2)" in str(caught.value) or "cannot reshape" in str(caught.value)


@pytest.mark.parametrize(
    ("toy", "said"),
    [
        (toys.crash, "LiteRT crashes (SIGSEGV) on it"),
        (toys.compute, "ONNX Runtime computes for more than 1 s on it"),
        (toys.wait, "TFLM does not come to an end within 1 s on it"),
        (toys.fill, "PyTorch asks for more memory than it may take on it"),
    ],
)
def test_the_end_of_an_engine_names_it_and_the_file(toy: object, said: str, tmp_path: Path) -> None:
    file = tmp_path / "x.tflite"
    file.write_bytes(b"x")
    with pytest.raises(EngineEnded) as caught:
        apart(toy, file)  # type: ignore[arg-type]
    assert caught.value.reason == f"{file}: {said}" and caught.value.fix and caught.value.code == "RecipeError"


def test_a_person_may_allow_more(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(watch.MAX_MEMORY, "4G")
    assert apart(toys.fill, tmp_path) == 3 * 2**30
    monkeypatch.setenv(watch.MAX_SECONDS, "soon")
    with pytest.raises(RecipeError, match="no number of seconds"):
        apart(toys.compute, tmp_path)


def test_what_is_done_behind_an_engine_has_no_limit(tmp_path: Path) -> None:
    assert apart(toys.long_after, tmp_path) == 1


def test_a_function_in_a_worker_works_there_but_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert apart(toys.process_id) != os.getpid()
    called = in_worker(toys.process_id)
    monkeypatch.setattr(toys, "process_id", called)
    monkeypatch.setattr(watch, "_send", lambda *_, **__: None)
    assert called() == os.getpid()


def test_nothing_is_watched_outside_of_a_worker(tmp_path: Path) -> None:
    with watch.watched("LiteRT", tmp_path):
        assert not watch.inside()
