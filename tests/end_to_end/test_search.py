"""Searches as a person runs them: a small one to its recipe, and one by four workers of which one is killed."""

import json
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

from edgeforge.files import sha256_of
from edgeforge.recipe.load import load_recipe
from edgeforge.search.outcome import Outcome, look
from edgeforge.search.space import Space
from edgeforge.search.study import Study
from edgeforge.targets.fit.stage import read_fit

SMALL = """name: small
data: {source: digits, validation: 0.25}
model: {name: digits_cnn, args: {depth: 1}}
train: {epochs: 1}
quantize: {torch: {variants: []}, onnx: {static: false}, tflite: {variants: [float32, int8]}}
targets: [arduino-nano-33-ble]
search: {over: {model.args.width: [2, 100]}, limits: {arena_bytes: 9000}}
"""
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


def test_a_small_search_and_its_best_network_on_another_machine(tmp_path: Path, edgeforge) -> None:  # type: ignore[no-untyped-def]
    recipe, out, there = tmp_path / "small.yaml", tmp_path / "build", tmp_path / "there"
    recipe.write_text(SMALL)
    kept = ("--artifacts", f"file://{tmp_path}/kept")
    done = edgeforge("search", recipe, "--out", out, *kept, "--no-reports")
    assert done.returncode == 0, done.stderr
    assert "infeasible: arena (bytes)" in done.stderr and "2 networks, 1 on the front, 1 refused" in done.stdout
    found = json.loads((out / "small" / "search" / "search.json").read_text())
    wide = next(row for row in found["rows"] if row["params"]["model.args.width"] == "100")
    narrow = next(row for row in found["rows"] if row["front"])
    assert wide["state"] == "infeasible" and not wide["trained"] and wide["figures"]["arena_bytes"] > 9000
    assert not list((out / ".store").glob("torch-*")), "only what the figures need is made"
    page = (out / "small" / "search" / "index.html").read_text()
    assert "The front" in page and "limit 9,000" in page

    again = edgeforge("search", recipe, "--out", out, "--no-reports")
    assert again.returncode == 0 and "2 networks, 1 on the front" in again.stdout, "nothing is left to be tried"

    journal = out / "small" / "search" / "journal.log"
    best = ("--best", "--limits", "arena_bytes=8000", "--to", tmp_path / "chosen.yaml")
    chosen = edgeforge("search", recipe, "--out", there, "--storage", journal, *kept, *best)
    assert chosen.returncode == 0 and "train" in chosen.stdout, chosen.stderr
    built = edgeforge("build", tmp_path / "chosen.yaml", "--out", there, "--until", "fit")
    assert built.returncode == 0, built.stderr
    (trial,) = (json.loads(meta.read_text()) for meta in (out / ".store").glob("tflite-*/meta.json"))
    (copy,) = (json.loads(meta.read_text()) for meta in (there / ".store").glob("tflite-*/meta.json"))
    assert trial == copy, "fetched, and not made again"
    assert sha256_of(there / "small-best" / "tflite" / "small-best_int8.tflite") in trial["files"].values()
    fit = read_fit(next((there / ".store").glob("fit-*")))["arduino-nano-33-ble"]
    assert fit.arena.needed_bytes == narrow["figures"]["arena_bytes"]


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


@pytest.mark.proof
@pytest.mark.skipif(bool(why_not()), reason=why_not())
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
