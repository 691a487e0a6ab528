"""Verbs on devices: a Raspberry Pi over ssh, a board on its serial port."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgeforge.cli.app import BoardFile, Debug, InputShapes, Out, app, named_board
from edgeforge.cli.words import MOST
from edgeforge.tflite.input_shapes import parse_shapes

PANEL = "Devices"


@app.command(rich_help_panel=PANEL)
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
    runs: Annotated[int, typer.Option(min=20, max=MOST, help="Timed runs of each variant.")] = 200,
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Put a build's Raspberry Pi bundle on a device by ssh: install, self-test, measure; the figures join the report.

    Example:

      edgeforge deploy digits --host pi@raspberrypi.local
    """
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.rewrite import keep_device
    from edgeforge.report.sentences.raspberry_pi import devices_table
    from edgeforge.results.report_file import build_folder
    from edgeforge.targets.raspberry_pi import deploy as target
    from edgeforge.targets.raspberry_pi.ssh import Remote

    console = Terminal(stderr=True, highlight=False)
    build = build_folder(name, out).absolute()
    remote = Remote(host, port, identity, tuple(ssh_option or ()))
    wishes = target.Wishes(python=python, server=server, perf=perf, folder=folder, runs=runs)
    row = target.deploy(
        build, remote, wishes, lambda text: console.print(text, style="dim", markup=False, soft_wrap=True)
    )
    keep_device(build, row)
    Terminal().print(devices_table([row]))
    console.print(
        f"The figures are in {build / 'devices' / row.name}.json and in {build / 'report.html'}", markup=False
    )


@app.command(rich_help_panel=PANEL, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A build folder, or a recipe's name under --out.")],
    out: Out = Path("build"),
    debug: Debug = False,
) -> None:
    """Serve a build's Raspberry Pi bundle over HTTP on this desk; further options go to its server.py.

    Examples:

      edgeforge serve digits --port 8000 --fit

      curl -F image=@photo.png http://127.0.0.1:8000/classify
    """
    from edgeforge.results.report_file import build_folder
    from edgeforge.targets.raspberry_pi.serve import serve as serve_bundle

    raise typer.Exit(serve_bundle(build_folder(name, out).absolute(), context.args))


@app.command(rich_help_panel=PANEL)
def monitor(
    port: Annotated[str, typer.Option(help="The board's serial port: /dev/ttyACM0, COM5.", show_default=False)],
    build: Annotated[Path | None, typer.Option(help="The build whose sketch the board runs.")] = None,
    model: Annotated[Path | None, typer.Option(help="Or the .tflite that `edgeforge pack` has written,")] = None,
    samples: Annotated[Path | None, typer.Option(help="and inputs for it: .npz with raw or x, and y.")] = None,
    shape: InputShapes = None,
    images: Annotated[int, typer.Option(min=1, max=MOST, help="How many, evenly spaced.")] = 100,
    raw: Annotated[bool, typer.Option("--raw", help="Send raw inputs: the board normalises and quantizes.")] = False,
    in_a_row: Annotated[
        bool, typer.Option("--in-a-row", help="Inputs follow each other: a model with a state keeps it.")
    ] = False,
    baud: Annotated[
        int, typer.Option(min=300, max=10_000_000, help="Baud rate, as in the sketch's settings.h.")
    ] = 115200,
    timeout: Annotated[float, typer.Option(min=0.1, max=3600, help="Seconds to wait for one answer.")] = 10.0,
    board: Annotated[
        str | None,
        typer.Option(metavar="BOARD", help="Which it is: beside its time stands the estimate.", show_default=False),
    ] = None,
    board_file: BoardFile = None,
    replay: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="Send a recording's samples in the sensor's place: csv, .wav, a folder."),
    ] = None,
    stream: Annotated[bool, typer.Option("--stream", help="Record what the sensor gives, until Ctrl-C;")] = False,
    label: Annotated[str | None, typer.Option(help="of this class,", show_default=False)] = None,
    to: Annotated[Path | None, typer.Option(help="in this folder,", show_default=False)] = None,
    seconds: Annotated[float | None, typer.Option(min=0.1, max=86_400, help="for so long.", show_default=False)] = None,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead.")] = False,
    debug: Debug = False,
) -> None:
    """Send test inputs to a board and compare each answer byte for byte with TFLM on this desk.

    Prints accuracy and latency on the board; they join the build's report. Exits with 2 when the board runs another
    model, 4 when it is silent or gone, 5 when it computes otherwise than its library may. With --stream it records
    instead: of a motion sensor csv files, of a microphone .wav files, in a folder a class.

    Examples:

      edgeforge monitor --port /dev/ttyACM0 --build build/digits --raw

      edgeforge monitor --port /dev/ttyACM0 --model packed/net.tflite --samples x.npz

      edgeforge monitor --port /dev/ttyACM0 --stream --label walking --to data/motion --seconds 30
    """
    from edgeforge.cli.progress import quiet_bar
    from edgeforge.guards.terminal import Terminal
    from edgeforge.report.rewrite import keep_board_run
    from edgeforge.report.sentences.board_runs import print_run
    from edgeforge.targets.arduino.monitor.run import monitor as ask_board
    from edgeforge.targets.arduino.monitor.run import require_parity, write_run
    from edgeforge.targets.arduino.monitor.subject import require_same_model, subject_of
    from edgeforge.targets.arduino.samples.record import record, require_one_wish
    from edgeforge.targets.arduino.samples.replay import replayed
    from edgeforge.targets.arduino.serial_link import Link

    require_one_wish(stream, label, to, replay, seconds)
    if stream and label and to:
        with quiet_bar("monitor") as progress, Link(port, baud, timeout=timeout) as link:
            recorded, files = record(link, to, label, seconds, progress)
        print(recorded.sentence)
        print("\n".join(map(str, files)) or "nothing was recorded")
        return
    on = named_board(board, board_file)
    subject = subject_of(build, model, samples, parse_shapes(shape or ()), replay)
    with quiet_bar("monitor") as progress, Link(port, baud, timeout=timeout) as link:
        asking = None
        if replay:
            require_same_model(subject, link)
            subject, asking = replayed(subject, replay, link)
        run = ask_board(
            subject, link, images=images, raw=raw, in_a_row=in_a_row, board=on, asking=asking, progress=progress
        )
    kept = keep_board_run(build, run) if build else write_run(run, model)
    if json:
        print(run.model_dump_json(indent=1, ensure_ascii=True))
    else:
        print_run(run, Terminal(highlight=False, soft_wrap=True))
        print(f"The figures are in {kept}" + (f" and in {build / 'report.html'}" if build else ""))
    require_parity(run)
