"""What a build folder says of the build that runs in it."""

import subprocess
import sys
from pathlib import Path

import pytest
from toy_builds import toy_build, toy_plan

from edgeforge.builder.estimate import TimeLeft
from edgeforge.builder.plan import Plan
from edgeforge.builder.run import Watcher
from edgeforge.builder.state import LOGS, STATE, StateWatcher, read_state
from edgeforge.builder.store import Store
from edgeforge.errors import StageFailed


class Listener(Watcher):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def planned(self, plan: Plan, left: TimeLeft) -> None:
        self.told.append("planned")

    def started(self, stage: str, title: str) -> None:
        self.told.append(f"{stage} begins")

    def progress(self, stage: str, share: float, text: str) -> None:
        self.told.append(text)

    def finished(self, stage: str, seconds: float) -> None:
        self.told.append(f"{stage} ends")


def watcher(tmp_path: Path, listener: Watcher) -> StateWatcher:
    return StateWatcher(listener, tmp_path / "toy" / LOGS / STATE)


def test_the_file_follows_the_build_to_its_end(tmp_path: Path) -> None:
    toy_build(tmp_path, seed=1)
    plan, listener = toy_plan(tmp_path, "toy", 1, ("data.test=0.5",)), Listener()
    following = watcher(tmp_path, listener)
    with following.told(plan, Store(tmp_path / ".store"), 2):
        state = read_state(tmp_path / "toy")
        assert state and [stage.state for stage in state.stages] == ["stored", "waiting"]
        assert (state.state, state.left, state.left_known) == ("running", 1.0, True)
        following.started("two", "Second")
        following.progress("two", 0.5, "half")
        following.finished("two", 2.0)
        state = read_state(tmp_path / "toy")
        assert state and [(stage.state, stage.seconds) for stage in state.stages] == [("stored", 1.0), ("done", 2.0)]
        assert state.stages[1].text == "half" and state.left == 0.0
    assert listener.told == ["planned", "two begins", "half", "two ends"]
    state = read_state(tmp_path / "toy")
    assert state and (state.state, state.left) == ("finished", None)


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [(StageFailed("no luck", fix="try", stage="one"), "failed", "one: no luck"), (KeyboardInterrupt(), "stopped", "")],
)
def test_a_bad_end_is_told(tmp_path: Path, error: BaseException, state: str, reason: str) -> None:
    following = watcher(tmp_path, Watcher())
    with pytest.raises(type(error)), following.told(toy_plan(tmp_path, "toy", 1), Store(tmp_path / ".store"), 2):
        following.started("one", "First")
        raise error
    found = read_state(tmp_path / "toy")
    assert found and (found.state, found.reason, found.stages[0].state) == (state, reason, "waiting")


def test_a_killed_build_is_stopped(tmp_path: Path) -> None:
    with watcher(tmp_path, Watcher()).told(toy_plan(tmp_path, "toy", 1), Store(tmp_path / ".store"), 2):
        path = tmp_path / "toy" / LOGS / STATE
        gone = subprocess.Popen([sys.executable, "-c", ""])
        gone.wait()
        running = read_state(tmp_path / "toy")
        assert running and running.state == "running"
        path.write_text(running.model_copy(update={"process": gone.pid}).model_dump_json())
        found = read_state(tmp_path / "toy")
        assert found and (found.state, found.left) == ("stopped", None)
    path.write_text("{")
    assert read_state(tmp_path / "toy") is None


def test_a_folder_that_cannot_be_written_stops_no_build(tmp_path: Path) -> None:
    (tmp_path / "toy").write_text("a file where the folder would be")
    plan = toy_plan(tmp_path, "other", 1)
    with watcher(tmp_path, Watcher()).told(plan, Store(tmp_path / ".store"), 2):
        pass
