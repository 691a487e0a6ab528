"""What `edgeforge pack` tells: each proof on a line, what was assumed, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgeforge.results.preprocessing import RawInput, picture_shape

if TYPE_CHECKING:
    from rich.console import Console

    from edgeforge.results.rows.fit import FitRow
    from edgeforge.targets.arduino.pack import Packed

WORDS = {"uint8": "bytes", "float32": "floats", "int32": "whole numbers"}


def print_packed(packed: Packed, console: Console) -> None:
    """Print the proofs and the notes."""
    if packed.finding:
        console.print(f"[red]![/] {escape(packed.finding)}")
    table = Table(box=None, padding=(0, 1), show_header=False, title=escape(f"{packed.project}/"), title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in proofs(packed):
        table.add_row(f"[green]{escape(name)}[/]", escape(text))
    console.print(table)
    for note in packed.notes:
        console.print(f"[yellow]note:[/] {escape(note)}")
    profile = packed.profile
    compile_line = f", or: arduino-cli compile --profile {profile} {packed.project}" if profile else ""
    console.print(f"Open {packed.project} in the Arduino IDE{compile_line}", markup=False)
    console.print(f"With the board: edgeforge monitor --port /dev/ttyACM0 --model {packed.model} --samples x.npz",
                  markup=False)  # fmt: skip


def proofs(packed: Packed) -> list[tuple[str, str]]:
    """Return what was proven, as name and text."""
    first, given = packed.fits[0], packed.preprocessing
    rows = [
        ("full integer", f"every layer computes in integers: {', '.join(packed.operators)}"),
        (packed.library.title, f"takes every layer as it is; the model is {first.flash.model_bytes:,} bytes"),
    ]
    rows += [
        (row.title, f"{row.memory.verdict}; arena {row.arena.used_bytes:,} bytes ({row.library.kernels})")
        for row in packed.fits
    ]
    rows += [("flash", _flash(row)) for row in packed.fits[:1]]
    rows += [("saved", text) for text in packed.saved]
    allowed = packed.library.tolerance(packed.operators)
    rows += [(f"input {one.name}".strip(), _input(one)) for one in given.every_input]
    rows += [("output" if len(given.heads) == 1 else head.name, head.described) for head in given.heads]
    steps = "the same bytes" if not allowed else f"within {allowed} step{'s' if allowed > 1 else ''}"
    tested = f"{len(packed.vectors)} vectors ({packed.origin}) with TFLM's answers on this desk; the board's: {steps}"
    rows.append(("self-test", tested if packed.vectors else "none: flash has no room for a test vector"))
    return rows


def _flash(row: FitRow) -> str:
    """Return the parts of the sum, and how the sketch's was found."""
    how = f"measured: {row.flash.measured}" if row.flash.measured else "estimated: no compiler for its core is here"
    return f"{', '.join(f'{name} {size:,}' for name, size in row.flash.parts)} bytes; sketch and tables {how}"


def _input(one: RawInput) -> str:
    """Say what raw inputs are, and what becomes of them."""
    channels, height, width = one.shape
    picture = one.raw_type == "uint8" and picture_shape(one.shape)
    kind = f"a {'gray' if channels == 1 else 'colour'} picture" if picture else "values"
    size = f"{height} x {width} x {channels} {WORDS[one.raw_type]}"
    if (one.raw_max, *one.mean, *one.std) == (1.0, *(0.0,) * channels, *(1.0,) * channels):
        return f"{kind} of {size}, as they are"
    mean, std = (", ".join(f"{value:.4g}" for value in dict.fromkeys(values)) for values in (one.mean, one.std))
    return f"{kind} of {size}, (raw / {one.raw_max:g} - {mean}) / {std}"
