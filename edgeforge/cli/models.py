"""Verbs on model files, made anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgeforge.cli.app import BoardFile, Debug, InputShapes, app, named_board, typed
from edgeforge.cli.words import MOST, THREADS
from edgeforge.errors import BudgetExceeded, RecipeError
from edgeforge.tflite.input_shapes import parse_shapes

if TYPE_CHECKING:
    from edgeforge.hardware.board import Board

PANEL = "Model files"


@app.command(rich_help_panel=PANEL)
def bench(
    models: Annotated[list[Path], typer.Argument(help="Model files: .pt (TorchScript), .onnx, .tflite.")],
    threads: Annotated[int, typer.Option(min=1, max=THREADS, help="Threads of the runtime.")] = 1,
    runs: Annotated[int, typer.Option(min=20, max=MOST, help="Timed runs.")] = 300,
    warmup: Annotated[int, typer.Option(min=1, max=MOST, help="Runs before them.")] = 30,
    shape: InputShapes = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    debug: Debug = False,
) -> None:
    """Time model files on this machine: p50 and p99 of one image at a time, in turn, after warm-up.

    Example:

      edgeforge bench build/mnist/onnx/*.onnx build/mnist/tflite/*.tflite
    """
    from edgeforge.cli.progress import print_bench
    from edgeforge.evaluate.bench import bench_models

    rows = bench_models(models, threads=threads, runs=runs, warmup=warmup, shapes=parse_shapes(shape or ()))
    print_bench(rows, json=json)


@app.command(rich_help_panel=PANEL)
def verify(
    target: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUILD | FLOAT.tflite INT8.tflite",
            help="A build folder, or two models of one network.",
            show_default=False,
        ),
    ],
    inputs: Annotated[
        Path | None,
        typer.Option(help="For files: .npz with x (N,C,H,W float32), or with each of several inputs by name."),
    ] = None,
    onnx: Annotated[Path | None, typer.Option(help="For two files: the .onnx they came from names layers.")] = None,
    shape: InputShapes = None,
    layers: Annotated[int | None, typer.Option(min=1, max=MOST, help="Show only the layers that cost most.")] = None,
    min_sqnr: Annotated[
        float | None, typer.Option(min=-1000, max=1000, metavar="DB", help="Fail if a layer alone keeps less.")
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Fail if LiteRT's kernels and TFLM differ more.")
    ] = None,
    emulate: Annotated[
        bool, typer.Option("--emulate", help="Compile it to plain C, and run that on emulated Cortex-M cores.")
    ] = False,
    core: Annotated[
        list[str] | None,
        typer.Option(metavar="CORE", help="With --emulate: m0plus, m3, m4, m7, m33 or m55; all."),
    ] = None,
    board: Annotated[
        str | None, typer.Option(metavar="BOARD", help="With --emulate: that board's core.", show_default=False)
    ] = None,
    board_file: BoardFile = None,
    images: Annotated[int, typer.Option(min=1, max=MOST, help="With --emulate: how many inputs, evenly spaced.")] = 100,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """Compare float and int8 layer by layer, and every int8 runtime with every other.

    Exits with 5 when --min-sqnr or --max-steps is not met; without them a difference is shown and is no error. With
    --emulate, of a build or one .tflite, it exits with 5 where an output byte on a core is not TFLM's on this desk.

    Examples:

      edgeforge verify build/digits --layers 10

      edgeforge verify float.tflite int8.tflite --inputs x.npz --min-sqnr 25

      edgeforge verify build/mnist --emulate --core m4 --core m0plus --images 1000
    """
    from edgeforge.cli.progress import quiet_bar

    on = named_board(board, board_file)
    if on and not emulate:
        raise RecipeError("--board says which core is emulated", fix="add --emulate, or leave --board out")
    if emulate:
        _emulate(target, inputs, [*(core or []), *([_emulated_core(on)] if on else [])], images, layers, json=json)
        return
    from edgeforge.evaluate.verify import require, verify
    from edgeforge.report.parity.table import print_parity

    with quiet_bar("verify") as progress:
        row = verify(target, inputs, onnx, progress, parse_shapes(shape or ()))
    if json:
        print(row.model_dump_json(indent=1, ensure_ascii=True))
    else:
        from edgeforge.guards.terminal import Terminal

        print_parity(row, Terminal(), layers)
    require(row, min_sqnr, max_steps)


def _emulated_core(board: Board) -> str:
    from edgeforge.targets.engine.options import PORTABLE, core_of

    core = core_of(board)
    if core is PORTABLE:
        reason = f"nothing emulates {board.title}'s core, {board.core}"
        raise RecipeError(reason, fix="--core: one of Arm's, such as m4")
    return core.name


def _emulate(
    target: list[Path], inputs: Path | None, cores: list[str], images: int, layers: int | None, *, json: bool
) -> None:
    from edgeforge.cli.progress import quiet_bar
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.sentences.emulated import print_emulated
    from edgeforge.targets.engine.emulate.prove import require_same_bytes
    from edgeforge.targets.engine.emulate.verify import emulate

    with quiet_bar("verify --emulate") as progress:
        rows = emulate(target, inputs, cores, images, progress)
    if json:
        from json import dumps

        print(dumps([row.model_dump(mode="json") for row in rows], indent=1))
    else:
        print_emulated(rows, Terminal(), layers)
    for row in rows:
        require_same_bytes(row, "TFLM")


@app.command(rich_help_panel=PANEL)
def fit(
    model: Annotated[Path, typer.Argument(help="Any full-integer .tflite file.", show_default=False)],
    board: Annotated[str, typer.Option(help="A board of `edgeforge boards`, or all of them, ranked.")] = "all",
    board_file: BoardFile = None,
    library: Annotated[str | None, typer.Option(help="TFLM library; default: the pinned one.")] = None,
    shape: InputShapes = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the arena over time.")] = None,
    debug: Debug = False,
) -> None:
    """Say whether a .tflite file fits a board, and whether its TFLM library takes it: two verdicts.

    Memory: tensor arena to the byte, RAM and flash with what is left. Library: the layers that it refuses or would
    compute wrongly. Ends with 6 when either is no (of all boards: on each).

    Examples:

      edgeforge fit model.tflite --board arduino-nano-33-ble --plot arena.svg

      edgeforge fit build/digits/tflite/digits_int8.tflite
    """
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.hardware.libraries import library as known_library
    from edgeforge.targets.fit.judge import fit_file

    rows = fit_file(
        model, board, own_boards(board_file), known_library(library) if library else None, parse_shapes(shape or ())
    )
    if plot:
        from edgeforge.report.fit.plot import write_plot

        write_plot(rows[0], plot)
    if json:
        from json import dumps

        print(dumps([row.model_dump(mode="json") for row in rows], indent=1))
    else:
        from edgeforge.guards.terminal import Terminal
        from edgeforge.report.fit.table import print_fit

        print_fit(rows, Terminal(highlight=False), str(model))
    if not any(row.deployable for row in rows):
        raise typer.Exit(BudgetExceeded.exit_code)


@app.command(rich_help_panel=PANEL)
def edgetpu(
    model: Annotated[Path, typer.Argument(help="A full-integer .tflite file.")],
    shape: InputShapes = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 6 if an operator would run on the CPU.")] = False,
    debug: Debug = False,
) -> None:
    """Say which operators of a .tflite file an Edge TPU would run, and which would fall to the CPU.

    Judged by Coral's published limits; edgetpu_compiler is run too where it is on the PATH.

    Example:

      edgeforge edgetpu build/digits/tflite/digits_int8.tflite
    """
    from edgeforge.cli.progress import print_edge_tpu
    from edgeforge.targets.edgetpu.judge import judge_file, require_all_mapped

    row = judge_file(model, parse_shapes(shape or ()))
    print_edge_tpu(row, json=json)
    if strict:
        require_all_mapped(row, model)


@app.command(rich_help_panel=PANEL)
def pack(
    model: Annotated[Path, typer.Argument(help="A full-integer .tflite file, made anywhere.", show_default=False)],
    context: typer.Context,
    board: Annotated[list[str], typer.Option("--board", metavar="BOARD", help="As `edgeforge boards` lists them.")],
    board_file: BoardFile = None,
    library: Annotated[str | None, typer.Option(help="TFLM library; default: the pinned one.")] = None,
    shape: InputShapes = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that gets NAME/ and NAME.tflite.")] = Path("packed"),
    name: Annotated[str | None, typer.Option(help="The sketch's name; default: the file's.")] = None,
    pixels: Annotated[
        str | None, typer.Option(metavar="0..1|-1..1|0..255", help="What bytes of a picture become for the model.")
    ] = None,
    raw_max: Annotated[
        float | None, typer.Option(min=1e-9, max=1e9, help="Or: a raw value that becomes 1; of pictures: 255.")
    ] = None,
    mean: Annotated[str | None, typer.Option(help="Taken off after that, a value a channel: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="Divided by after that, a value a channel.")] = None,
    raw_type: Annotated[str | None, typer.Option(metavar="uint8|float32", help="What the sensor gives.")] = None,
    labels: Annotated[str | None, typer.Option(help="A file with a label a line, or: cat,dog, or: 0-9")] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1e9, help="Yes from this probability on, an anomaly from this error on.")
    ] = None,
    value: Annotated[str | None, typer.Option(metavar="UNIT", help="The output is a value, such as cycles.")] = None,
    yes_no: Annotated[bool, typer.Option("--yes-no", help="It is yes or no, a logit or a probability.")] = False,
    reconstruction: Annotated[bool, typer.Option("--reconstruction", help="It is the input again.")] = False,
    map_: Annotated[bool, typer.Option("--map", help="It is a map: classes of each pixel.")] = False,
    output: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=MEANING", help="Of several outputs: box=value:px, kind=classes:cat,dog@0.5."),
    ] = None,
    input_: Annotated[
        list[str] | None,
        typer.Option(
            "--input", metavar="NAME=MEANING", help="Of several inputs: image=0..1, sensor=float32, x=float32:MEAN/STD."
        ),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(help="Inputs for the self-test: .npz with raw or x, and y; of several inputs raw ones by name."),
    ] = None,
    requantize: Annotated[bool, typer.Option("--requantize", help="Quantize again, dense weights per tensor.")] = False,
    float_model: Annotated[
        Path | None, typer.Option("--float", help="The float .tflite or .onnx it came from.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="For --requantize: .npz with x (N,C,H,W float32).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier project.")] = False,
    debug: Debug = False,
) -> None:
    """Make an Arduino project of any int8 .tflite, with the proofs of a build: full integer, library, fit, goldens.

    What its input is made of and what its output means are read in the file, or asked for: it then exits with 2, and
    with the command for each answer. Exits with 6 when the library would compute the model wrongly, or it does not fit.

    Examples:

      edgeforge pack model.tflite --board arduino-nano-33-ble --labels labels.txt

      edgeforge pack life.tflite --board arduino-nano-33-ble --value cycles

      edgeforge pack model.tflite --board arduino-nano-33-ble --requantize --float float.tflite --calibration x.npz
    """
    from edgeforge.cli.progress import quiet_bar
    from edgeforge.guards.terminal import Terminal
    from edgeforge.hardware.board_file import own_boards
    from edgeforge.report.sentences.packed import print_packed
    from edgeforge.targets.arduino import pack as target
    from edgeforge.targets.arduino.own.wishes import wishes_of

    shapes = parse_shapes(shape or ())
    wishes = wishes_of(
        pixels=pixels, raw_max=raw_max, mean=mean, std=std, raw_type=raw_type, labels=labels, threshold=threshold,
        value=value, yes_no=yes_no, reconstruction=reconstruction, map_=map_, outputs=output or (), inputs=input_ or (),
    )  # fmt: skip
    conversion = target.conversion_of(requantize, float_model, calibration)
    with quiet_bar("pack") as progress:
        packed = target.pack(
            model, tuple(board), out, library_key=library, wishes=wishes, name=name, samples=samples,
            conversion=conversion, float_file=float_model, force=force, shapes=shapes, command=typed(context),
            own_boards=own_boards(board_file),
            progress=lambda text: progress(0.5, text),
        )  # fmt: skip
    print_packed(packed, Terminal(highlight=False, soft_wrap=True))
