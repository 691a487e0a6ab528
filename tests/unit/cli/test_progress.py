"""What a build shows in the terminal."""

import io
from pathlib import Path

import pytest
from toy_builds import toy_build, toy_plan

from edgeforge.builder.estimate import TimeLeft
from edgeforge.cli import progress
from edgeforge.guards.terminal import Terminal
from edgeforge.pipeline import STAGES

LONG = "epoch 1120/3000 (1119: val. acc. 99.12 %), [and] a layer of a very long name, features.7.conv.1"


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> io.StringIO:
    """A terminal, or a pipe, of 80 columns."""
    text, terminal = io.StringIO(), request.param
    console = Terminal(file=text, width=80, force_terminal=terminal, highlight=False, color_system=None)
    monkeypatch.setattr(progress, "Terminal", lambda **_: console)
    return text


def play(tmp_path: Path) -> progress.ConsoleWatcher:
    toy_build(tmp_path, seed=1)
    plan = toy_plan(tmp_path, "toy", 2)
    with progress.ConsoleWatcher() as watcher:
        left = TimeLeft(plan, {"one": 60.0, "two": 5.0}, 2)
        watcher.planned(plan, left)
        for stage in ("one", "two"):
            left.started(stage)
            watcher.started(stage, "Title")
            watcher.progress(stage, 0.5, LONG)
            watcher.bars.refresh()
            left.finished(stage)
            watcher.finished(stage, 754.0)
    return watcher


@pytest.mark.parametrize("screen", [False], indirect=True)
def test_a_pipe_gets_one_line_a_stage(screen: io.StringIO, tmp_path: Path) -> None:
    play(tmp_path)
    lines = screen.getvalue().splitlines()
    assert lines[0] == "toy: 2 stages to run, 0 up to date; about 1:05, going by earlier builds"
    assert [line[:12] for line in lines[1:3]] == ["✓ one       ", "✓ two       "] and "12:34  epoch 1120" in lines[1]
    assert len([line for line in lines if line.strip()]) == 3 and max(map(len, lines)) <= 80


@pytest.mark.parametrize("screen", [True], indirect=True)
def test_a_terminal_of_80_columns_shows_name_and_time_whatever_the_text(screen: io.StringIO, tmp_path: Path) -> None:
    play(tmp_path)
    lines = screen.getvalue().splitlines()
    running = [line for line in lines if "epoch" in line and "✓" not in line]
    assert running and all("one      " in line or "two      " in line for line in running)
    assert any(" left epoch 1120/3000 (1119: val. acc. 99" in line for line in running)
    assert any("0 of 2 stages" in line and "1:05 left" in line for line in lines)


def test_stages_names_fit_their_column() -> None:
    assert max(len(stage.name) for stage in STAGES) <= progress.NAME_WIDTH
