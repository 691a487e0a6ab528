"""The engine on emulated cores: its table in the terminal, and what the page says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgeforge.results.rows.engine import EmulatedRow, EngineRow

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NOTE = "Instructions of the first inference, counted by QEMU; RAM: activations, input, output, and the deepest stack."


def print_emulated(rows: Sequence[EmulatedRow], console: Console, layers: int | None = None) -> None:
    """Print a line a core, and the layers that take most on the first one."""
    console.print(cores_table(rows))
    console.print(NOTE, style="dim")
    if layers:
        console.print(layers_table(rows[0], layers))


def cores_table(rows: Sequence[EmulatedRow]) -> Table:
    """Return one line a core."""
    from rich.markup import escape
    from rich.table import Table

    title = f"Plain C on emulated cores, {rows[0].images} of {rows[0].of} inputs"
    table = Table(box=None, padding=(0, 1), title=title, title_justify="left")
    for name in ("core", "bytes", "LiteRT", "instructions", "code", "weights", "RAM", "stack"):
        table.add_column(name, justify="left" if name in ("core", "bytes") else "right", no_wrap=True)
    for row in rows:
        table.add_row(escape(row.core), _bytes(row), litert_words(row), f"{row.instructions:,}", f"{row.text_bytes:,}",
                      f"{row.weights_bytes:,}", f"{row.ram_bytes:,}", f"{row.stack_bytes:,}")  # fmt: skip
    return table


def layers_table(row: EmulatedRow, most: int) -> Table:
    """Return the layers that take most instructions."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, padding=(0, 1), title=escape(f"Layers on {row.core}"), title_justify="left")
    for name in ("layer", "kernel", "instructions", "%"):
        table.add_column(name, justify="left" if name in ("layer", "kernel") else "right", overflow="fold")
    for layer in sorted(row.layers, key=lambda layer: -layer.instructions)[:most]:
        share = 100 * layer.instructions / max(row.instructions, 1)
        table.add_row(escape(layer.label), escape(layer.kernel), f"{layer.instructions:,}", f"{share:.0f}")
    return table


def engine_lines(engine: EngineRow) -> list[str]:
    """Return what the report says of the C library."""
    if not engine.runs:
        return [f"Compiled from {engine.source}; not emulated: {engine.reason}."]
    run = engine.runs[0]
    same = f"all {run.outputs:,} output bytes of {run.images:,} test inputs are the desk's"
    return [
        f"{engine.source} as plain C on an emulated {run.core}: {same}; "
        f"{run.instructions:,} instructions an inference.",
        f"Flash {run.flash_bytes:,} bytes ({run.text_bytes:,} of code, {run.weights_bytes:,} of weights); RAM "
        f"{run.ram_bytes:,} ({run.shared_bytes:,} for activations, input and output, {run.stack_bytes:,} of stack).",
        *_features(run),
        *([f"Memory: {engine.trade.sentence}."] if engine.trade else []),
        *(board.sentence for board in engine.boards),
    ]


def _features(run: EmulatedRow) -> list[str]:
    found = run.features
    if found is None:
        return []
    share = found.instructions / (found.instructions + run.instructions)
    return [
        f"Features of a second of sound, the desk's bytes: {found.instructions:,} instructions, {share:.0%} beside one "
        f"inference a second; flash {found.flash_bytes:,} bytes, RAM {found.ram_bytes:,} "
        f"({found.state_bytes:,} of state, {found.rows_bytes:,} for the newest frames, {found.ring_bytes:,} for the "
        "ring of samples)."
    ]


def litert_words(row: EmulatedRow) -> str:
    """Return how far LiteRT's reference kernels are."""
    if row.litert_steps is None:
        return "–"
    return "equal" if row.litert_steps == 0 else f"{row.litert_steps} step{'s' if row.litert_steps > 1 else ''}"


def _bytes(row: EmulatedRow) -> str:
    return f"[red]{row.differing:,} differ[/]" if row.differing else f"{row.outputs:,} equal"
