"""What the command line shows of plans, builds and lists."""

from __future__ import annotations

import json as json_module
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.table import Column, Table
from rich.text import Text

from edgeforge.builder.estimate import TimeLeft, in_words
from edgeforge.builder.plan import Plan
from edgeforge.builder.run import Watcher
from edgeforge.guards.terminal import Terminal

if TYPE_CHECKING:
    from edgeforge.doctor import Diagnosis
    from edgeforge.evaluate.bench import BenchRow
    from edgeforge.hardware.board import Board
    from edgeforge.pipeline import Result
    from edgeforge.results.rows.report import EdgeTPURow


NAME_WIDTH = 18  # of the longest stage's


class ConsoleWatcher(Watcher):
    """Shows a build: a line a finished stage; on a terminal a bar a running one, and one for the whole build.

    No line is wider than the terminal, or than 80 columns where there is none.
    """

    def __init__(self) -> None:
        self.console = Terminal(stderr=True, highlight=False)
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn(f"{{task.description:<{NAME_WIDTH}}}", markup=False),
            BarColumn(bar_width=8),
            _LeftColumn(),
            # The one column that gives way where the terminal is narrow.
            TextColumn("{task.fields[text]}", style="dim", markup=False,
                       table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            console=self.console,
            transient=True,
            expand=True,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}
        self.whole: TaskID | None = None
        self.done = self.count = 0  # stages
        self.begun = time.perf_counter()

    def __enter__(self) -> ConsoleWatcher:
        self.bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bars.stop()

    def planned(self, plan: Plan, left: TimeLeft) -> None:
        """Say how much there is to do, and add the whole build's bar."""
        for warning in plan.warnings:
            self.notice(warning)
        self.left = left
        self.count = sum(1 for step in plan.steps if not step.artifact)
        if self.count:
            kept = len(plan.steps) - self.count
            text = f"{self.count} stages to run, {kept} up to date"
            if (whole := left.build()).known:
                text += f"; about {in_words(whole.seconds)}, going by earlier builds"
            self._line(f"[bold]{escape(plan.recipe.name)}[/]: {text}")
            self.whole = self.bars.add_task(plan.recipe.name, total=self.count, text="", left=self._build_left)
            self._count(0)

    def started(self, stage: str, title: str) -> None:
        """Add a bar."""
        self.tasks[stage] = self.bars.add_task(stage, total=1.0, text=title, left=partial(self._stage_left, stage))

    def progress(self, stage: str, share: float, text: str) -> None:
        """Move the bar."""
        self.bars.update(self.tasks[stage], completed=share, text=text)

    def finished(self, stage: str, seconds: float) -> None:
        """Replace the bar by a line."""
        text = self.bars.tasks[self.bars.task_ids.index(self.tasks[stage])].fields["text"]
        self.bars.remove_task(self.tasks.pop(stage))
        self._line(f"[green]✓[/] {stage:<{NAME_WIDTH}} {in_words(seconds):>7}  [dim]{escape(text)}[/]")
        self._count(1)

    def found(self, stage: str, seconds: float) -> None:
        """Say that another build has made it."""
        self._line(f"[green]✓[/] {stage:<{NAME_WIDTH}} {'':>7}  [dim]made by another build meanwhile[/]")
        self._count(1)

    def notice(self, text: str) -> None:
        """Print a line that stays; a long one is not broken, as it may hold a path."""
        self.console.print(f"[yellow]![/] {escape(text)}", soft_wrap=True)

    def summary(self, result: Result) -> None:
        """Say what the build came to and where to look."""
        seconds = time.perf_counter() - self.begun
        if result.plan.up_to_date:
            state = "everything is up to date"
            if result.written:
                state += f", {result.written} files restored"
        else:
            state = "built"
        self._line(f"[bold]{escape(result.plan.recipe.name)}[/]: {state} ({seconds:.1f} s)")
        for name in ("report.html", "arduino", "raspberry-pi"):
            place = result.folder / name
            if place.exists():
                self.console.print(f"  {name.split('.')[0]:<12} {escape(str(place))}", soft_wrap=True)

    def _line(self, text: str) -> None:
        self.console.print(text, no_wrap=True, overflow="ellipsis")

    def _count(self, more: int) -> None:
        self.done += more
        if self.whole is not None:
            self.bars.update(self.whole, completed=self.done, text=f"{self.done} of {self.count} stages")

    def _stage_left(self, stage: str) -> str:
        seconds = self.left.stage(stage)
        return "" if seconds is None else f"{in_words(seconds)} left"

    def _build_left(self) -> str:
        whole = self.left.build()
        return f"{in_words(whole.seconds)} left" if whole.known else ""


class _LeftColumn(ProgressColumn):
    """How long a task may take yet; where that is not known, how long it has taken."""

    def __init__(self) -> None:
        super().__init__(Column(no_wrap=True, min_width=10, justify="right"))

    def render(self, task: Task) -> Text:
        left: str = task.fields["left"]()
        return Text(left or in_words(task.elapsed or 0.0), style="cyan" if left else "dim")


@contextmanager
def quiet_bar(title: str) -> Iterator[Callable[[float, str], None]]:
    """Yield a function (share done, what is being done) that moves a bar on a terminal's standard error."""
    console = Terminal(stderr=True, highlight=False)
    columns = (
        SpinnerColumn(),
        TextColumn(title),
        BarColumn(bar_width=24),
        TextColumn("{task.description}", style="dim", markup=False),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda share, text: bar.update(task, completed=share, description=text)


def print_plan(plan: Plan) -> None:
    """Print which stages would run, and why."""
    console = Terminal(highlight=False)
    table = Table(title=escape(f"Plan of {plan.recipe.name}"), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name in ("stage", "state", "why"):
        table.add_column(name, style="dim" if name == "why" else "")
    for step in plan.steps:
        if step.artifact:
            table.add_row(step.stage.name, "[green]up to date[/]", f"took {step.artifact.seconds:.1f} s")
        else:
            table.add_row(step.stage.name, "[yellow]will run[/]", escape(step.why))
    console.print(table)
    for warning in plan.warnings:
        console.print(f"[yellow]![/] {escape(warning)}")
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
        values: list[Any] = [escape(row.file), f"{row.size_bytes / 1024:.1f}", f"{row.p50:.3f}", f"{row.p99:.3f}"]
        table.add_row(*values, str(row.threads), str(row.runs))
    Terminal(highlight=False).print(table)


def print_boards(boards: dict[str, Board]) -> None:
    """Print the boards."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("board", "processor", "MHz", "flash", "core", "RAM", "core"):
        table.add_column(name, justify="left" if name in ("board", "processor") else "right", no_wrap=True)
    for key, board in boards.items():
        sizes = (board.flash_bytes, board.core_flash_bytes, board.ram_bytes, board.core_ram_bytes)
        flash, core_flash, ram, core_ram = (f"{size // 1024:,}" for size in sizes)
        table.add_row(escape(key), escape(board.core), str(board.clock_mhz), flash, core_flash, ram, core_ram)
    console = Terminal(highlight=False)
    console.print(table)
    console.print(
        "[dim]Sizes in KB; core: what the Arduino core takes of it. `edgeforge boards BOARD` says from where.[/]"
    )


def print_board(key: str, board: Board) -> None:
    """Print one board, and where each figure is from."""
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    facts = {
        "board": key,
        "title": board.title,
        "processor": f"{board.core}, {board.clock_mhz} MHz",
        "flash": f"{board.flash_bytes:,} bytes, {board.core_flash_bytes:,} of them the core's",
        "RAM": f"{board.ram_bytes:,} bytes, {board.core_ram_bytes:,} of them the core's, stack and heap included",
        "arduino-cli": board.fqbn or "no Arduino core",
        "from": board.source,
        "the core's": board.core_source or "not said",
        "light": f"{board.light} ({board.light_source})" if board.light else "not known here",
    }
    for name, text in facts.items():
        table.add_row(name, escape(text))
    Terminal(highlight=False).print(table)


def print_edge_tpu(row: EdgeTPURow, *, json: bool) -> None:
    """Print what would become of each operator as a table, or as JSON."""
    if json:
        print(row.model_dump_json(indent=1, ensure_ascii=True))
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("operator", "output", "runs on", "why"):
        table.add_column(name, overflow="fold")
    for operator in row.operators:
        place = "[green]Edge TPU[/]" if operator.maps else "[yellow]CPU[/]"
        table.add_row(escape(operator.operator), escape(operator.name), place, escape(operator.reason))
    console = Terminal(highlight=False)
    console.print(table)
    console.print(f"{row.mapped} of {len(row.operators)} operators would map to an Edge TPU; {escape(row.compiler)}.")


def print_diagnosis(rows: list[Diagnosis]) -> bool:
    """Print what is installed; return whether all that is needed is there."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("", "what", "found", "what to do"):
        table.add_column(name)
    marks = {"ok": "[green]✓[/]", "missing": "[red]✗[/]", "optional": "[dim]–[/]", "note": "[yellow]![/]"}
    for row in rows:
        table.add_row(marks[row.state], *map(escape, (row.what, row.found, row.remedy)))
    Terminal(highlight=False).print(table)
    return all(row.state != "missing" for row in rows)
