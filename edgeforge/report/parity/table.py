"""Parity as tables in the terminal: layers, the costliest with what to do, runtimes against each other."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edgeforge.evaluate.fidelity import too_little
from edgeforge.evaluate.parity.layer_evidence import costliest
from edgeforge.results.rows.parity import LayerRow, ParityRow, RuntimePairRow

GOOD_DB, POOR_DB = 35.0, 20.0  # of one layer: int8 of a well-used range keeps some 40 dB
BAR = 20  # characters of 50 dB
# Columns, and the room beside the longest name from which each is shown.
COLUMNS = {"layer": 0, "type": 54, "alone dB": 0, "": 76, "so far dB": 0, "clipped %": 0, "cost %": 0}


def print_parity(parity: ParityRow, console: Console, layers: int | None = None) -> None:
    """Print layers (those `layers` that cost most, all if not said), what to do, and the runtimes."""
    if finding := too_little(parity.model or "the int8 model", parity.output_sqnr_db):
        console.print(f"[red]![/] {escape(finding)}")
    if parity.reason:
        console.print(f"[yellow]![/] {escape(parity.reason)}")
    if parity.layers:
        console.print(layers_table(parity, console.width, layers))
        console.print(summary(parity), style="dim", markup=False)
        for row in parity.layers:
            if row.reason:
                console.print(Text.assemble(("! ", "yellow"), f"{row.name}: {row.reason}"))
        print_costliest(parity.layers, console)
    if parity.runtimes:
        console.print()
        console.print(runtimes_table(parity.runtimes))
        console.print(runtimes_note(parity), style="dim", markup=False)
    for note in parity.notes:
        console.print(note, style="dim", markup=False)
    for runtime, why in parity.left_out.items():
        console.print(Text.assemble(("! ", "yellow"), f"{runtime} is not compared: {why}"))


def layers_table(parity: ParityRow, width: int, layers: int | None = None) -> Table:
    """Return a row a layer, in the order in which they run."""
    rows = [row for row in parity.layers if row.own]
    shown = rows
    if layers is not None and layers < len(rows):
        kept = {id(row) for row in sorted(rows, key=lambda row: -(row.cost or 0.0))[:layers]}
        shown = [row for row in rows if id(row) in kept]
    of = f" ({len(shown)} of {len(rows)}, those that cost most)" if len(shown) < len(rows) else ""
    room = width - max(len(row.name) for row in shown)  # a narrow terminal loses the bars, then the types
    columns = [name for name, needed in COLUMNS.items() if needed <= room]
    table = Table(box=None, padding=(0, 1), title=f"float against int8, layer by layer{of}", title_justify="left")
    for name in columns:
        table.add_column(name, justify="left" if name in ("layer", "type", "") else "right", no_wrap=name != "layer")
    for row in shown:
        cells = _cells(row)
        table.add_row(*(cells[name] for name in columns))
    return table


def summary(parity: ParityRow) -> str:
    """Return what the columns mean, in two lines."""
    output = _kept(parity.output_sqnr_db)
    if parity.outputs:
        output = f"{output} at least: {', '.join(f'{one.name} {_kept(one.sqnr_db)}' for one in parity.outputs)}"
    return (
        f"{parity.images} images; the int8 model's outputs are {output}. Alone: the layer's operator by itself, on "
        "float values put on its inputs' grids. Cost: its share of the outputs' error. =: passes values on unchanged."
    )


def _kept(sqnr_db: float | None) -> str:
    return "equal to the float model's" if sqnr_db is None else f"at {sqnr_db:.1f} dB"


def print_costliest(rows: list[LayerRow], console: Console) -> None:
    """Print the layers that cost most, each with what was found and what to do."""
    worst = costliest(rows)
    if worst:
        share = sum(row.cost or 0.0 for row in worst)
        console.print(f"\n[bold]What costs most[/] ({100 * share:.0f} % of the outputs' error)")
    for row in worst:
        console.print(Text.assemble((f"{100 * (row.cost or 0):4.0f} %  ", "bold"), row.name))
        for advice in row.advice:
            console.print(Text.assemble("        ", advice.what, (f" → {advice.remedy}", "dim")))


def runtimes_table(pairs: list[RuntimePairRow]) -> Table:
    """Return a triangle: share of identical outputs, and the largest difference in steps."""
    names = runtime_names(pairs)
    found = {(pair.a, pair.b): pair for pair in pairs}
    table = Table(
        box=None,
        padding=(0, 1),
        title="int8 runtimes against each other: identical outputs, largest difference",
        title_justify="left",
    )
    table.add_column("same %, steps", no_wrap=True)
    for number in range(1, len(names)):
        table.add_column(f"{number}", justify="right", no_wrap=True)
    for number, name in enumerate(names):
        cells = [_pair_cell(found[other, name]) for other in names[:number]]
        table.add_row(escape(f"{number + 1} {name}"), *cells)
    return table


def runtimes_note(parity: ParityRow) -> str:
    """Say on how many images, and how outputs on other grids were compared."""
    counts = sorted({pair.images for pair in parity.runtimes})
    images = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    grid = "The TFLite output is float: values are compared as they are, the second figure is in logits."
    if parity.step:
        grid = f"Steps are of {parity.step:.4g}, the TFLite output's scale."
    if parity.outputs and all(one.step for one in parity.outputs):
        grid = f"Steps are of each output's scale: {', '.join(f'{one.name} {one.step:.4g}' for one in parity.outputs)}."
    elif parity.outputs:
        grid = "Not every output is quantized: values are compared as they are, the second figure is the difference."
    if parity.step and not all(pair.one_file for pair in parity.runtimes):
        grid += " PyTorch and ONNX Runtime have output scales of their own and are rounded onto it."
    return f"On {images} images that both ran. LiteRT's kernels and TFLM run the same file. {grid}"


def runtime_names(pairs: list[RuntimePairRow]) -> list[str]:
    """Return the runtimes in the order in which they were compared."""
    return list(dict.fromkeys([*(pair.a for pair in pairs), *(pair.b for pair in pairs)]))


def identical_text(pair: RuntimePairRow) -> str:
    """Return the share of identical outputs in percent; 100 only where all are."""
    percent = 100 * pair.identical
    if pair.identical == 1.0:
        return "100"
    return f"{percent:.1f}" if percent < 99 else f"{min(percent, 99.99):.2f}"


def _cells(row: LayerRow) -> dict[str, str | Text]:
    assert row.own and row.accumulated
    own, so_far = row.own.sqnr_db, row.accumulated.sqnr_db
    style = "" if own is None or own >= GOOD_DB else "red" if own < POOR_DB else "yellow"
    length = 0 if own is None else min(max(round(own * BAR / 50), 0), BAR)
    cost = row.cost or 0.0
    clipped = "" if row.saturation is None else f"{100 * row.saturation:.2f}" if row.saturation else "0"
    return {
        "layer": Text(row.name, style="bold" if cost >= 0.1 else ""),
        "type": escape(row.precision.replace("float32", "float")),
        "alone dB": "=" if own is None else Text(f"{own:.1f}", style=style),
        "": Text("━" * length, style=style or "green"),
        "so far dB": "=" if so_far is None else f"{so_far:.1f}",
        "clipped %": Text(clipped, style="yellow" if (row.saturation or 0.0) > 1e-3 else ""),
        "cost %": Text(f"{100 * cost:.1f}", style="bold" if cost >= 0.1 else ""),
    }


def _pair_cell(pair: RuntimePairRow) -> Text:
    largest = f"{pair.max_difference:.2g}" if pair.max_steps is None else f"{pair.max_steps}"
    wide = pair.max_steps is not None and pair.max_steps > (1 if pair.one_file else 3)
    style = "green" if pair.identical == 1.0 else "yellow" if wide else ""
    return Text(f"{identical_text(pair)} {largest:>2}", style=style)
