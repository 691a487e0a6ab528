"""The command line: one thin function a verb. It prints; it never computes."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from edgeforge import __version__
from edgeforge.errors import BudgetExceeded, EdgeForgeError, RecipeError

if TYPE_CHECKING:
    from edgeforge.recipe_file import LoadedRecipe

app = typer.Typer(
    name="edgeforge",
    help="From a PyTorch CNN to a board, proven before flashing.",
    epilog="Begin with: edgeforge init my.yaml, then: edgeforge build my.yaml",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

RecipePath = Annotated[Path, typer.Argument(help="The recipe, a YAML file.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe for this build: --set train.epochs=1"),
]
Out = Annotated[Path, typer.Option("--out", help="Folder of all builds and of their store.")]
Until = Annotated[str | None, typer.Option("--until", metavar="STAGE", help="Stop after this stage.")]
Force = Annotated[
    list[str] | None,
    typer.Option("--force", metavar="STAGE", help="Run this stage, and what depends on it, again."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command()
def build(
    recipe: RecipePath,
    overrides: Overrides = None,
    until: Until = None,
    force: Force = None,
    jobs: Annotated[int, typer.Option(min=1, help="Stages at once; timing stages always run alone.")] = 2,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Build a recipe: train, quantize, export, measure, pack and report; only what has changed is run.

    Examples:

      edgeforge build recipes/digits.yaml

      edgeforge build recipes/mnist.yaml --set train.epochs=1 --until onnx
    """
    from edgeforge.pipeline import build as build_recipe
    from edgeforge.progress import ConsoleWatcher

    loaded = _load(recipe, overrides)
    with ConsoleWatcher() as watcher:
        result = build_recipe(
            loaded, out, watcher, jobs=jobs, until=until, force=tuple(force or ()), planned=watcher.planned
        )
    if (result.folder / "report.json").exists() and not until:
        _print_report(result.folder)
    watcher.summary(result)


@app.command()
def plan(
    recipe: RecipePath,
    overrides: Overrides = None,
    until: Until = None,
    force: Force = None,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Show what a build would run, what is in the store, and why.

    Example:

      edgeforge plan recipes/digits.yaml --set quantize.calibration.samples=100
    """
    from edgeforge.pipeline import plan_build
    from edgeforge.progress import print_plan

    print_plan(plan_build(_load(recipe, overrides), out, until=until, force=tuple(force or ())))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="The recipe to write.")] = Path("recipe.yaml"),
    template: Annotated[str, typer.Option(help="Which ready recipe to begin with.")] = "digits",
    model: Annotated[str | None, typer.Option(help="Your model: path/to/file.py:Class, or file.onnx.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Your data: a folder with a folder a class, a .csv of paths and labels, an .npz."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    debug: Debug = False,
) -> None:
    """Write a commented recipe to begin with.

    Examples:

      edgeforge init my.yaml --model my_net.py:MyNet

      edgeforge init my.yaml --model my_net.py --data photos/
    """
    from edgeforge.init import write_recipe

    write_recipe(path, template=template, model=model, data=data, force=force)
    print(f"{path} is written; edit it, then: edgeforge build {path}")


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(help="A build folder, such as build/digits.")],
    json: Annotated[bool, typer.Option("--json", help="Print report.json instead.")] = False,
    debug: Debug = False,
) -> None:
    """Show the report of a build again.

    Example:

      edgeforge report build/digits
    """
    if json:
        from edgeforge.report.write import read_report

        print(read_report(folder).model_dump_json(indent=1, by_alias=True))
    else:
        _print_report(folder)


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A build folder.")],
    b: Annotated[Path, typer.Argument(help="Another build folder.")],
    debug: Debug = False,
) -> None:
    """Compare two builds, variant by variant.

    Example:

      edgeforge compare build/digits build-wide/digits
    """
    from rich.console import Console

    from edgeforge.report.compare import comparison_table
    from edgeforge.report.write import read_report

    Console().print(comparison_table(read_report(a), read_report(b)))


@app.command()
def bench(
    models: Annotated[list[Path], typer.Argument(help="Model files: .pt (TorchScript), .onnx, .tflite.")],
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1,
    runs: Annotated[int, typer.Option(min=20, help="Timed runs.")] = 300,
    warmup: Annotated[int, typer.Option(min=1, help="Runs before them.")] = 30,
    shape: Annotated[str | None, typer.Option(help="Input shape N,C,H,W, where the file does not say it.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    debug: Debug = False,
) -> None:
    """Time model files on this machine: p50 and p99 of one image at a time, in turn, after warm-up.

    Example:

      edgeforge bench build/mnist/onnx/*.onnx build/mnist/tflite/*.tflite
    """
    from edgeforge.evaluate.bench import bench_models
    from edgeforge.progress import print_bench

    rows = bench_models(models, threads=threads, runs=runs, warmup=warmup, shape=_shape(shape))
    print_bench(rows, json=json)


@app.command()
def verify(
    target: Annotated[
        list[Path],
        typer.Argument(
            metavar="BUILD | FLOAT.tflite INT8.tflite",
            help="A build folder, or two models of one network.",
            show_default=False,
        ),
    ],
    inputs: Annotated[Path | None, typer.Option(help="For two files: .npz with x (N,C,H,W float32).")] = None,
    onnx: Annotated[Path | None, typer.Option(help="For two files: the .onnx they came from names layers.")] = None,
    layers: Annotated[int | None, typer.Option(min=1, help="Show only the layers that cost most.")] = None,
    min_sqnr: Annotated[float | None, typer.Option(metavar="DB", help="Fail if a layer alone keeps less.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=0, help="Fail if LiteRT's kernels and TFLM differ more.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """Compare float and int8 layer by layer, and every int8 runtime with every other.

    Exits with 5 when --min-sqnr or --max-steps is not met; without them a difference is shown and is no error.

    Examples:

      edgeforge verify build/digits --layers 10

      edgeforge verify float.tflite int8.tflite --inputs x.npz --min-sqnr 25
    """
    from edgeforge.evaluate.verify import require, verify
    from edgeforge.progress import quiet_bar
    from edgeforge.report.parity_table import print_parity

    with quiet_bar("verify") as progress:
        row = verify(target, inputs, onnx, progress)
    if json:
        print(row.model_dump_json(indent=1))
    else:
        from rich.console import Console

        print_parity(row, Console(), layers)
    require(row, min_sqnr, max_steps)


@app.command()
def deploy(
    name: Annotated[str, typer.Argument(help="A build folder, or a recipe's name under --out.")],
    host: Annotated[str, typer.Option(help="The device, as ssh reaches it: pi@raspberrypi.local.")],
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port of ssh there.")] = None,
    identity: Annotated[Path | None, typer.Option(help="Private key of ssh.")] = None,
    ssh_option: Annotated[list[str] | None, typer.Option(metavar="KEY=VALUE", help="Passed to ssh -o.")] = None,
    python: Annotated[str, typer.Option(help="Interpreter there.")] = "python3",
    folder: Annotated[str, typer.Option(help="Folder there; default: edgeforge/NAME.")] = "",
    server: Annotated[bool, typer.Option("--server", help="Install the HTTP endpoint, and load it there.")] = False,
    perf: Annotated[bool, typer.Option("--perf", help="Count instructions and cache misses there.")] = False,
    runs: Annotated[int, typer.Option(min=20, help="Timed runs of each variant.")] = 200,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Put a build's Raspberry Pi bundle on a device by ssh: install, self-test, measure; the figures join the report.

    Example:

      edgeforge deploy digits --host pi@raspberrypi.local
    """
    from rich.console import Console

    from edgeforge.report.raspberry_pi import devices_table
    from edgeforge.targets import deploy as target
    from edgeforge.targets.ssh import Remote

    console = Console(stderr=True, highlight=False)
    build = target.build_folder(name, out)
    remote = Remote(host, port, identity, tuple(ssh_option or ()))
    wishes = target.Wishes(python=python, server=server, perf=perf, folder=folder, runs=runs)
    row = target.deploy(build, remote, wishes, lambda text: console.print(f"[dim]{text}[/]"))
    Console().print(devices_table([row]))
    console.print(f"The figures are in {build / 'devices' / row.name}.json and in {build / 'report.html'}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A build folder, or a recipe's name under --out.")],
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Serve a build's Raspberry Pi bundle over HTTP on this desk; further options go to its server.py.

    Examples:

      edgeforge serve digits --port 8000 --fit

      curl --data-binary @photo.png http://127.0.0.1:8000/classify
    """
    from edgeforge.targets.deploy import build_folder
    from edgeforge.targets.serve import serve as serve_bundle

    raise typer.Exit(serve_bundle(build_folder(name, out), context.args))


@app.command()
def boards(debug: Debug = False) -> None:
    """List the boards that a recipe may target."""
    from edgeforge.progress import print_boards
    from edgeforge.targets.boards import boards as all_boards

    print_boards(all_boards())


@app.command()
def fit(
    model: Annotated[Path, typer.Argument(help="Any full-integer .tflite file.", show_default=False)],
    board: Annotated[str, typer.Option(help="A board of `edgeforge boards`, or all of them, ranked.")] = "all",
    library: Annotated[str | None, typer.Option(help="TFLM library; default: the pinned one.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Draw the arena over time.")] = None,
    debug: Debug = False,
) -> None:
    """Say whether a .tflite file fits a board: tensor arena to the byte, RAM and flash, and what to change.

    Ends with 6 when it does not fit the board (of all: none).

    Examples:

      edgeforge fit model.tflite --board arduino-nano-33-ble --plot arena.svg

      edgeforge fit build/digits/tflite/digits_int8.tflite
    """
    from edgeforge.targets.fit import fit_file
    from edgeforge.targets.libraries import library as known_library

    rows = fit_file(model, board, sketch=known_library(library) if library else None)
    if plot:
        from edgeforge.report.fit_plot import write_plot

        write_plot(rows[0], plot)
    if json:
        from json import dumps

        print(dumps([row.model_dump(mode="json") for row in rows], indent=1))
    else:
        from rich.console import Console

        from edgeforge.report.fit_table import print_fit

        print_fit(rows, Console(highlight=False), str(model))
    if not any(row.fits for row in rows):
        raise typer.Exit(BudgetExceeded.exit_code)


@app.command()
def edgetpu(
    model: Annotated[Path, typer.Argument(help="A full-integer .tflite file.")],
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 6 if an operator would run on the CPU.")] = False,
    debug: Debug = False,
) -> None:
    """Say which operators of a .tflite file an Edge TPU would run, and which would fall to the CPU.

    Judged by Coral's published limits; edgetpu_compiler is run too where it is on the PATH.

    Example:

      edgeforge edgetpu build/digits/tflite/digits_int8.tflite
    """
    from edgeforge.progress import print_edge_tpu
    from edgeforge.targets.edgetpu import judge_file, require_all_mapped

    row = judge_file(model)
    print_edge_tpu(row, json=json)
    if strict:
        require_all_mapped(row, model)


@app.command()
def pack(
    model: Annotated[Path, typer.Argument(help="A full-integer .tflite file, made anywhere.", show_default=False)],
    board: Annotated[list[str], typer.Option("--board", metavar="BOARD", help="As `edgeforge boards` lists them.")],
    library: Annotated[str | None, typer.Option(help="TFLM library; default: the pinned one.")] = None,
    out: Annotated[Path, typer.Option("--out", help="Folder that gets NAME/ and NAME.tflite.")] = Path("packed"),
    name: Annotated[str | None, typer.Option(help="The sketch's name; default: the file's.")] = None,
    raw_max: Annotated[float | None, typer.Option(help="A raw value that becomes 1; default for images: 255.")] = None,
    mean: Annotated[str | None, typer.Option(help="Taken off after that, a value a channel: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="Divided by after that, a value a channel.")] = None,
    raw_type: Annotated[str | None, typer.Option(metavar="uint8|float32", help="What the sensor gives.")] = None,
    labels: Annotated[str | None, typer.Option(help="A file with a label a line, or: cat,dog")] = None,
    samples: Annotated[Path | None, typer.Option(help="Inputs for the self-test: .npz with raw or x, and y.")] = None,
    requantize: Annotated[bool, typer.Option("--requantize", help="Quantize again, dense weights per tensor.")] = False,
    float_model: Annotated[
        Path | None, typer.Option("--float", help="The float .tflite or .onnx it came from.")
    ] = None,
    calibration: Annotated[Path | None, typer.Option(help="For --requantize: .npz with x (N,C,H,W float32).")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an earlier project.")] = False,
    debug: Debug = False,
) -> None:
    """Make an Arduino project of any int8 .tflite, with the proofs of a build: full integer, library, fit, goldens.

    Exits with 6 when the library would compute the model wrongly, or it does not fit.

    Examples:

      edgeforge pack model.tflite --board arduino-nano-33-ble --labels labels.txt

      edgeforge pack model.tflite --board arduino-nano-33-ble --requantize --float float.tflite --calibration x.npz
    """
    from rich.console import Console

    from edgeforge.progress import quiet_bar
    from edgeforge.report.packed import print_packed
    from edgeforge.targets import pack as target

    wishes = target.wishes_of(raw_max=raw_max, mean=mean, std=std, raw_type=raw_type, labels=labels)
    conversion = target.conversion_of(requantize, float_model, calibration)
    with quiet_bar("pack") as progress:
        packed = target.pack(
            model, tuple(board), out, library_key=library, wishes=wishes, name=name, samples=samples,
            conversion=conversion, force=force, progress=lambda text: progress(0.5, text),
        )  # fmt: skip
    print_packed(packed, Console(highlight=False, soft_wrap=True))


@app.command()
def monitor(
    port: Annotated[str, typer.Option(help="The board's serial port: /dev/ttyACM0, COM5.", show_default=False)],
    build: Annotated[Path | None, typer.Option(help="The build whose sketch the board runs.")] = None,
    model: Annotated[Path | None, typer.Option(help="Or the .tflite that `edgeforge pack` has written,")] = None,
    samples: Annotated[Path | None, typer.Option(help="and inputs for it: .npz with raw or x, and y.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many, evenly spaced.")] = 100,
    raw: Annotated[bool, typer.Option("--raw", help="Send raw inputs: the board normalises and quantizes.")] = False,
    baud: Annotated[int, typer.Option(min=300, help="Baud rate, as in the sketch's settings.h.")] = 115200,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait for one answer.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """Send test inputs to a board and compare each answer byte for byte with TFLM on this desk.

    Prints accuracy and latency on the board; they join the build's report. Exits with 2 when the board runs another
    model, 4 when it is silent or gone, 5 when it computes otherwise than its library may.

    Examples:

      edgeforge monitor --port /dev/ttyACM0 --build build/digits --raw

      edgeforge monitor --port /dev/ttyACM0 --model packed/net.tflite --samples x.npz
    """
    from rich.console import Console

    from edgeforge.progress import quiet_bar
    from edgeforge.report.boards import print_run
    from edgeforge.targets import monitor as target
    from edgeforge.targets.serial_link import Link

    subject = target.subject_of(build, model, samples)
    with quiet_bar("monitor") as progress, Link(port, baud, timeout=timeout) as link:
        run = target.monitor(subject, link, images=images, raw=raw, progress=progress)
    kept = target.keep_run(run, build, model)
    if json:
        print(run.model_dump_json(indent=1))
    else:
        print_run(run, Console(highlight=False, soft_wrap=True))
        print(f"The figures are in {kept}" + (f" and in {build / 'report.html'}" if build else ""))
    target.require_parity(run)


@app.command()
def doctor(debug: Debug = False) -> None:
    """Say what is installed, what is missing, and what to do about it."""
    from edgeforge.doctor import diagnose
    from edgeforge.progress import print_diagnosis

    if not print_diagnosis(diagnose()):
        raise typer.Exit(3)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"edgeforge {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line; the only place that catches errors and exits."""
    code = 0
    try:
        code = app(standalone_mode=False) or 0  # what typer.Exit carried, 130 after Ctrl-C
    except EdgeForgeError as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        _print_error(error)
        sys.exit(error.exit_code)
    except Exception as error:
        show = getattr(error, "show", None)  # typer's own errors of usage print themselves
        if show:
            show()
            sys.exit(getattr(error, "exit_code", 2))
        if "--debug" in sys.argv:
            raise
        print(f"error: {type(error).__name__}: {error} (--debug shows where)", file=sys.stderr)
        sys.exit(1)
    if code == 130:
        print("\nInterrupted: finished stages are kept; build again to resume.", file=sys.stderr)
    sys.exit(code)


def _print_error(error: EdgeForgeError) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    where = f"[bold]{error.stage}:[/] " if error.stage else ""
    for line in error.reason.splitlines():
        console.print(f"[bold red]error:[/] {where}{escape(line)}")
    if error.fix:
        console.print(f"  [bold]fix:[/] {escape(error.fix)}")


def _load(path: Path, overrides: list[str] | None) -> LoadedRecipe:
    from edgeforge.recipe_file import load_recipe

    return load_recipe(path, tuple(overrides or ()))


def _print_report(folder: Path) -> None:
    from rich.console import Console

    from edgeforge.report.table import print_report
    from edgeforge.report.write import read_report

    print_report(read_report(folder), Console())


def _shape(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise RecipeError(f"--shape {text}: not a shape", fix="for instance --shape 1,3,224,224") from error
