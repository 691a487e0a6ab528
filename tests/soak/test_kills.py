"""Builds killed at any moment, on full and read-only disks, of damaged stores, many at once: always the same bytes.

A seeded sample runs in `make test`; `make soak` runs all.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from builds import processes_of
from kill_windows import Windows
from places import HELPERS, ROOT
from small_disk import remount, small_disk

from edgeforge.guards.removal import LEFTOVER, MARK

PROGRAM = HELPERS / "toy_process.py"
SECONDS = 300  # of one build on a busy machine
SAMPLE, WHOLE = 3, 100  # kills
Right = tuple[Path, dict[int, dict[str, bytes]]]  # a folder with whole builds, and what they show by seed


def command(out: Path, seed: int) -> list[str]:
    return [sys.executable, "-P", str(PROGRAM), str(out), str(seed)]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": f"{HELPERS}:{ROOT}", "PYTHONSAFEPATH": "1"}


def build(out: Path, seed: int = 1) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command(out, seed), env=environment(), capture_output=True, text=True, timeout=SECONDS)


def published(out: Path) -> dict[str, bytes]:
    """Return what a person sees, but for logs and the record, whose order of stages is that of their ends."""
    folder = out / "toy"
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*"))
            if path.is_file() and path.parent.name != "logs" and path.name != ".edgeforge.json"}  # fmt: skip


def require_clean(out: Path) -> None:
    """Nothing half-written is left, in the build folder or the store."""
    assert not [path for path in out.rglob("*") if LEFTOVER.fullmatch(path.name)]
    assert not list((out / ".store" / "new").iterdir())
    assert not list((out / "toy").rglob("*.edited*")) and not (out / "toy" / "earlier").exists()


@pytest.fixture(scope="module")
def right(tmp_path_factory: pytest.TempPathFactory) -> Right:
    """A folder with whole builds of two seeds, and what they show."""
    out = tmp_path_factory.mktemp("right")
    shown = {}
    for seed in (1, 2):
        done = build(out, seed)
        assert done.returncode == 0, done.stdout + done.stderr
        shown[seed] = published(out)
    assert len(shown[1]) == 19 and shown[1] != shown[2]
    return out, shown


def kill_at(out: Path, seed: int, seconds: float) -> bool:
    """Start a build and kill it after so long; return whether it was still running."""
    process = subprocess.Popen(
        command(out, seed), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


@pytest.mark.parametrize(
    "count", [SAMPLE, pytest.param(WHOLE, marks=pytest.mark.soak)], ids=["sample", "whole"]
)  # fmt: skip
def test_a_killed_build_ends_the_same(
    right: Right, tmp_path: Path, count: int, record_property: pytest.TestReport
) -> None:
    chance, out, killed, windows = random.Random(17), tmp_path / "out", 0, Windows()
    for turn in range(4):  # undisturbed, each after what comes before it: how long each takes
        windows.time(turn, lambda turn=turn: build(tmp_path / "timed", 1 + turn % 2))
    for turn in range(count):
        seed = 1 + turn % 2  # each turn sets the files of the other seed aside
        if turn % 4 == 0 and out.exists():
            shutil.rmtree(out)
        hit = kill_at(out, seed, windows.moment(turn % 4, chance))
        windows.learn(turn % 4, hit=hit)
        killed += hit
        end = time.monotonic() + 20
        while processes_of(out):  # they end with the process that started them
            assert time.monotonic() < end, "an orphan lives"
            time.sleep(0.02)
        done = build(out, seed)
        assert done.returncode == 0, (turn, done.stdout, done.stderr)
        assert published(out) == right[1][seed], turn
        require_clean(out)
    record_property("kills", f"{killed} of {count} builds were killed before their end; all ended with the same bytes")
    assert killed >= 0.8 * count - 2


@pytest.mark.parametrize("count", [2, pytest.param(8, marks=pytest.mark.soak)])
def test_builds_at_once_end_the_same(right: Right, tmp_path: Path, count: int) -> None:
    running = [subprocess.Popen(command(tmp_path, 1), env=environment(), stdout=subprocess.PIPE, text=True)
               for _ in range(count)]  # fmt: skip
    said = [process.communicate(timeout=SECONDS)[0] for process in running]
    assert [process.returncode for process in running] == [0] * count, said
    assert published(tmp_path) == right[1][1]
    require_clean(tmp_path)


DAMAGE = {
    "flipped byte": lambda folder: flip(folder / "a.bin"),
    "flipped byte of meta.json": lambda folder: flip(folder / "meta.json"),
    "empty meta.json": lambda folder: (folder / "meta.json").write_bytes(b""),
    "meta.json that is a folder": lambda folder: replaced_by_folder(folder / "meta.json"),
    "meta.json that is a link": lambda folder: replaced_by_link(folder / "meta.json"),
    "deep meta.json": lambda folder: (folder / "meta.json").write_text("[" * 100_000),
    "no meta.json": lambda folder: (folder / "meta.json").unlink(),
    "deleted file": lambda folder: (folder / "sub" / "c.bin").unlink(),
    "file that is a folder": lambda folder: replaced_by_folder(folder / "b.bin"),
    "deleted artifact": lambda folder: shutil.rmtree(folder),
    "artifact that is a file": lambda folder: replaced_by_file(folder),
    "artifact that is a link": lambda folder: replaced_by_link(folder),
}


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def replaced_by_folder(path: Path) -> None:
    remove(path)
    path.mkdir()


def replaced_by_link(path: Path) -> None:
    remove(path)
    path.symlink_to("nowhere")


def replaced_by_file(path: Path) -> None:
    remove(path)
    path.write_text("x")


@pytest.fixture
def copy(right: Right, tmp_path: Path) -> Path:
    return shutil.copytree(right[0], tmp_path / "copy", symlinks=True)


@pytest.mark.parametrize("kind", DAMAGE)
def test_what_is_damaged_in_the_store_is_made_again(right: Right, copy: Path, kind: str) -> None:
    chosen = sorted((copy / ".store").glob("s4-*"), key=lambda path: path.stat().st_mtime)[-1]
    DAMAGE[kind](chosen)
    done = build(copy, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert published(copy) == right[1][2] and (chosen / "meta.json").is_file()
    require_clean(copy)


OBSTACLES = {
    "the build folder is a file": lambda out: replaced_by_file(out / "toy"),
    "the build folder is a dangling link": lambda out: (
        shutil.rmtree(out / "toy"),
        (out / "toy").symlink_to("nowhere"),
    ),
    "the store is a file": lambda out: replaced_by_file(out / ".store"),
    "the store holds something else": lambda out: (out / ".store" / MARK).unlink() or (out / ".store" / "mine").mkdir(),
    "a published file is a folder": lambda out: replaced_by_folder(out / "toy" / "part0" / "a.bin"),
    "a folder of files is a file": lambda out: (
        shutil.rmtree(out / "toy" / "part0"),
        (out / "toy" / "part0").write_text("x"),
    ),
}


@pytest.mark.parametrize("kind", OBSTACLES)
def test_what_stands_in_the_way_is_one_clear_error(copy: Path, kind: str) -> None:
    OBSTACLES[kind](copy)
    done = build(copy, 2)
    lines = done.stdout.strip().splitlines()
    assert done.returncode == 1 and len(lines) == 1, done.stdout + done.stderr
    assert lines[0].startswith("error: ") and "fix: " in lines[0] and "Errno" not in lines[0]


@pytest.mark.parametrize("name", ["recipe.lock.yaml", ".edgeforge.json"])
def test_a_file_of_ours_that_is_no_utf8_is_written_anew(right: Right, copy: Path, name: str) -> None:
    (copy / "toy" / name).write_bytes(b"\xff\xfe\x00")
    done = build(copy, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert published(copy) == right[1][2]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4k") as place:
        yield place


@pytest.mark.parametrize("steps", [3, pytest.param(40, marks=pytest.mark.soak)])
def test_a_disk_that_is_full_at_any_moment(right: Right, disk: Path, steps: int) -> None:
    failed = 0
    for size in range(4, 1400, 1400 // steps):
        remount(disk, f"size={size}k")
        done = build(disk, 2)
        if done.returncode:
            failed += 1
            lines = done.stdout.strip().splitlines()
            assert done.returncode == 1 and len(lines) == 1 and "is full" in lines[0], done.stdout + done.stderr
    assert failed
    remount(disk, "size=4m")
    done = build(disk, 2)
    assert done.returncode == 0, done.stdout + done.stderr
    assert published(disk) == right[1][2]
    require_clean(disk)


def test_a_read_only_disk_is_one_clear_error(right: Right, disk: Path) -> None:
    remount(disk, "size=8m")
    shutil.copytree(right[0], disk / "out", symlinks=True)
    remount(disk, "ro")
    done = build(disk / "out", 1)
    lines = done.stdout.strip().splitlines()
    assert done.returncode == 1 and len(lines) == 1 and "read-only" in lines[0], done.stdout + done.stderr
