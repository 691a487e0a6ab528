"""A search in PostgreSQL by four workers, one of which is killed in training: nothing is lost, nothing done twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
from postgres import postgres, why_not

from edgeforge.recipe.load import load_recipe
from edgeforge.search.outcome import Outcome, look
from edgeforge.search.space import Space
from edgeforge.search.study import Study

pytestmark = [pytest.mark.proof, pytest.mark.skipif(bool(why_not()), reason=why_not())]

RECIPE = """name: {name}
data: {{source: digits, validation: 0.25}}
model: {{name: digits_cnn, args: {{depth: 1}}}}
train: {{epochs: 12, batch_size: 8}}
quantize: {{tflite: {{variants: [float32, int8]}}}}
targets: [arduino-nano-33-ble]
search:
  trials: 10
  prune: false
  over: {{model.args.width: [2, 4, 6, 100]}}
  limits: {{arena_bytes: 9000}}
"""
PATIENCE = 1500


def study_of(folder: Path, name: str, url: str) -> Study:
    recipe = folder / f"{name}.yaml"
    recipe.write_text(RECIPE.format(name=name))
    return Study(Space(load_recipe(recipe)), url, folder)


def start(folder: Path, name: str, url: str, out: Path) -> subprocess.Popen[bytes]:
    command = ("search", str(folder / f"{name}.yaml"), "--storage", url, "--out", str(out), "--no-reports")
    return subprocess.Popen([sys.executable, "-m", "edgeforge", *command], env=dict(os.environ))


def in_training(workers: list[subprocess.Popen[bytes]], out: Path) -> int:
    """Return the first of the workers that has a checkpoint and still trains."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for worker in workers:
            for child in psutil.Process(worker.pid).children(recursive=True):
                line = " ".join(child.cmdline()) if child.is_running() else ""
                if "/train-" in line and list((out / ".store" / "scratch").glob("train-*/last.ckpt")):
                    return worker.pid
        time.sleep(0.2)
    raise AssertionError("nobody trains")


def chosen(outcome: Outcome) -> dict[str, dict[str, float]]:
    return {row.changes[0]: row.figures for row in outcome.rows if row.front}


def test_a_worker_killed_in_training_loses_nothing(tmp_path: Path) -> None:
    with postgres() as url:
        study = study_of(tmp_path, "killed", url)
        workers = [start(tmp_path, "killed", url, tmp_path / "build") for _ in range(4)]
        try:
            killed = in_training(workers, tmp_path / "build")
            os.kill(killed, signal.SIGKILL)
            for worker in workers:
                assert worker.wait(PATIENCE) == (-signal.SIGKILL if worker.pid == killed else 0)
        finally:
            for worker in workers:
                worker.kill()
        outcome = look(study)
        states = Counter(one.state.name for one in study.trials() if not one.user_attrs.get("surplus"))
        assert states["FAIL"] == 1 and not states["RUNNING"] and not states["WAITING"], states
        assert Counter(row.changes for row in outcome.rows) == Counter(
            [(f"model.args.width={width}",) for width in (2, 4, 6, 100)]
        ), "each to its end, and once"
        wide = next(row for row in outcome.rows if row.changes == ("model.args.width=100",))
        assert wide.state == "infeasible" and not wide.trained and "arena" in wide.reason

        alone = study_of(tmp_path, "alone", url)
        assert start(tmp_path, "alone", url, tmp_path / "other").wait(PATIENCE) == 0
        assert chosen(look(alone)) == chosen(outcome), "the same networks, the same figures"
