"""Runs on real boards, as lines of the terminal and of the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgeforge.results.rows.board_run import BoardRun

if TYPE_CHECKING:
    from rich.console import Console


def print_run(run: BoardRun, console: Console) -> None:
    """Print what a board answered."""
    from rich.markup import escape

    color = "green" if run.passed else "red"
    console.print(f"[bold]{escape(run.name)}[/] on {escape(run.port)}, {escape(run.library)}")
    for name, text in run_lines(run):
        shown = f"[{color}]{escape(text)}[/]" if name == "answers" else escape(text)
        console.print(f"  {name:<10} {shown}")
    for entry in run.mismatches:
        told = "" if entry.desk == entry.board else f"; desk: {entry.desk}, board: {entry.board}"
        console.print(f"    input {entry.index}: {entry.steps} step{'s' * (entry.steps != 1)} off{escape(told)}")


def run_lines(run: BoardRun) -> list[tuple[str, str]]:
    """Return what a run found, as name and text: for the terminal and for the page."""
    sent = f"{run.images} of {run.of} {'raw inputs' if run.raw else 'input tensors'}"
    allowed = f"{run.tolerance_steps} step{'s' * (run.tolerance_steps != 1)}"
    answers = f"{run.identical} of {run.images} have the desk's very bytes"
    if run.identical < run.images:
        answers += f"; largest difference {run.max_steps} step{'s' * (run.max_steps != 1)}, allowed {allowed}"
        answers += f", {run.beyond} beyond it" if run.beyond else ""
    lines = [("sent", f"{sent}, model CRC {run.model_crc32}"), ("self-test", run.self_test), ("answers", answers)]
    if run.detections:
        lines.append(("detected", run.detections.sentence))
    for head in run.heads:
        if head.kind == "reconstruction":
            text = f"{head.name}: {head.board:.4g} in the mean on the board, {head.desk:.4g} on the desk"
        elif head.kind == "map":
            shares = f"{100 * head.board:.2f} % on the board, {100 * head.desk:.2f} % on the desk"
            text = f"{head.name}: mean IoU {shares}"
        elif head.kind == "value" or (head.unit and not head.kind):
            text = f"{head.name}: mean error {head.board:.4g} {head.unit} on the board, {head.desk:.4g} on the desk"
        else:
            text = f"{100 * head.board:.2f} % right on the board, {100 * head.desk:.2f} % on the desk ({head.name})"
        lines.append(("accuracy", text))
    lines.append(("latency", f"p50 {run.p50_ms:.2f} ms, p99 {run.p99_ms:.2f} ms on the board"))
    if run.estimate:
        lines.append(("estimate", f"{run.board}: {run.estimate.sentence}"))
    lines.append(("line", f"{run.images / run.seconds:.1f} inputs a second, {run.retries} sent again"))
    lines.append(("arena", f"{run.arena_used_bytes:,} of {run.arena_bytes:,} bytes used"))
    return lines
