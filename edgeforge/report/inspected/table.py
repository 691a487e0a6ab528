"""What `edgeforge inspect` prints."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from edgeforge.inspection.difference import label, shape_text, tensor_text
from edgeforge.results.rows.inspected import InspectedLayer, ModelDifference, ModelRow
from edgeforge.results.rows.time import figure

if TYPE_CHECKING:
    from rich.console import Console

# Columns in the order shown; a narrow terminal loses those with the highest number first.
COLUMNS = {"#": 0, "operator": 0, "from": 3, "output": 0, "scale": 4, "zero": 4, "MACs": 0, "numbers": 2, "bytes": 1,
           "live": 0, "~ms": 1}  # fmt: skip
LEFT = ("operator", "from", "output")
LONGEST = 34  # characters of a module's or layer's name


def print_model(row: ModelRow, console: Console) -> None:
    """Print a model: its sums, its ends, its layers, its peak, and a board's verdict on time."""
    console.print(f"[bold]{escape(row.file)}[/]: {row.format}, {row.size_bytes:,} bytes", soft_wrap=True)
    for name, places in (("input", row.inputs), ("output", row.outputs)):
        for place in places:
            tensor = row.tensors[place]
            console.print(f"  {name} {escape(f'{tensor.name}: {tensor_text(tensor)}')}", soft_wrap=True)
    console.print(_layers(row, console))
    for line in summary(row):
        console.print(escape(line), soft_wrap=True)
    for note in row.notes:
        console.print(f"[yellow]![/] {escape(note)}", soft_wrap=True)


def summary(row: ModelRow) -> list[str]:
    """Return the sums, the peak, and what a board would take, a sentence each."""
    count = f"{len(row.layers):,} layer{'' if len(row.layers) == 1 else 's'}"
    lines = [
        f"{count}; {row.macs:,} multiply-accumulates; {row.parameters:,} parameters; "
        f"{row.constant_bytes:,} bytes of constants"
    ]
    if row.peak_bytes is not None:
        where = "the input" if row.peak_layer is None else label(row.layers[row.peak_layer], row.peak_layer)
        lines.append(f"Activations: {row.peak_bytes:,} bytes at their peak, in {where}.")
    if row.board and row.arena:
        used, head = row.arena.used_bytes, row.arena.head_bytes
        lines.append(
            f"On {row.board}: an arena of {used:,} bytes, {head:,} of them for activations and scratch buffers."
        )
    if row.time:
        lines.append(f"On {row.board}: {row.time.sentence}.")
    return lines


def _layers(row: ModelRow, console: Console) -> Table:
    used = [name for name in COLUMNS if any(_cells(row, layer, n)[name] for n, layer in enumerate(row.layers))]
    for last in range(max(COLUMNS.values()), -1, -1):
        table = _table(row, [name for name in used if COLUMNS[name] <= last])
        if console.measure(table, options=console.options.update(width=10_000)).maximum <= console.width:
            break
    return table


def _table(row: ModelRow, names: list[str]) -> Table:
    table = Table(box=None, padding=(0, 1))
    for name in names:
        table.add_column(name, justify="left" if name in LEFT else "right", no_wrap=True)
    for place, layer in enumerate(row.layers):
        cells = _cells(row, layer, place)
        table.add_row(*(escape(cells[name]) for name in names), style="bold" if place == row.peak_layer else "")
    return table


def _cells(row: ModelRow, layer: InspectedLayer, place: int) -> dict[str, str]:
    output = row.tensors[layer.writes[0]] if layer.writes else None
    scales = output.scales if output else []
    return {
        "#": str(place),
        "operator": layer.operator,
        "from": cut(layer.module or layer.name),
        "output": f"{output.dtype} {shape_text(output.shape)}" if output else "",
        "scale": f"{scales[0]:.4g}" if len(scales) == 1 else f"{len(scales)} scales" if scales else "",
        "zero": str(output.zero_points[0]) if output and len(output.zero_points) == 1 else "",
        "MACs": f"{layer.macs:,}" if layer.macs else "",
        "numbers": f"{layer.parameters:,}" if layer.parameters else "",
        "bytes": f"{layer.constant_bytes:,}" if layer.constant_bytes else "",
        "live": "" if layer.live_bytes is None else f"{layer.live_bytes:,}",
        "~ms": "" if layer.milliseconds is None else figure(layer.milliseconds),
    }


def cut(name: str) -> str:
    """Return a name that is not too long, its end kept: that tells modules apart."""
    return name if len(name) <= LONGEST else f"…{name[-LONGEST + 1 :]}"


def print_difference(found: ModelDifference, console: Console) -> None:
    """Print what differs between two files."""
    console.print(f"[bold]{escape(found.a.file)}[/] → [bold]{escape(found.b.file)}[/]", soft_wrap=True)
    if found.same_bytes:
        console.print("The same bytes.")
        return
    table = Table(box=None, padding=(0, 1))
    for name in ("", "a", "b"):
        table.add_column(name, overflow="fold")
    for name, (a, b) in found.totals.items():
        table.add_row(escape(name), escape(a), "[dim]the same[/]" if a == b else escape(b))
    console.print(table)
    for line in difference_lines(found):
        console.print(escape(line), soft_wrap=True)


def difference_lines(found: ModelDifference) -> list[str]:
    """Return what differs, a line a layer."""
    if found.reason:
        return [found.reason]
    counts = f"{len(found.a.layers)} and {len(found.b.layers)}"
    lines = [f"{found.matched} of {counts} layers are each other's counterparts; {len(found.layers)} differ."]
    for layer in found.layers:
        said = list(layer.differences)
        if layer.integers_changed and layer.largest is not None:
            said.append(f"{layer.integers_changed:,} of {layer.integers:,} constants, by up to {layer.largest:.4g}")
        lines.append(f"  {layer.label}: {'; '.join(said)}")
    return lines
