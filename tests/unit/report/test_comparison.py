"""Builds side by side: paired where they answered the same inputs, by counts where not; test data, not measurements."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from small_report import small_report, variant

from edgeforge.errors import RecipeError
from edgeforge.report.builds import list_builds
from edgeforge.report.comparison.judge import Build, accuracy_verdict, compare, read_build
from edgeforge.report.comparison.page import comparison_page
from edgeforge.report.comparison.table import comparison_table
from edgeforge.results.answers import Answers, read_answers, split_digest
from edgeforge.results.files import ANSWERS_FILE, JSON_FILE

SPLIT = split_digest(np.zeros((3, 1), np.uint8), np.zeros(3, np.int64))


def wrong(*which: int, of: int = 100) -> NDArray[np.float32]:
    errors = np.zeros(of, np.float32)
    errors[list(which)] = 1
    return errors


def builds(first: Answers | None, second: Answers | None, int8: int = 97) -> list[Build]:
    report, other = small_report(), small_report()
    other.variants[2] = variant("tflite-int8", "litert", int8, 900)
    other.toolchain, other.recipe_yaml = {"torch": "3"}, "name: other\nmodel: {args: {width: 16}}"
    report.recipe_yaml = "name: tiny\nmodel: {args: {width: 8}}"
    return [Build("A", "build/tiny", report, first), Build("B", "build/<other>", other, second)]


def printed(of: list[Build], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(comparison_table(compare(of)))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_the_same_inputs_are_judged_in_pairs() -> None:
    few = Answers(SPLIT, {"tflite-int8": wrong(1, 2, 3)})
    more = Answers(SPLIT, {"tflite-int8": wrong(1, 2, 3, *range(10, 17))})
    row = next(row for row in compare(builds(few, more, 90)).rows if (row.variant, row.letter) == ("tflite-int8", "B"))
    assert (row.change, row.verdict) == ("-7.00", "worse"), "7 to 0 is no chance; by counts alone, 97 and 90 are a tie"
    assert accuracy_verdict(*(build.report.variants[2] for build in builds(None, None, 90))) == "tie"


@pytest.mark.parametrize(
    "other", [None, Answers("0" * 64, {"tflite-int8": wrong()}), Answers(SPLIT, {"tflite-int8": wrong(of=5)})]
)
def test_what_cannot_be_paired_is_judged_by_counts_and_says_so(other: Answers | None) -> None:
    text = printed(builds(Answers(SPLIT, {"tflite-int8": wrong()}), other, 80), width=120)
    assert "≈ worse" in text and "Fisher" in text and "-17.00" in text


def test_inputs_that_one_build_has_not_run_are_left_out() -> None:
    half = wrong(1)
    half[50:] = np.nan
    pair = Answers(SPLIT, {"tflm-int8": half}).pair(Answers(SPLIT, {"tflm-int8": wrong(2, 60)}), "tflm-int8")
    assert pair is not None and [len(errors) for errors in pair] == [50, 50] and pair[1].sum() == 1


def test_the_table_names_what_differs_and_fits_a_terminal() -> None:
    answers = Answers(SPLIT, {"tflite-int8": wrong(1)})
    text = printed(builds(answers, answers))
    assert max(map(len, text.splitlines())) <= 80
    for words in ("model.args.width: 8 → 16", "torch: 2 → 3", "build/<other>", "tie", "+0.00"):
        assert words in text
    assert "name:" not in text
    page = comparison_page(compare(builds(answers, answers)))
    assert "build/&lt;other&gt;" in page and "<other>" not in page and "model.args.width: 8 → 16" in page


def test_answers_come_back_as_they_were_written(tmp_path: Path) -> None:
    answers = Answers(SPLIT, {"tflite-int8": wrong(3), "tflm-int8": np.full(100, np.nan, np.float32)})
    answers.write(tmp_path)
    written = (tmp_path / ANSWERS_FILE).read_bytes()
    found = read_answers(tmp_path)
    assert found and found.split == SPLIT
    for name, errors in answers.errors.items():
        np.testing.assert_array_equal(found.errors[name], errors)
    answers.write(tmp_path)
    assert (tmp_path / ANSWERS_FILE).read_bytes() == written
    (tmp_path / ANSWERS_FILE).write_bytes(written[:50])
    with pytest.raises(RecipeError, match="damaged"):
        read_answers(tmp_path)


def test_builds_are_listed_newest_first_and_the_unfinished_say_so(tmp_path: Path) -> None:
    for name, finished in (("old", "2026-01-01 10:00 UTC"), ("new", "2026-02-01 10:00 UTC"), ("half", "")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "recipe.lock.yaml").write_text("{}")
        if finished:
            report = json.loads(small_report().model_dump_json(by_alias=True)) | {"finished": finished}
            (folder / JSON_FILE).write_text(json.dumps(report))
    rows = list_builds(tmp_path)
    assert [row.name for row in rows] == ["new", "old", "half"]
    assert rows[0].score.endswith(" %") and rows[0].size_bytes and rows[2].state == "no report"
    assert rows[0].arena_bytes == max(one.arena_bytes for one in small_report().targets if one.arena_bytes)
    assert read_build(1, "new", tmp_path / "new").letter == "B"
    with pytest.raises(RecipeError, match="no such folder"):
        list_builds(tmp_path / "none")
