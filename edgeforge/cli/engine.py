"""The verb on model files that makes C of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from edgeforge.cli.app import BoardFile, Debug, InputShapes, OneBoard, app, named_board
from edgeforge.cli.models import PANEL
from edgeforge.tflite.input_shapes import parse_shapes


@app.command(name="compile", rich_help_panel=PANEL)
def compile_(
    models: Annotated[list[Path], typer.Argument(help="Full-integer .tflite files.", show_default=False)],
    core: Annotated[
        str | None,
        typer.Option(
            metavar="CORE",
            help="cortex-m4, m0plus, m3, m7, m33, m55 (cortex- may be left out), portable; default: the board's.",
        ),
    ] = None,
    board: OneBoard = None,
    board_file: BoardFile = None,
    optimize: Annotated[Literal["speed", "size", "ram"], typer.Option(help="What kernels are chosen by.")] = "speed",
    rounding: Annotated[
        Literal["double", "single"], typer.Option(help="double: the bytes of TFLM; single: of LiteRT.")
    ] = "double",
    max_ram: Annotated[
        int | None,
        typer.Option(min=1, max=2**32 - 1, metavar="BYTES", help="The most of arena, input and output together."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write; default: compiled/NAME.", show_default=False)
    ] = None,
    name: Annotated[str | None, typer.Option(help="What C functions begin with; default: the file's name.")] = None,
    shape: InputShapes = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier library.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """Compile .tflite files to a C11 library: no interpreter, no heap, memory planned, byte-exact with TFLM.

    Of several models one library is made, in which they share the kernels. Exits with 2 when a layer cannot be
    compiled, and names it. --optimize ram gives instructions for bytes while the share that it saves is the larger;
    --max-ram gives as many as it must, and exits with 6 when that is not enough. Both say how many. --board gives its
    core, and the RAM that its Arduino core leaves as --max-ram, where these are not said.

    Examples:

      edgeforge compile model.tflite --core cortex-m4

      edgeforge compile model.tflite --board my-board --board-file my-boards.toml

      edgeforge compile wake.tflite words.tflite --core m33 --max-ram 64000 --out lib/networks
    """
    from edgeforge.cli.progress import quiet_bar
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.sentences.compiled import print_compiled
    from edgeforge.targets.engine.compile_files import compile_files
    from edgeforge.targets.engine.options import PORTABLE, Options, core_named, core_of

    on = named_board(board, board_file)
    if on and max_ram is None:
        max_ram = on.ram_bytes - on.core_ram_bytes
    chosen = core_named(core) if core else core_of(on) if on else PORTABLE
    options = Options(chosen, optimize, rounding, max_ram)
    with quiet_bar("compile") as progress:
        rows, folder = compile_files(
            models, out, options, name=name, force=force, shapes=parse_shapes(shape or ()),
            progress=lambda text: progress(0.5, text),
        )  # fmt: skip
    if json:
        from json import dumps

        print(dumps([row.model_dump(mode="json") for row in rows], indent=1))
    else:
        print_compiled(rows, folder, Terminal(highlight=False, soft_wrap=True))
