"""What a stranger's file calls something, as it reaches the terminal: shown, and steering nothing."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from places import ROOT
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from edgeforge.guards.terminal import Terminal, printable

STYLE = re.compile(r"\x1b\[[0-9;]*m")  # which a terminal's own texts may have


def printed(*things: object, width: int = 200, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Terminal(file=file, width=width, force_terminal=terminal, highlight=False)
    for thing in things:
        console.print(thing)
    return STYLE.sub("", file.getvalue()) if terminal else file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@given(name=st.text(max_size=20))
def test_no_name_steers_the_terminal(name: str, terminal: bool) -> None:
    table = Table(title=escape(name))
    table.add_column(escape(name))
    table.add_row(escape(f"{name}\x1b[2J"))
    said = printed(escape(name), Text(name), table, terminal=terminal)
    assert all(one.isprintable() or one in "\n" for one in said), ascii(said)


def test_a_column_has_room_for_what_is_written_out() -> None:
    table = Table(box=None)
    table.add_column("name")
    table.add_row("a\x1b[2Jb\u202ec\x9b")
    assert "a\\x1b[2Jb\\u202ec\\x9b" in printed(table)


def test_what_is_printable_stays() -> None:
    assert printable("é 日本 — ✓\n") == "é 日本 — ✓\n"
    assert printed("[red]a[/] [bold]b[/]", terminal=True).strip() == "a b"


def test_a_bar_still_moves() -> None:
    file = io.StringIO()
    with Progress(console=Terminal(file=file, force_terminal=True)) as bar:
        bar.update(bar.add_task("a\x1b[2Jb", total=1), completed=1)
    assert "\x1b[2J" not in file.getvalue() and "a\\x1b" in file.getvalue() and "\x1b[2K" in file.getvalue()


def test_nothing_is_printed_by_another_console() -> None:
    """Modules that print are given a console; only the command line and the public API make one, and of this kind."""
    for path in (ROOT / "edgeforge").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Console"
            assert not named, f"{path}: use edgeforge.guards.terminal.Terminal"


def test_names_in_a_report_are_no_markup(tmp_path: Path) -> None:
    from small_report import small_report

    from edgeforge.report.table import print_report

    report = small_report()
    for row in report.variants:
        row.name = f"[/]{row.name}[red]"
    report = report.model_copy(update={"recipe": "[/]\x1b[2J"})
    file = io.StringIO()
    print_report(report, Terminal(file=file, width=200))
    assert "[/]\\x1b[2J" in file.getvalue() and f"{report.variants[0].name}" in file.getvalue()
