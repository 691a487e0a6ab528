"""`edgeforge boards`: lists, shows one with its sources, and writes one; on a terminal it asks for what is missing."""

import os
import subprocess
import sys
from pathlib import Path

from places import DATA

from edgeforge.hardware.board_file import read_board_file

OPTIONS = ("--title", "Mine", "--core", "cortex-m33", "--flash-bytes", "524288", "--ram-bytes", "131072")


def test_one_board_is_shown_with_its_sources(edgeforge, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert "raspberry-pi-pico-2" in edgeforge("boards").stdout
    shown = " ".join(edgeforge("boards", "esp32").stdout.split())
    assert "124,580 bytes" in shown and "dram0_0_seg" in shown and "esp32:esp32:esp32" in shown


def test_what_is_missing_is_named_where_nobody_can_be_asked(edgeforge, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "boards.toml"
    done = edgeforge("boards", "--add", "mine", "--board-file", path, *OPTIONS)
    assert done.returncode == 2 and "--clock-mhz, --core-flash-bytes, --core-ram-bytes, --source" in done.stderr
    assert not path.exists()
    done = edgeforge("boards", "--add", "mine", "--board-file", path, "--like", "esp32-s3", *OPTIONS)
    assert done.returncode == 0 and read_board_file(path)["mine"].core_flash_bytes == 340_000, "as the other board's"


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "edgeforge", "boards", "--add", "mine", "--board-file", "boards.toml", *OPTIONS]
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path)
    os.close(theirs)
    os.write(ours, b"fast\n150\n40000\n12000\nits datasheet\n")
    assert process.wait(60) == 0
    os.close(ours)
    board = read_board_file(tmp_path / "boards.toml")["mine"]
    assert (board.clock_mhz, board.core_flash_bytes, board.core_ram_bytes) == (150, 40_000, 12_000)
    assert board.source == "its datasheet" and board.title == "Mine"


def test_one_of_a_file_is_a_board_for_every_verb_on_models(edgeforge, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path, model = tmp_path / "boards.toml", DATA / "digits_int8.tflite"
    edgeforge("boards", "--add", "mine", "--board-file", path, "--like", "esp32-s3", *OPTIONS)
    own = ("--board", "mine", "--board-file", path)
    done = edgeforge("compile", model, *own, "--out", tmp_path / "c")
    assert done.returncode == 0 and "digits_int8: cortex-m33, speed" in done.stdout, done.stderr
    done = edgeforge("compile", model, "--board-file", path, "--out", tmp_path / "d")
    assert done.returncode == 2 and "no --board says which" in done.stderr
    done = edgeforge("verify", model, "--emulate", "--board", "esp32")
    assert done.returncode == 2 and "nothing emulates" in done.stderr
    done = edgeforge("report", tmp_path, *own)
    assert done.returncode == 2
    done = edgeforge("report", "none", "--board", "mine", "--board-file", tmp_path / "board.toml")
    assert "none: neither" in done.stderr
    done = edgeforge("fit", model, "--board", "mine", "--board-file", tmp_path / "board.toml")
    assert f"did you mean '{path}'?" in done.stderr and "boards --add NAME --board-file" in done.stderr
