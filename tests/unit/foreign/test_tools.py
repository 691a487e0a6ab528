"""What a compiler or another program that fails is told as."""

import shutil
import sys
from pathlib import Path

import pytest

from edgeforge.errors import MissingDependency, StageFailed
from edgeforge.foreign.tools import run_tool


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc here: apt-get install gcc")
def test_a_compiler_s_first_error_is_placed_and_its_words_stay_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "a.c").write_text("int a;\nint b = c;\n")
    with pytest.raises(StageFailed) as caught:
        run_tool(["gcc", "-c", tmp_path / "a.c", "-o", tmp_path / "a.o"])
    assert caught.value.reason == "gcc fails at a.c:2 (it ends with 1)" and "undeclared" not in caught.value.fix


def test_a_program_that_is_not_there_is_missing() -> None:
    with pytest.raises(MissingDependency, match="no-such-cc is not there"):
        run_tool(["no-such-cc"])


def test_a_program_without_an_end_is_stopped() -> None:
    with pytest.raises(StageFailed, match=r"takes more than 0\.2 s"):
        run_tool([sys.executable, "-c", "import time; time.sleep(60)"], seconds=0.2)


def test_a_full_disk_is_no_fault_of_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    said = "import sys; sys.exit('a.c: No space left on device')"
    with pytest.raises(StageFailed, match=r"the disk is full under .*work or .*temporary") as caught:
        run_tool([sys.executable, "-c", said], folder=_made(tmp_path / "work"))
    assert "TMPDIR" in caught.value.fix


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
