"""What `edgeforge fit` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgeforge.results.rows.fit import FitRow

if TYPE_CHECKING:
    from rich.console import Console


def print_fit(rows: Sequence[FitRow], console: Console, title: str) -> None:
    """Print one board in detail, or several side by side, and what to change where the model does not fit."""
    console.print(fit_table(rows, title))
    if len(rows) == 1:
        console.print(parts_table(rows[0]))
    for row in rows:
        if len(rows) == 1 or row.refusals:
            console.print(
                f"[{'green' if row.fits else 'red'}]{escape(row.title)}[/] {escape(row.verdict)}", soft_wrap=True
            )
            for text in row.advice:
                console.print(f"  [dim]→[/] {escape(text)}", soft_wrap=True)
        if row.refusals:
            break  # the same on every board
    for row in rows:
        for text in row.caveats:
            console.print(f"[yellow]![/] {escape(text)}", soft_wrap=True)
    first = rows[0]
    console.print(f"[dim]Peak: {escape(peak_text(first))}[/]", soft_wrap=True)
    console.print(f"[dim]Arena as {escape(first.library)} takes it; RAM and flash with the core's share "
                  "(`edgeforge boards` says from where).[/]", soft_wrap=True)  # fmt: skip
    guessed = sorted({name for row in rows for name in (*row.arena.estimated, *row.flash.estimated)})
    if guessed:
        console.print(f"[yellow]![/] not measured, guessed high: {', '.join(guessed)}", soft_wrap=True)


def peak_text(row: FitRow) -> str:
    """Return the layer that sets the arena's peak."""
    arena = row.arena
    layer = arena.steps[arena.peak_step - 1] if arena.peak_step else "the input"
    return f"{layer}, {arena.live_bytes[arena.peak_step]:,} bytes live"


def fit_table(rows: Sequence[FitRow], title: str) -> Table:
    """Return one row a board: arena, RAM and flash with what is left, in bytes."""
    table = Table(box=None, padding=(0, 1, 0, 0), title=escape(title), title_justify="left")
    for name in ("board", "arena", "RAM", "left", "flash", "left"):
        table.add_column(name, justify="left" if name == "board" else "right", no_wrap=True)
    for row in rows:
        mark = "[green]✓[/]" if row.fits else "[red]✗[/]"
        table.add_row(f"{mark} {row.board}", f"{row.arena.used_bytes:,}", f"{row.ram_bytes:,}", _left(row.ram_headroom),
                      f"{row.flash_bytes:,}", _left(row.flash_headroom))  # fmt: skip
    return table


def parts_table(row: FitRow) -> Table:
    """Return what one board's RAM and flash are made of."""
    arena, flash = row.arena, row.flash
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(style="dim")
    core = row.ram_bytes - row.arena_reserved_bytes
    parts = [
        ("arena, planned head", arena.head_bytes, "activations and scratch buffers"),
        ("arena, tail", arena.tail_bytes, "structures that live as long as the model"),
        ("arena, reserved", row.arena_reserved_bytes, f"arena_used_bytes() {arena.used_bytes:,}, {arena.needed_bytes:,}"
                                                      " to allocate, and a margin"),
        ("RAM of runtime and core", core, "their variables, the stack, room for the heap"),
        ("flash, model", flash.model_bytes, ""),
        ("flash, kernels", flash.kernels_bytes, f"{', '.join(row.operators)} ({row.kernels})"),
        ("flash, runtime", flash.runtime_bytes, "TFLM without operators, C library"),
        ("flash, core", flash.core_bytes, "the Arduino core"),
    ]  # fmt: skip
    for name, size, why in parts:
        table.add_row(name, f"{size:,}", why)
    return table


def _left(size: int) -> str:
    return f"{size:,}" if size >= 0 else f"[red]−{-size:,}[/]"
