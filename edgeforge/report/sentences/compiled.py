"""What `edgeforge compile` tells: each layer with its kernel, what it takes, and what to do next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgeforge.results.rows.engine import CompiledRow

if TYPE_CHECKING:
    from rich.console import Console


def print_compiled(rows: list[CompiledRow], folder: Path, console: Console) -> None:
    """Print a table for each model, and how the library is used."""
    for row in rows:
        console.print(_layers(row))
        for line in row.folded:
            console.print(f"  folded: {escape(line)}")
        console.print(
            f"  RAM: arena {row.arena_bytes:,} bytes (greedy {row.arena_greedy_bytes:,}, at least "
            f"{row.arena_least_bytes:,} in any plan), "
            f"input {row.input_bytes:,}, output {row.output_bytes:,}: {row.ram_bytes:,} together, {row.shared_bytes:,} "
            "where the arena has room for both"
        )
        if row.trade:
            console.print(f"  {escape(row.trade.sentence)}")
        console.print(f"  flash: {row.constants_bytes:,} bytes of weights and tables, and the kernels' code")
    first = rows[0].name.replace("-", "_")
    console.print(
        f"{folder}/{first}.h: {first}_init(arena), {first}_invoke({rows[0].arguments}); CMake, Zephyr and Arduino "
        "beside it",
        markup=False,
    )


def _layers(row: CompiledRow) -> Table:
    title = escape(f"{row.name}: {row.core}, {row.optimize}, rounding {row.rounding}")
    table = Table(box=None, padding=(0, 1), title=title, title_justify="left")
    table.add_column("layer", overflow="fold")
    table.add_column("kernel", no_wrap=True)
    table.add_column("output", no_wrap=True)
    table.add_column("constants", justify="right")
    table.add_column("scratch", justify="right")
    for layer in row.layers:
        shape = "×".join(map(str, layer.output_shape))
        scratch = f"{layer.scratch_bytes:,}" if layer.scratch_bytes else "–"
        table.add_row(escape(layer.label), escape(layer.kernel), shape, f"{layer.constants_bytes:,}", scratch)
    return table
