"""Flash by what is packed: sources compiled for the board's core, and projects that fit what was measured."""

from pathlib import Path

import pytest
from arduino_projects import DIGITS, digits_facts, digits_project

from edgeforge.errors import BudgetExceeded
from edgeforge.hardware.board import Board
from edgeforge.hardware.boards import board
from edgeforge.results.rows.fit import FitRow
from edgeforge.targets.arduino.emulator import EMULATED
from edgeforge.targets.arduino.measured import measured, write_fitting
from edgeforge.targets.fit.flash import SKETCH_BYTES, Contents, contents_of
from edgeforge.targets.fit.judge import fit_model, with_flash
from edgeforge.tflite.graph import Graph

needs_compiler = pytest.mark.skipif(bool(EMULATED.missing()), reason=EMULATED.missing())
NANO, UNO, S3 = (board(key) for key in ("arduino-nano-33-ble", "arduino-uno-r4-minima", "esp32-s3"))
FACTS = digits_facts()
CONTENTS = contents_of(Graph(FACTS.flatbuffer), DIGITS)


def judged(target: Board, key: str) -> FitRow:
    return fit_model(FACTS.flatbuffer, target, key=key, contents=CONTENTS)


def written(folder: Path, boards: dict[str, Board], rows: list[FitRow]) -> tuple[Path, list[FitRow]]:
    _, found = write_fitting(folder / "digits", FACTS, rows, boards, CONTENTS)
    return folder / "digits", found


@needs_compiler
@pytest.mark.parametrize("core", ["cortex-m0plus", "cortex-m4f", "cortex-m7", "cortex-m33"])
def test_the_estimate_is_above_what_the_compiler_says_and_not_far(core: str, tmp_path: Path) -> None:
    sizes = measured(digits_project(tmp_path), core)
    assert sizes is not None and core.removesuffix("f") in sizes.compiler and "arm-none-eabi-g++ 1" in sizes.compiler
    assert 8 * (64 + 64 + 10 + 12) == sizes.vectors <= 8 * CONTENTS.vector_bytes
    assert 256 < sizes.tables <= CONTENTS.tables_bytes
    assert 0.8 * SKETCH_BYTES < sizes.sketch <= SKETCH_BYTES


def test_a_core_without_a_compiler_here_is_estimated_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = digits_project(tmp_path)
    assert measured(project, S3.core) is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert measured(project, NANO.core) is None
    _, (row,) = written(tmp_path / "new", {"esp32-s3": S3}, [judged(S3, "esp32-s3")])
    assert row.flash.measured == "" and row.flash.vectors == 8 and row.memory.flash_bytes == row.flash.total


@needs_compiler
def test_what_is_measured_is_the_sum_and_says_by_what(tmp_path: Path) -> None:
    _, (row,) = written(tmp_path, {"nano": NANO}, [judged(NANO, "nano")])
    assert "arm-none-eabi-g++" in row.flash.measured and row.flash.vectors == 8
    assert row.memory.flash_left_bytes == NANO.flash_bytes - sum(size for _, size in row.flash.parts)


@needs_compiler
def test_fewer_vectors_and_boards_where_the_estimate_was_too_low(tmp_path: Path) -> None:
    """Rows that count nothing for the sketch: what the compiler says leaves room for three vectors on one, and is too
    much for the other.
    """
    wide = judged(NANO, "wide")
    whole = write_fitting(tmp_path / "whole", FACTS, [wide], {"wide": NANO}, CONTENTS)[1][0].flash
    room = whole.total - whole.vectors_bytes
    boards = {
        "narrow": NANO.model_copy(update={"flash_bytes": room + 3 * CONTENTS.vector_bytes}),
        "small": NANO.model_copy(update={"flash_bytes": room - 1, "title": "Small"}),
    }
    rows = []
    for key, one in boards.items():
        row = judged(one, key)
        rows.append(with_flash(row, one, row.flash.model_copy(update={"sketch_bytes": 0, "vectors": 8})))
    assert all(row.deployable for row in rows)
    project, (narrow, small) = written(tmp_path, boards, rows)
    assert narrow.deployable and narrow.flash.vectors == 3 and not small.memory.fits
    assert "kTestVectors = 3" in (project / "test_vectors.h").read_text()
    assert "Small" not in (project / "sketch.yaml").read_text()
    with pytest.raises(BudgetExceeded, match="Small: does not fit: 1 bytes of flash are missing"):
        written(tmp_path / "again", boards, rows[1:])


def test_no_vector_is_better_than_no_sketch(tmp_path: Path) -> None:
    row = judged(S3, "esp32-s3")
    bare = S3.model_copy(update={"flash_bytes": row.flash.total - row.flash.vectors_bytes})
    project, (found,) = written(tmp_path, {"bare": bare}, [judged(bare, "bare")])
    assert found.deployable and found.flash.vectors == 0 and found.memory.flash_left_bytes == 0
    assert "NOT TESTED" in (project / "digits.ino").read_text()


def test_labels_and_tables_are_counted() -> None:
    graph = Graph(FACTS.flatbuffer)
    assert contents_of(graph, DIGITS) == Contents(vector_bytes=152, tables_bytes=256 + 64 + 10 * 8 + 12 + 8)
    assert contents_of(graph, None).vector_bytes == 152


def test_a_board_with_room_is_not_blamed_for_another_s_want_of_it(tmp_path: Path) -> None:
    row = judged(S3, "bare")
    bare = S3.model_copy(update={"flash_bytes": row.flash.total - row.flash.vectors_bytes})
    boards = {"bare": bare, "esp32-s3": S3}
    _, (short, roomy) = written(tmp_path, boards, [judged(one, key) for key, one in boards.items()])
    assert (short.flash.vectors, roomy.flash.vectors) == (0, 0)
    assert (short.flash.vectors_left_out, roomy.flash.vectors_left_out) == (8, 0)
