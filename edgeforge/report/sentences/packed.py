"""What `edgeforge pack` tells: each proof on a line, what was assumed, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgeforge.hardware.arduino_platforms import pinned
from edgeforge.hardware.boards import board

if TYPE_CHECKING:
    from rich.console import Console

    from edgeforge.targets.arduino.pack import Packed


def print_packed(packed: Packed, console: Console) -> None:
    """Print the proofs and the notes."""
    table = Table(box=None, padding=(0, 1), show_header=False, title=f"{packed.project}/", title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in proofs(packed):
        table.add_row(f"[green]{escape(name)}[/]", escape(text))
    console.print(table)
    for note in packed.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    profile = _profile(packed)
    compile_line = f", or: arduino-cli compile --profile {profile} {packed.project}" if profile else ""
    console.print(f"Open {packed.project} in the Arduino IDE{compile_line}")
    console.print(f"With the board: edgeforge monitor --port /dev/ttyACM0 --model {packed.model} --samples x.npz")


def proofs(packed: Packed) -> list[tuple[str, str]]:
    """Return what was proven, as name and text."""
    first = packed.fits[0]
    rows = [
        ("full integer", f"every layer computes in integers: {', '.join(packed.operators)}"),
        (packed.library.title, f"takes every layer as it is; the model is {first.flash.model_bytes:,} bytes"),
    ]
    rows += [
        (row.title, f"{row.memory.verdict}; arena {row.arena.used_bytes:,} bytes ({row.library.kernels})")
        for row in packed.fits
    ]
    allowed = packed.library.tolerance(packed.operators)
    steps = "the same bytes" if not allowed else f"within {allowed} step{'s' if allowed > 1 else ''}"
    rows.append(
        (
            "self-test",
            f"{len(packed.vectors)} vectors ({packed.origin}) with TFLM's answers on this desk; the board's: {steps}",
        )
    )
    return rows


def _profile(packed: Packed) -> str:
    """Return the name of the first board's profile in sketch.yaml; empty for a board without an Arduino name."""
    try:
        return pinned(board(packed.fits[0].board).fqbn).profile
    except (ValueError, LookupError):
        return ""
