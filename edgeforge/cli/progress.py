"""What the command line shows of plans, builds and lists."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from edgeforge.builder.plan import Plan
from edgeforge.builder.run import Watcher

if TYPE_CHECKING:
    from edgeforge.doctor import Diagnosis
    from edgeforge.evaluate.bench import BenchRow
    from edgeforge.hardware.board import Board
    from edgeforge.pipeline import Result
    from edgeforge.results.rows.report import EdgeTPURow


class ConsoleWatcher(Watcher):
    """Shows a build: a line a finished stage, a bar a running one (on a terminal)."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False)
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[text]}"),
            console=self.console,
            transient=True,
        )
        self.tasks: dict[str, TaskID] = {}
        self.begun = time.perf_counter()

    def __enter__(self) -> ConsoleWatcher:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def planned(self, plan: Plan) -> None:
        """Say how much there is to do."""
        waiting = [step.stage.name for step in plan.steps if not step.artifact]
        if waiting:
            kept = len(plan.steps) - len(waiting)
            self.console.print(f"[bold]{plan.recipe.name}[/]: {len(waiting)} stages to run, {kept} up to date")

    def started(self, stage: str, title: str) -> None:
        """Add a bar."""
        self.tasks[stage] = self.bars.add_task(stage, total=1.0, text=title)

    def progress(self, stage: str, share: float, text: str) -> None:
        """Move the bar."""
        self.bars.update(self.tasks[stage], completed=share, text=text)

    def finished(self, stage: str, seconds: float) -> None:
        """Replace the bar by a line."""
        text = self.bars.tasks[self.bars.task_ids.index(self.tasks[stage])].fields["text"]
        self.bars.remove_task(self.tasks.pop(stage))
        line = f"[green]✓[/] {stage:<16} {seconds:6.1f} s  [dim]{text}[/]"
        self.console.print(line, no_wrap=True, overflow="ellipsis")

    def notice(self, text: str) -> None:
        """Print a line that stays."""
        self.console.print(f"[yellow]![/] {text}")

    def summary(self, result: Result) -> None:
        """Say what the build came to and where to look."""
        seconds = time.perf_counter() - self.begun
        if result.plan.up_to_date:
            state = "everything is up to date"
            if result.written:
                state += f", {result.written} files restored"
        else:
            state = "built"
        self.console.print(f"[bold]{result.plan.recipe.name}[/]: {state} ({seconds:.1f} s)")
        for name in ("report.html", "arduino", "raspberry-pi"):
            place = result.folder / name
            if place.exists():
                self.console.print(f"  {name.split('.')[0]:<12} {place}")


@contextmanager
def quiet_bar(title: str) -> Iterator[Callable[[float, str], None]]:
    """Yield a function (share done, what is being done) that moves a bar on a terminal's standard error."""
    console = Console(stderr=True, highlight=False)
    columns = (SpinnerColumn(), TextColumn(title), BarColumn(bar_width=24), TextColumn("[dim]{task.description}"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, text: bar.update(task, completed=share, description=text)


def print_plan(plan: Plan) -> None:
    """Print which stages would run, and why."""
    console = Console(highlight=False)
    table = Table(title=f"Plan of {plan.recipe.name}", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("stage", "state", "why"):
        table.add_column(name, style="dim" if name == "why" else "")
    for step in plan.steps:
        if step.artifact:
            table.add_row(step.stage.name, "[green]up to date[/]", f"took {step.artifact.seconds:.1f} s")
        else:
            table.add_row(step.stage.name, "[yellow]will run[/]", step.why)
    console.print(table)
    waiting = sum(1 for step in plan.steps if not step.artifact)
    console.print(f"{waiting} of {len(plan.steps)} stages would run." if waiting else "Everything is up to date.")


def print_bench(rows: list[BenchRow], *, json: bool) -> None:
    """Print latencies as a table, or as JSON lines."""
    if json:
        for row in rows:
            print(json_module.dumps(asdict(row)))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("model", "size KB", "p50 ms", "p99 ms", "threads", "runs"):
        table.add_column(name, justify="left" if name == "model" else "right", overflow="fold")
    for row in rows:
        values: list[Any] = [row.file, f"{row.size_bytes / 1024:.1f}", f"{row.p50:.3f}", f"{row.p99:.3f}"]
        table.add_row(*values, str(row.threads), str(row.runs))
    Console(highlight=False).print(table)


def print_boards(boards: dict[str, Board]) -> None:
    """Print the boards."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("board", "processor", "MHz", "flash", "core", "RAM", "core"):
        table.add_column(name, justify="left" if name in ("board", "processor") else "right", no_wrap=True)
    for key, board in boards.items():
        sizes = (board.flash_bytes, board.core_flash_bytes, board.ram_bytes, board.core_ram_bytes)
        flash, core_flash, ram, core_ram = (f"{size // 1024:,}" for size in sizes)
        table.add_row(key, board.core, str(board.clock_mhz), flash, core_flash, ram, core_ram)
    console = Console(highlight=False)
    console.print(table)
    console.print(
        "[dim]Sizes in KB; core: what the Arduino core takes of it. Sources: edgeforge/hardware/boards.toml.[/]"
    )


def print_edge_tpu(row: EdgeTPURow, *, json: bool) -> None:
    """Print what would become of each operator as a table, or as JSON."""
    if json:
        print(row.model_dump_json(indent=1))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("operator", "output", "runs on", "why"):
        table.add_column(name, overflow="fold")
    for operator in row.operators:
        place = "[green]Edge TPU[/]" if operator.maps else "[yellow]CPU[/]"
        table.add_row(operator.operator, escape(operator.name), place, escape(operator.reason))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{row.mapped} of {len(row.operators)} operators would map to an Edge TPU; {row.compiler}.")


def print_diagnosis(rows: list[Diagnosis]) -> bool:
    """Print what is installed; return whether all that is needed is there."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "what", "found", "what to do"):
        table.add_column(name)
    marks = {"ok": "[green]✓[/]", "missing": "[red]✗[/]", "optional": "[dim]–[/]", "note": "[yellow]![/]"}
    for row in rows:
        table.add_row(marks[row.state], *map(escape, (row.what, row.found, row.remedy)))
    Console(highlight=False).print(table)
    return all(row.state != "missing" for row in rows)
