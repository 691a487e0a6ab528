"""Verbs killed at any moment: said again they leave the same bytes, no temporary file and no process behind."""

import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml
from builds import DIGITS, processes_of
from kill_windows import Windows
from loopback_sshd import loopback_sshd
from places import DATA, HELPERS
from raspberry_pi_bundle import make_bundle
from sklearn.datasets import load_digits
from small_report import small_report

from edgeforge.bundled import bundled
from edgeforge.files import sha256_of
from edgeforge.guards.removal import LEFTOVER, MARK
from edgeforge.results.rows.report import RaspberryPiRow

SECONDS = 900  # of one run on a busy machine
SAMPLE, WHOLE = 2, 25  # kills of each verb
PACK = ("pack", "model.tflite", "--board", "arduino-nano-33-ble", "--labels", "0-9", "--mean", "0.3", "--std", "0.4",
        "--raw-max", "16", "--out", "out/packed", "--force")  # fmt: skip
TIMES = ("seconds", "retries", "p50_ms", "p99_ms")  # of a run of monitor: what the clock and the line say
KILLS = pytest.mark.parametrize("count", [SAMPLE, pytest.param(WHOLE, marks=pytest.mark.soak)], ids=["sample", "whole"])


class Desk:
    """A working directory, home folder and folder of temporary files of the runs."""

    def __init__(self, root: Path) -> None:
        self.work, self.temporary = root / "work", root / "tmp"
        self.elsewhere = [root / "device"]  # which `deploy` reaches by ssh
        for folder in (self.work, self.temporary, root / "home"):
            folder.mkdir()
        self.variables = {**os.environ, "TMPDIR": str(self.temporary), "HOME": str(root / "home"), "COLUMNS": "160"}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-P", "-m", "edgeforge", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        return subprocess.Popen(command, cwd=self.work, env=self.variables, text=True, **pipes)  # type: ignore[call-overload]

    def run(self, *words: str) -> str:
        process = self.start(*words)
        said: str = process.communicate(timeout=SECONDS)[0]
        assert process.returncode == 0, said
        return said

    def kill(self, words: tuple[str, ...], seconds: float) -> bool:
        """Start a verb, and kill it after so long; return whether it was still running."""
        process = self.start(*words)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return True
        return False

    def require_clean(self) -> None:
        """Nothing half-written and no temporary file is left, and no process."""
        assert not [path for path in self.work.rglob("*") if LEFTOVER.fullmatch(path.name)]
        assert not list(self.temporary.iterdir())
        self.require_alone()

    def require_alone(self) -> None:
        """Processes of a killed run end with it."""
        end = time.monotonic() + 20
        while left := [one for place in (self.temporary, self.work, *self.elsewhere) for one in processes_of(place)]:
            assert time.monotonic() < end, f"an orphan lives: {left}"
            time.sleep(0.02)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def bytes_of(folder: Path, *left_out: str) -> dict[str, bytes]:
    """Return the files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and not set(path.relative_to(folder).parts) & set(left_out)}  # fmt: skip


def kill_often(
    desk: Desk,
    words: tuple[str, ...],
    prepare: Callable[[int], int],
    result: Callable[[], object],
    count: int,
    in_a_row: int = 1,
) -> int:
    """Kill a verb so often, `in_a_row` times before it is said to its end: it has the result of the first then.

    prepare: is told the turn and makes the place; returns which kind of run is to come, each having a time of its own.
    Returns how many were killed before their end.
    """
    chance, windows, hits = random.Random(29), Windows(), 0
    windows.time(prepare(0), lambda: desk.run(*words))
    right = result()
    desk.require_clean()
    for turn in range(1, count + 1):
        kind = prepare(turn)
        if kind not in windows.whole:
            windows.time(kind, lambda: desk.run(*words))
            kind = prepare(turn)
        hit = desk.kill(words, windows.moment(kind, chance))
        windows.learn(kind, hit=hit)
        hits += hit
        desk.require_alone()
        if turn % in_a_row == 0 or turn == count:
            desk.run(*words)
            assert result() == right, turn
            desk.require_clean()
    return hits


@KILLS
def test_pack(desk: Desk, count: int, record_property: Callable[[str, object], None]) -> None:
    shutil.copy(DATA / "digits_int8.tflite", desk.work / "model.tflite")
    hits = kill_often(desk, PACK, lambda turn: 0, lambda: bytes_of(desk.work / "out"), count)
    record_property("kills of pack", f"{hits} of {count}")
    assert hits >= 0.7 * count - 1


@KILLS
def test_clean(desk: Desk, count: int, record_property: Callable[[str, object], None]) -> None:
    kept = desk.work / "kept"
    toy = [sys.executable, "-P", str(HELPERS / "toy_process.py"), str(kept)]
    for seed in ("1", "2"):
        subprocess.run([*toy, seed], env={**os.environ, "PYTHONPATH": str(HELPERS)}, check=True, timeout=SECONDS)

    def prepare(turn: int) -> int:
        shutil.rmtree(desk.work / "out", ignore_errors=True)
        shutil.copytree(kept, desk.work / "out", symlinks=True)
        return 0

    words = ("clean", "--out", "out", "--keep-size", "0GB")
    hits = kill_often(desk, words, prepare, lambda: bytes_of(desk.work / "out"), count)
    record_property("kills of clean", f"{hits} of {count}")
    assert hits >= 0.7 * count - 1


@pytest.fixture
def board(desk: Desk, tmp_path: Path) -> Iterator[str]:
    """A board on a port that answers as TFLM does; a killed monitor leaves it as a real one would be left."""
    from edgeforge.results.preprocessing import Preprocessing
    from edgeforge.runtimes.tflm import TFLMRunner
    from edgeforge.tflite.associated_files import pure_flatbuffer
    from edgeforge.tflite.tensors import to_input

    shutil.copy(DATA / "digits_int8.tflite", desk.work / "model.tflite")
    desk.run(*PACK)
    model, raw = desk.work / "out" / "packed" / "model.tflite", load_digits().images[:24, None].astype(np.uint8)
    assert model.exists(), list((desk.work / "out" / "packed").iterdir())
    np.savez(desk.work / "x.npz", raw=raw, y=load_digits().target[:24])
    runner = TFLMRunner(model)
    tensors = to_input(Preprocessing((1, 8, 8), 16.0, (0.3,), (0.4,), tuple("0123456789")).apply(raw), runner.input)
    outputs = runner.run_raw(tensors)
    head = struct.pack("<9I", 0, 0, 1, 64, 64, 10, zlib.crc32(pure_flatbuffer(model.read_bytes())), 1500, len(raw))
    entries = zip(raw.transpose(0, 2, 3, 1), tensors, outputs, strict=True)
    (tmp_path / "table.bin").write_bytes(head + b"".join(part.tobytes() for entry in entries for part in entry))
    firmware, program = bundled("firmware") / "arduino", tmp_path / "board"
    sources = [str(HELPERS / "board_on_pty.cc"), str(firmware / "protocol.cc")]
    subprocess.run(["g++", "-std=c++17", f"-I{firmware}", *sources, "-o", str(program)], check=True)
    with subprocess.Popen([program, tmp_path / "table.bin"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process.stdout.readline().strip()
        process.kill()


@KILLS
def test_monitor(desk: Desk, board: str, count: int, record_property: Callable[[str, object], None]) -> None:
    words = ("monitor", "--port", board, "--model", "out/packed/model.tflite", "--samples", "x.npz", "--json")

    def result() -> object:
        (found,) = (desk.work / "out" / "packed").glob("model-*.json")
        run = json.loads(found.read_text())
        return {name: value for name, value in run.items() if name not in TIMES}

    hits = kill_often(desk, words, lambda turn: 0, result, count)
    record_property("kills of monitor", f"{hits} of {count}")
    assert hits >= 0.7 * count - 1


OF_THE_DEVICE = (".venv", "install.log", "choice.json", MARK)  # what deploy leaves there as it is


@pytest.mark.parametrize("count", [1, pytest.param(WHOLE, marks=pytest.mark.soak)], ids=["sample", "whole"])
def test_deploy(desk: Desk, tmp_path: Path, count: int, record_property: Callable[[str, object], None]) -> None:
    """Fresh devices and such that hold a damaged or half a bundle; what lies beside the folder there stays."""
    build, device = desk.work / "out" / "digits", tmp_path / "device"
    unpacked = make_bundle(tmp_path / "made")
    (build / "raspberry-pi").mkdir(parents=True)
    shutil.copy(tmp_path / "made" / "out" / "digits.tar.gz", build / "raspberry-pi")
    device.mkdir()
    (device / "keep.txt").write_text("mine")
    pi = RaspberryPiRow(
        bundle="raspberry-pi/digits.tar.gz", size_bytes=1, files={}, format="both", optimize="basic", devices=[]
    )
    report = small_report().model_copy(update={"raspberry_pi": pi})
    there = device / "there"

    def prepare(turn: int) -> int:
        (build / "report.json").write_text(report.model_dump_json(by_alias=True))
        if turn % 10 == 1:
            shutil.rmtree(there)
        if (there / MARK).exists():
            (there / "labels.txt").write_text("damaged")
            (there / "more.txt").write_text("of an earlier bundle")
        return (there / ".venv" / ".edgeforge-whole").exists()  # else its virtual environment is made, which is long

    def result() -> object:
        assert sorted(path.name for path in device.iterdir()) == ["keep.txt", "there"]
        assert (device / "keep.txt").read_text() == "mine" and (there / ".venv" / ".edgeforge-whole").exists()
        (found,) = (build / "devices").glob("*.json")
        assert all(row["passed"] for row in json.loads(found.read_text())["selftest"])
        assert len(json.loads((build / "report.json").read_text())["raspberry_pi"]["devices"]) == 1
        return bytes_of(there, *OF_THE_DEVICE, "__pycache__")

    with loopback_sshd(device.parent) as reach:
        words = ("deploy", "out/digits", *reach, "--folder", str(there), "--runs", "20")
        hits = kill_often(desk, words, prepare, result, count, in_a_row=5)
    assert result() == bytes_of(unpacked, *OF_THE_DEVICE, "__pycache__")
    record_property("kills of deploy", f"{hits} of {count}")
    assert hits >= 0.7 * count - 1


SEARCH = """name: small
data: {source: digits, validation: 0.25}
model: {name: digits_cnn, args: {depth: 1}}
train: {epochs: 2}
quantize: {torch: {variants: []}, onnx: {static: false}, tflite: {variants: [float32, int8]}}
targets: [arduino-nano-33-ble]
search: {retries: 100, prune: false, over: {model.args.width: [2, 3, 4]}}
"""


@pytest.mark.soak
def test_search(desk: Desk, record_property: Callable[[str, object], None]) -> None:
    """A search killed in its trials, and said again until it is whole, has each network once, and the same best.

    One whose second worker is killed goes on by itself.
    """
    out = desk.work / "out"
    (desk.work / "small.yaml").write_text(SEARCH)
    words = ("search", "small.yaml", "--workers", "2", "--out", str(out), "--no-reports")

    def result() -> object:
        desk.run(*words[:2], "--out", str(out), "--best", "--to", str(out / "best.yaml"))
        rows = json.loads((out / "small" / "search" / "search.json").read_text())["rows"]
        figures = sorted(json.dumps([row[name] for name in ("params", "state", "figures", "front")]) for row in rows)
        trained = {str(path): sha256_of(path) for path in (out / ".store").rglob("model.ckpt")}
        return figures, trained, yaml.safe_load((out / "best.yaml").read_text())  # its comment has the trial's number

    def kill_second(seconds: float) -> None:
        process, end = desk.start(*words), time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.1)
        for child in psutil.Process(process.pid).children():
            if "search" in child.cmdline():
                child.kill()
        said = process.communicate(timeout=SECONDS)[0]
        assert process.returncode == 0, said

    windows, chance, hits = Windows(), random.Random(37), 0
    windows.time(0, lambda: desk.run(*words))
    right = result()
    for turn in range(6):
        shutil.rmtree(out)
        if turn % 3 == 2:
            kill_second(windows.moment(0, chance) / 2)
            hits += 1
        else:
            for _ in range(4):
                hits += desk.kill(words, windows.moment(0, chance) / 2)
                desk.require_alone()
        desk.run(*words)
        assert result() == right
        desk.require_clean()
    record_property("kills of a search", hits)


@pytest.mark.soak
def test_a_build_of_the_digits(desk: Desk, record_property: Callable[[str, object], None]) -> None:
    """A real build, killed again and again until it is whole, is the one that was never killed."""
    words = ("build", str(DIGITS), "--set", "train.epochs=2", "--until", "tflite", "--out", "out")
    windows, chance, hits = Windows(), random.Random(31), 0
    windows.time(0, lambda: desk.run(*words))
    right = bytes_of(desk.work / "out" / "digits", "logs", ".edgeforge.json")
    for _ in range(3):
        shutil.rmtree(desk.work / "out")
        while desk.kill(words, windows.moment(0, chance) / 2):
            hits += 1
            desk.require_alone()
            if hits % 8 == 0:
                break
        desk.run(*words)
        assert bytes_of(desk.work / "out" / "digits", "logs", ".edgeforge.json") == right
        desk.require_clean()
    record_property("kills of a build of the digits", hits)
    assert hits
