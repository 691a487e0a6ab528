"""The verb that shows what is in a model file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeforge.cli.app import BoardFile, Debug, InputShapes, app, named_board
from edgeforge.cli.models import PANEL
from edgeforge.errors import RecipeError
from edgeforge.tflite.input_shapes import parse_shapes


@app.command(rich_help_panel=PANEL)
def inspect(
    models: Annotated[
        list[Path],
        typer.Argument(metavar="MODEL [OTHER]", help=".tflite, .onnx, .pt, .pt2, …", show_default=False),
    ],
    board: Annotated[
        str | None, typer.Option(help="Of a .tflite: its arena and its time on this board of `edgeforge boards`.")
    ] = None,
    board_file: BoardFile = None,
    library: Annotated[str | None, typer.Option(help="TFLM library; default: the pinned one.")] = None,
    shape: InputShapes = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE.html", help="Write a page: graph, memory, layers.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """Show a model file layer by layer, or what differs between two.

    Operators, shapes, types, scales, multiply-accumulates, bytes, live memory, and the PyTorch module each layer came
    from. No Python of a model's is run; TorchScript runs once, on zeros. Two files: layers, scales and constants that
    differ. Ends with 2 for a file that is no model.

    Examples:

      edgeforge inspect build/digits/tflite/digits_int8.tflite --board arduino-nano-33-ble

      edgeforge inspect net.onnx --html net.html

      edgeforge inspect before.tflite after.tflite

      edgeforge inspect traced.pt --shape 1,3,224,224 --json
    """
    from edgeforge.guards.terminal import Terminal
    from edgeforge.hardware.libraries import library as known_library
    from edgeforge.inspection.difference import difference
    from edgeforge.inspection.read import inspected
    from edgeforge.report.inspected.page import render_difference, render_model
    from edgeforge.report.inspected.table import print_difference, print_model
    from edgeforge.report.page import write_page

    if len(models) > 2:
        raise RecipeError(f"{len(models)} files: one is shown, or two are compared", fix="name one or two")
    shapes, chosen = parse_shapes(shape or ()), named_board(board, board_file)
    used = known_library(library) if library else None
    console = Terminal(highlight=False)
    if len(models) == 2:
        found = difference(models[0], models[1], shapes, chosen, used)
        page = render_difference(found) if html else ""
        text = found.model_dump_json(indent=1, ensure_ascii=True) if json else ""
    else:
        row = inspected(models[0], shapes, chosen, used)
        page = render_model(row) if html else ""
        text = row.model_dump_json(indent=1, ensure_ascii=True) if json else ""
    if html:
        write_page(page, html)
    if json:
        print(text)
    elif html:
        print(f"{html} is written")
    elif len(models) == 2:
        print_difference(found, console)
    else:
        print_model(row, console)
