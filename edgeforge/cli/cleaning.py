"""What the command line shows of a store and of its cleaning."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from edgeforge.builder.clean import BYTES, HOURS, Cleaning, Stored
from edgeforge.guards.terminal import Terminal


def console_waiting(turn: int) -> None:
    """Say once that a build is making its plan."""
    if turn == 1:
        Terminal(stderr=True).print("[yellow]![/] a build is making its plan; waiting for it to end")


def print_cleaning(cleaning: Cleaning, now: float, *, dry_run: bool) -> None:
    """Print what goes and why, the bytes that frees, and what stays for which build."""
    console = Terminal(highlight=False, soft_wrap=True)
    if cleaning.going:
        console.print(_table(cleaning, now))
    for place in cleaning.busy:
        console.print(f"[yellow]![/] {escape(place.name)} stays: a stage is at work on it")
    if dry_run:
        bytes_ = sum(one.bytes for one in cleaning.going)
        console.print(f"Would free {size_text(bytes_)}; nothing is removed.")
    elif cleaning.freed or cleaning.going:
        console.print(f"Freed {size_text(cleaning.freed)}.")
    _print_staying(cleaning, console)


def _table(cleaning: Cleaning, now: float) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("artifact", "stage", "size", "last used", "why it goes"):
        table.add_column(name, justify="right" if name == "size" else "left", overflow="fold")
    for one in cleaning.going:
        stage = escape(one.stage) + (", to resume" if one.folder.parent.name == "scratch" else "")
        table.add_row(escape(one.key), stage, size_text(one.bytes), f"{_age(now - one.used)} ago", escape(one.why))
    return table


def _print_staying(cleaning: Cleaning, console: Terminal) -> None:
    builds: dict[str, list[Stored]] = {}
    for one in cleaning.staying:
        for name in one.needed_by or ("",):
            builds.setdefault(name, []).append(one)
    free = builds.pop("", [])
    console.print(f"{escape(str(cleaning.root))} keeps {_count(cleaning.staying)}")
    for name, needed in sorted(builds.items()):
        console.print(f"  {_count(needed)} for the newest build of {escape(name)}")
    if free:
        console.print(f"  {_count(free)} that no newest build needs: --keep-size 0GB removes all of it")


def _count(stored: list[Stored]) -> str:
    return f"{len(stored)} artifact{'' if len(stored) == 1 else 's'}, {size_text(sum(one.bytes for one in stored))}"


def size_text(count: int) -> str:
    """Return a number of bytes in the largest unit that it fills."""
    for unit, size in reversed(BYTES.items()):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count} B"


def _age(seconds: float) -> str:
    hours = max(seconds, 0) / 3600
    if hours < 1:
        return f"{hours * 60:.0f} min"
    days = HOURS["d"]
    return f"{hours:.0f} h" if hours < 2 * days else f"{hours / days:.0f} d"
