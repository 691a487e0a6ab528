"""What `edgeforge fit` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgeforge.results.rows.fit import FitRow, FlashRow, caveats_of

if TYPE_CHECKING:
    from rich.console import Console


def print_fit(rows: Sequence[FitRow], console: Console, title: str) -> None:
    """Print one board in detail, or several side by side, both verdicts, and what to change where one is no."""
    console.print(escape(title), style="italic", soft_wrap=True)
    console.print(fit_table(rows))
    if len(rows) == 1:
        console.print(parts_table(rows[0]))
        print_verdict(console, "memory", rows[0].memory.fits, f"{rows[0].title} {rows[0].memory.verdict}")
        if smaller := rows[0].packed:
            ram, flash = rows[0].memory.ram_bytes - smaller.ram_bytes, rows[0].memory.flash_bytes - smaller.flash_bytes
            console.print(f"[dim]As `edgeforge pack` writes it: {ram:,} bytes of RAM and {flash:,} of flash less (a "
                          "memory plan, nothing twice).[/]", soft_wrap=True)  # fmt: skip
        if rows[0].time:
            console.print(f"time: {escape(rows[0].time.sentence)}", soft_wrap=True)
        if rows[0].pace:
            console.print(f"[yellow]pace:[/] {escape(rows[0].pace)}", soft_wrap=True)
    else:
        console.print("[dim]~ms: an inference, estimated, not measured (--board says how far off that may be).[/]",
                      soft_wrap=True)  # fmt: skip
    first = rows[0]
    print_verdict(console, "library", first.library.takes_it, first.library.verdict)  # the same on every board
    for text in dict.fromkeys(text for row in rows if len(rows) == 1 for text in row.advice):
        console.print(f"  [dim]→[/] {escape(text)}", soft_wrap=True)
    if len(rows) > 1:
        for text in dict.fromkeys(refusal.fix for refusal in first.library.refusals if refusal.fix):
            console.print(f"  [dim]→[/] {escape(text)}", soft_wrap=True)
    for text in caveats_of(rows):
        console.print(f"[yellow]![/] {escape(text)}", soft_wrap=True)
    for text in first.changes:
        console.print(f"[yellow]![/] `edgeforge pack` changes the file: {escape(text)}", soft_wrap=True)
    console.print(f"[dim]Peak: {escape(peak_text(first))}[/]", soft_wrap=True)
    console.print(f"[dim]Arena as {escape(first.structures)} takes it; RAM and flash with the core's share "
                  f"(`edgeforge boards` says from where); the sketch's code is {_how(first.flash)}.[/]",
                  soft_wrap=True)  # fmt: skip
    guessed = sorted({name for row in rows for name in (*row.arena.estimated, *row.flash.estimated)})
    if guessed:
        console.print(f"[yellow]![/] not measured, guessed high: {escape(', '.join(guessed))}", soft_wrap=True)


def print_verdict(console: Console, name: str, good: bool, verdict: str) -> None:
    """Print one of the two verdicts on a line."""
    console.print(f"[{'green' if good else 'red'}]{name}:[/] {escape(verdict)}", soft_wrap=True)


def _how(flash: FlashRow) -> str:
    return f"measured ({flash.measured})" if flash.measured else "estimated (`pack` compiles and measures it)"


def peak_text(row: FitRow) -> str:
    """Return the layer that sets the arena's peak."""
    arena = row.arena
    layer = arena.steps[arena.peak_step - 1] if arena.peak_step else "the input"
    return f"{layer}, {arena.live_bytes[arena.peak_step]:,} bytes live"


def fit_table(rows: Sequence[FitRow]) -> Table:
    """Return one row a board: arena, RAM and flash with what is left, in bytes, and milliseconds, estimated."""
    table = Table(box=None, padding=(0, 1, 0, 0))
    for name in ("board", "arena", "RAM", "left", "flash", "left", "~ms"):
        table.add_column(name, justify="left" if name == "board" else "right", no_wrap=True)
    for row in rows:
        mark = "[green]✓[/]" if row.deployable else "[red]✗[/]"
        memory = row.memory
        table.add_row(f"{mark} {escape(row.board)}", f"{row.arena.used_bytes:,}", f"{memory.ram_bytes:,}",
                      _left(memory.ram_left_bytes), f"{memory.flash_bytes:,}", _left(memory.flash_left_bytes),
                      row.time.short.lstrip("~") if row.time else ""
                     )  # fmt: skip
    return table


def parts_table(row: FitRow) -> Table:
    """Return what one board's RAM and flash are made of."""
    arena, flash = row.arena, row.flash
    table = Table(box=None, padding=(0, 1), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(style="dim")
    core = row.memory.ram_bytes - row.arena_reserved_bytes - sum(row.variables.values())
    left_out = f", {flash.vectors_left_out} left out for want of flash" if flash.vectors_left_out else ""
    planned = "by the model's own plan" if arena.plan == "offline" else "by TFLM's greedy planner"
    why = {
        "kernels": f"{', '.join(row.operators)} ({row.library.kernels})",
        "runtime": "TFLM without operators, C library",
        "test vectors": f"{flash.vectors} of the self-test{left_out}",
        "tables": "what raw inputs become, what outputs mean",
        "sketch": f"classifier, self-test, protocol: {_how(flash)}",
        "core": "the Arduino core",
    }
    parts = [
        ("arena, planned head", arena.head_bytes, f"activations and scratch buffers, {planned}"),
        ("arena, tail", arena.tail_bytes, "structures that live as long as the model"),
        ("arena, reserved", row.arena_reserved_bytes, f"arena_used_bytes() {arena.used_bytes:,}, {arena.needed_bytes:,}"
                                                      " to allocate, and a margin"),
        *((f"RAM, {name}", size, "") for name, size in row.variables.items()),
        ("RAM of runtime and core", core, "their variables, the stack, room for the heap"),
        *((f"flash, {name}", size, why.get(name, "")) for name, size in flash.parts),
    ]  # fmt: skip
    for name, size, what in parts:
        table.add_row(escape(name), f"{size:,}", escape(what))
    return table


def _left(size: int) -> str:
    return f"{size:,}" if size >= 0 else f"[red]−{-size:,}[/]"
