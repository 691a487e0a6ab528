"""The command line: one thin function a verb. It prints; it never computes."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from edgeforge import __version__
from edgeforge.errors import EdgeForgeError, RecipeError

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
