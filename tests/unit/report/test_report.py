"""The table, the page and the comparison from one small report; test data, not measurements."""

import io
import re

import pytest
from rich.console import Console
from small_report import small_report

from edgeforge.report.html import headline, render
from edgeforge.report.sentences.pruning import NO_SPEED, pruning_lines, sparsity
from edgeforge.report.table import print_report
from edgeforge.results.rows.pruning import PrunedFile, PrunedLayer, PruningRow
from edgeforge.results.rows.report import EdgeTPUOperator, EdgeTPURow, Report
from edgeforge.results.rows.training import EpochRow, TrainingRow


@pytest.fixture
def report() -> Report:
    return small_report()


def printed(report: Report, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_report(report, console)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("width", [80, 160])
def test_the_table_shows_every_variant_and_fits_its_width(report: Report, width: int) -> None:
    text = printed(report, width)
    assert max(map(len, text.splitlines())) <= width
    for word in ("torch-fp32", "98.00", "-1.00 worse", "does not fit", "failed", "no <FloatFunctional>", "look <here>"):
        assert word in text
    assert ("SQNR" in text) == (width == 160)


def test_the_page_escapes_all_text_and_is_the_same_each_time(report: Report) -> None:
    page = render(report)
    assert page == render(report)
    for text in ("no &lt;FloatFunctional&gt;", "look &lt;here&gt;", "too &lt;large&gt;", "could not be made"):
        assert text in page
    assert not re.search(r"<(FloatFunctional|here|large|dog)>", page)


def test_a_report_without_int8_boards_or_findings_still_renders(report: Report) -> None:
    bare = report.model_copy(update={"variants": report.variants[:2], "targets": [], "findings": []})
    assert "No full-integer model was made" in render(bare) and "names no board" in render(bare)
    assert printed(bare, 80)


def test_the_headline_states_ratio_verdict_and_board(report: Report) -> None:
    first, second, third = headline(report)
    assert "5.00× smaller" in first and "1.00 points worse (97.00 against 98.00 %" in first
    assert "3,520 bytes" in second and third == "It does not fit Pico."


def test_the_json_reads_back(report: Report) -> None:
    assert Report.model_validate_json(report.model_dump_json(by_alias=True)) == report


def pruning(method: str) -> PruningRow:
    layers = [PrunedLayer(name="<conv>", channels_before=8, channels_after=8, weights=100, zeros=80),
              PrunedLayer(name="dense", channels_before=10, channels_after=10, weights=300, zeros=270)]  # fmt: skip
    training = TrainingRow(epochs=[EpochRow(epoch=0, train_loss=1.0, val_loss=1.0, val_accuracy=0.9)], best_epoch=0,
                           stopped_early=False, parameters=400)  # fmt: skip
    files = [PrunedFile(name="tflite-int8", bytes=1000, gzip_bytes=300, dense_bytes=1000, dense_gzip_bytes=700)]
    return PruningRow(method=method, layers=layers, parameters_before=500, parameters_after=400, macs_before=5000,
                      macs_after=4000, fine_tuning=training, files=files, top1_before=0.9, top1_after=0.85,
                      arena_bytes=2000, dense_arena_bytes=3000)  # fmt: skip


def test_zeros_are_reported_without_a_claim_of_speed(report: Report) -> None:
    row = pruning("magnitude")
    assert sparsity(row) == 0.875
    text = " ".join(pruning_lines(row))
    for words in ("87.5 % of the weights are zero", "<conv> 80.0 %", "1,000 → 1,000 bytes, gzip 700 → 300", NO_SPEED,
                  "90.00 → 85.00 %"):  # fmt: skip
        assert words in text
    pruned = report.model_copy(update={"pruning": row})
    assert "no speed is claimed" in " ".join(printed(pruned, 100).split())
    assert "&lt;conv&gt;" in render(pruned) and "Epoch 1 of 1 was kept" in render(pruned)


def test_removed_channels_are_reported_with_what_they_save(report: Report) -> None:
    lines = pruning_lines(pruning("channels"))
    assert lines[0].startswith("Channels: parameters 500 → 400, multiply-accumulates 5,000 → 4,000; <conv> 8 → 8")
    assert "Tensor arena in TFLM: 3,000 → 2,000 bytes." in lines and NO_SPEED not in " ".join(lines)


def test_operators_that_fall_to_the_cpu_are_named(report: Report) -> None:
    operators = [EdgeTPUOperator(operator="CONV_2D", name="a", maps=True),
                 EdgeTPUOperator(operator="HARD_SWISH", name="<b>", maps=False, reason="no such operator")]  # fmt: skip
    row = EdgeTPURow(mapped=1, operators=operators, compiler="edgetpu_compiler is not on the PATH")
    judged = report.model_copy(update={"edge_tpu": row})
    text = printed(judged, 100)
    assert "1 of 2 operators would map to an Edge TPU." in text and "HARD_SWISH (<b>) on the CPU" in text
    assert "not on the PATH." in text and "&lt;b&gt;" in render(judged)
