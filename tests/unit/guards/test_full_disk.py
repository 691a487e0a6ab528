"""A disk that is full, of this computer or of the device: one error with the disk's name, and nothing half-written."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from loopback_sshd import loopback_sshd
from places import DATA
from raspberry_pi_bundle import FIRMWARE, on_path, one_error
from small_disk import fill, remount, small_disk
from small_report import small_report

from edgeforge.errors import EdgeForgeError, StageFailed
from edgeforge.files import write_whole
from edgeforge.recipe.load import load_recipe
from edgeforge.report.rewrite import keep_device
from edgeforge.results.report_file import read_report
from edgeforge.results.rows.report import RaspberryPiRow
from edgeforge.search.run import Place, work
from edgeforge.search.space import Space
from edgeforge.targets.arduino.own.wishes import wishes_of
from edgeforge.targets.arduino.pack import pack
from edgeforge.targets.arduino.samples.record import record
from edgeforge.targets.arduino.serial_protocol import SampleFacts, Streamed
from edgeforge.targets.raspberry_pi.deploy import Wishes, install, script
from edgeforge.targets.raspberry_pi.ssh import Remote

SEARCH = """name: toy
data: {source: digits}
model: {name: digits_cnn}
targets: [arduino-nano-33-ble]
search: {trials: 3, over: {model.args.width: [2, 4, 8]}}
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "64k") as place:
        yield place


def files_on(disk: Path) -> list[str]:
    return sorted(str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_file() and path.name != "filler")


def test_a_file_keeps_its_old_content_and_is_named(disk: Path) -> None:
    write_whole(disk / "old.txt", "old")
    fill(disk)
    with pytest.raises(OSError, match="No space left on device") as caught:
        write_whole(disk / "old.txt", "new" * 9999)
    assert caught.value.filename == str(disk / "old.txt")
    assert files_on(disk) == ["old.txt"] and (disk / "old.txt").read_text() == "old"


def test_pack(disk: Path) -> None:
    remount(disk, "size=48k")
    wishes = wishes_of(mean="0.3", std="0.4", raw_max=16, labels="0-9")
    with pytest.raises(EdgeForgeError, match=f"the disk under {disk} is full; nothing half-written") as caught:
        pack(DATA / "digits_int8.tflite", ("arduino-nano-33-ble",), disk, wishes=wishes)
    assert "free some space, or choose another place with --out" in caught.value.fix
    assert not files_on(disk)


def test_a_search(disk: Path, tmp_path: Path) -> None:
    remount(disk, "size=4k")
    (tmp_path / "recipe.yaml").write_text(SEARCH)
    space = Space(load_recipe(tmp_path / "recipe.yaml"))
    with pytest.raises(EdgeForgeError, match="is full") as caught:
        work(space, Place(disk, None, None), lambda number, text: None, lambda outcome: None)
    assert "free some space" in caught.value.fix
    assert not [name for name in files_on(disk) if name.endswith("/meta.json")]


def test_a_search_whose_journal_has_no_room(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(SEARCH)
    fill(disk)
    with pytest.raises(EdgeForgeError, match="the disk is full") as caught:
        place = Place(tmp_path / "build", str(disk / "journal.log"), None)
        work(Space(load_recipe(tmp_path / "recipe.yaml")), place, lambda number, text: None, lambda outcome: None)
    assert "free some space" in caught.value.fix


def test_figures_of_a_device_leave_the_report_as_it_was(disk: Path) -> None:
    remount(disk, "size=1m")
    pi = RaspberryPiRow(
        bundle="raspberry-pi/b.tar.gz", size_bytes=1, files={}, format="both", optimize="basic", devices=[]
    )
    report, folder = small_report().model_copy(update={"raspberry_pi": pi}), disk / "small"
    write_whole(folder / "report.json", report.model_dump_json(by_alias=True))
    device = SimpleNamespace(name="pi", model_dump_json=lambda indent: " " * 2**20)
    fill(disk)
    with pytest.raises((EdgeForgeError, OSError), match=r"is full|No space left"):
        keep_device(folder, device)  # type: ignore[arg-type]
    assert [name for name in files_on(disk) if name.startswith("small/")] == ["small/report.json"]
    assert read_report(folder) == report


class Board:
    """What a board that streams says to `record`."""

    port = "/dev/board"

    def __init__(self, disk: Path, axes: tuple[str, ...]) -> None:
        self.disk, self.facts = disk, SampleFacts("float32" if axes else "int16", len(axes) or 1, 100.0, 999, axes)

    def sampling(self, how: object) -> SampleFacts:
        return self.facts

    def streamed(self) -> Iterator[Streamed]:
        samples = np.zeros((100, self.facts.channels), self.facts.dtype).tobytes()
        for turn in range(9):
            yield Streamed(100 * turn, 0, 0, 0, samples)
            fill(self.disk)


@pytest.mark.parametrize("axes", [("x", "y"), ()])
def test_a_recording(disk: Path, axes: tuple[str, ...]) -> None:
    board = Board(disk, axes)
    with pytest.raises(EdgeForgeError, match=r"the disk under .*walking is full; nothing half-written") as caught:
        record(board, disk, "walking", 5.0)  # type: ignore[arg-type]
    assert "--to FOLDER" in caught.value.fix and not files_on(disk)
    with pytest.raises(EdgeForgeError, match=r"the disk under .*walking has .* free, and 60 s take up to") as caught:
        record(board, disk, "walking", None)  # type: ignore[arg-type]
    assert "--to FOLDER" in caught.value.fix


class Here(Remote):
    """This computer, as ssh would run a command on it."""

    def run(self, script: str, *, stdin: bytes | None = None, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        variables = {**os.environ, "EDGEFORGE_NEEDED_MB": "0"}
        return subprocess.run(["sh", "-c", script], capture_output=True, text=True, env=variables)


def test_an_installation_on_a_device(disk: Path, bundle: Path) -> None:
    """The virtual environment needs more than there is."""
    remount(disk, "size=4m")
    subprocess.run(["cp", "-r", bundle, disk / "there"], check=True)
    before = files_on(disk)
    with pytest.raises(StageFailed, match="pi@pi: no space left on device: here, or in ") as caught:
        install(Here("pi@pi"), str(disk / "there"), Wishes(python=sys.executable))
    assert "free some space there" in caught.value.fix
    assert [name for name in files_on(disk) if "install.log" not in name] == before, "no half of an environment"
    done = subprocess.run(["./install.sh"], cwd=disk / "there", capture_output=True, text=True)
    assert "no space left: 3 MB are free here, 400 MB are needed" in one_error(done)


def test_what_a_script_writes_on_a_device(disk: Path, tmp_path: Path) -> None:
    with on_path(FIRMWARE):
        import bundle as of_bundles
    of_bundles.write_whole(disk / "choice.json", "old")
    fill(disk)
    with pytest.raises(of_bundles.BundleError, match=r"choice.json cannot be written: No space left on device") as said:
        of_bundles.write_whole(disk / "choice.json", "new" * 9999)
    assert files_on(disk) == ["choice.json"] and (disk / "choice.json").read_text() == "old"
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho 'error: {said.value}' >&2\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(StageFailed, match="No space left on device") as caught:
        script(Here("pi@pi"), str(tmp_path), "bench.py --json")
    assert "free some space there" in caught.value.fix


@pytest.mark.parametrize("tool", ["rsync", "tar"])
def test_a_copy_to_a_device(disk: Path, tmp_path: Path, tool: str, which: Callable[[str], None]) -> None:
    source = tmp_path / "bundle"
    source.mkdir()
    (source / "model.onnx").write_bytes(os.urandom(200_000))
    (tmp_path / "sshd").mkdir()
    if tool == "tar":
        which("rsync")
    with loopback_sshd(tmp_path / "sshd") as reach:
        named = dict(zip(reach[::2], reach[1::2], strict=True))
        options = (named["--ssh-option"],)
        remote = Remote(named["--host"], int(named["--port"]), Path(named["--identity"]), options)
        with pytest.raises(StageFailed, match="no space left on device") as caught:
            remote.copy_folder(source, str(disk / "there"), ())
    assert "free some space there" in caught.value.fix


@pytest.fixture
def which(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Hide a program."""
    from shutil import which as found

    return lambda name: monkeypatch.setattr("shutil.which", lambda one: None if one == name else found(one))
