"""Every Python that EdgeForge starts is started in one way, which the working directory and launchers cannot steer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import DATA, ROOT
from planted import LAUNCHERS, plant
from toy_builds import toy_plan

from edgeforge.evaluate.desk.found import run_group
from edgeforge.guards.processes import environment, python, script


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    return plant(tmp_path)


def test_one_module_alone_names_the_interpreter() -> None:
    users = {str(path.relative_to(ROOT)) for path in (ROOT / "edgeforge").rglob("*.py")
             if "sys.executable" in path.read_text()}  # fmt: skip
    assert users == {"edgeforge/guards/processes.py"}


def test_what_a_launcher_has_set_is_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LAUNCHERS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    for found in (environment(), environment(of_a_script=True)):
        assert not found.keys() & LAUNCHERS.keys() and found["OMP_NUM_THREADS"] == "2"


def test_a_child_and_its_children_do_not_look_into_the_working_directory(planted: Path) -> None:
    code = "import random, subprocess, sys; subprocess.run([sys.executable, '-c', 'import random, numpy'], check=True)"
    done = subprocess.run(python("-c", code), cwd=planted, env=environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not (planted / "RUN").exists()


def test_a_bundle_script_finds_the_modules_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    (tmp_path / "beside.py").write_text("VALUE = 7")
    (tmp_path / "run.py").write_text("import beside; print(beside.VALUE)")
    done = subprocess.run(script("run.py"), cwd=tmp_path, env=environment(of_a_script=True), capture_output=True)
    assert done.stdout == b"7\n", done.stderr


MODEL = str(DATA / "digits_int8.tflite")


@pytest.mark.parametrize(
    "words",
    [
        ("--version",), ("boards",), ("schema",), ("fit", MODEL, "--board", "arduino-nano-33-ble"), ("inspect", MODEL),
        ("bench", MODEL, "--runs", "20"), ("verify", MODEL, MODEL), ("plan", str(ROOT / "recipes" / "digits.yaml")),
        ("init", "my.yaml"),
    ],
    ids=lambda words: words[0],
)  # fmt: skip
def test_no_verb_runs_a_file_of_the_working_directory(planted: Path, words: tuple[str, ...]) -> None:
    program = Path(sys.executable).with_name("edgeforge")
    done = subprocess.run([program, *words], cwd=planted, capture_output=True, text=True,
                          env={**os.environ, **LAUNCHERS, "PYTHONINSPECT": ""})  # fmt: skip
    assert done.returncode in (0, 1, 2, 5) and "Traceback" not in done.stderr, done.stderr
    assert not (planted / "RUN").exists(), (planted / "RUN").read_text()


def test_the_worker_and_the_second_processes_do_not_either(planted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(planted)
    assert all(row.trustworthy for row in run_group("tflite"))
    plan = toy_plan(planted / "out", "toy", 0)
    order = {"stage": "x", "function": "edgeforge.guards.processes:environment",
             "recipe": plan.recipe.model_dump(mode="json"), "reads": [],
             "inputs": {}, "files": {}, "output": "o", "scratch": "s", "log": str(planted / "log"),
             "facts": {}}  # fmt: skip
    (planted / "order.json").write_text(json.dumps(order))
    ours, theirs = os.pipe()  # it ends itself, and its group, once its standard input closes
    done = subprocess.run(python("-m", "edgeforge.builder.worker", "order.json"), capture_output=True, text=True,
                          env=environment(), stdin=ours, start_new_session=True)  # fmt: skip
    os.close(theirs)
    os.close(ours)
    assert "environment() takes" in done.stdout + (planted / "log").read_text(), "it came to the stage's function"
    assert not (planted / "RUN").exists(), (planted / "RUN").read_text()
