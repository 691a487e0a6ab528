"""Tables of text: what parts their columns, damage by its line, and rows that would fill the memory."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeforge.errors import RecipeError
from edgeforge.inputs import memory
from edgeforge.inputs.table import open_table


def rows(path: Path) -> list[list[str]]:
    with open_table(path) as reader:
        return list(reader)


@given(text=st.text(alphabet='ab,;"\r\n\x0b\u2028 '))
def test_rows_are_those_of_the_csv_module(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("table") / "t.csv"
    path.write_bytes(text.encode())
    head = io.StringIO(text, newline="").readline()
    try:
        right = list(csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True))
    except csv.Error:
        with pytest.raises(RecipeError, match=r"t\.csv:\d+: "):
            rows(path)
        return
    assert rows(path) == right


def test_rows_that_do_not_fit_are_refused_before_they_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 100_000)
    assert len(rows(tmp_path / "t.csv")) == 100_001
    monkeypatch.setattr(memory, "free_memory", lambda: 30 * 2**20)
    with pytest.raises(RecipeError, match=r"a table of 100,002 lines, would take 24\.8 MB"):
        rows(tmp_path / "t.csv")
