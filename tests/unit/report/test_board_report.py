"""Runs on boards in the report: the page, the terminal, and which files count."""

import zlib
from pathlib import Path

import pytest
from places import DATA
from rich.console import Console

from edgeforge.errors import RecipeError
from edgeforge.report.html import render
from edgeforge.report.sentences.board_runs import print_run
from edgeforge.results.board_files import board_files, crc_of, file_name, read_runs
from edgeforge.results.rows.board_run import BoardHead, BoardMismatch, BoardRun
from edgeforge.results.rows.report import Report

REPORT = DATA / "report_mnist.json"
RUN = BoardRun(
    name="digits",
    port="/dev/ttyACM0",
    library="Chirale_TensorFLowLite 2.0.0",
    model_crc32="0badcafe",
    raw=True,
    images=100,
    of=450,
    identical=98,
    max_steps=3,
    tolerance_steps=1,
    beyond=1,
    mismatches=[
        BoardMismatch(index=7, steps=3, desk="<1>", board="7"),
        BoardMismatch(index=9, steps=1, desk="2", board="2"),
    ],
    heads=[
        BoardHead(name="class", unit="", board=0.96, desk=0.97),
        BoardHead(name="life", unit="cycles", board=81.25, desk=81.0),
    ],
    p50_ms=1.5,
    p99_ms=1.75,
    seconds=4.0,
    retries=2,
    arena_used_bytes=2692,
    arena_bytes=3072,
    self_test="PASS: 8 vectors",
)


def test_the_page_says_what_the_board_answered() -> None:
    report = Report.model_validate_json(REPORT.read_bytes())
    assert "On the board" not in render(report)
    report.board_runs = [RUN]
    page = render(report)
    for said in ("On the board", "98 of 100 have the desk&#39;s very bytes", "3 steps, allowed 1 step, 1 beyond it",
                 "96.00 % right on the board, 97.00 % on the desk (class)", "81.25 cycles on the board",
                 "p50 1.50 ms, p99 1.75 ms", "desk: &lt;1&gt;, board: 7", "differs"):  # fmt: skip
        assert said in page, said


def test_the_terminal_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    print_run(RUN, Console(width=200, highlight=False))
    said = capsys.readouterr().out
    assert "input 7: 3 steps off; desk: <1>, board: 7" in said
    assert "input 9: 1 step off\n" in said  # the same class
    assert "25.0 inputs a second, 2 sent again" in said


def test_runs_of_other_models_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "boards").mkdir()
    for crc in ("0badcafe", "00000001"):
        run = RUN.model_copy(update={"model_crc32": crc, "port": f"/dev/tty{crc}"})
        (tmp_path / "boards" / f"{file_name(run)}.json").write_text(run.model_dump_json())
    files = board_files(tmp_path)
    assert set(files) == {"boards/dev-tty0badcafe-raw", "boards/dev-tty00000001-raw"}
    assert [run.port for run in read_runs(files, "0badcafe")] == ["/dev/tty0badcafe"]
    (tmp_path / "boards" / "broken.json").write_text("{}")
    with pytest.raises(RecipeError, match="holds no run of a board"):
        read_runs(board_files(tmp_path), "0badcafe")


def test_the_crc_is_of_the_flatbuffer_alone() -> None:
    assert crc_of(b"whole") == f"{zlib.crc32(b'whole'):08x}"
