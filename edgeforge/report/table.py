"""The report as tables in the terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edgeforge.report.schema import RUNTIMES, Drop, Finding, Report, TargetRow, VariantRow

STYLES = {"worse": "red", "better": "green", "tie": "", "reference": "dim"}
WIDE = 112  # columns from which the less important figures are shown too


def print_report(report: Report, console: Console) -> None:
    """Print variants, boards and findings."""
    console.print(variants_table(report, wide=console.width >= WIDE))
    console.print(_legend(report), style="dim")
    if report.targets:
        console.print(boards_table(report))
    for finding in report.findings:
        console.print(finding_line(finding))


def variants_table(report: Report, *, wide: bool) -> RenderableType:
    """Return one row a variant, grouped by runtime; a variant that failed is a row with its reason."""
    table = Table(box=None, padding=(0, 1), title=f"{report.recipe}: every variant", title_justify="left")
    table.add_column("variant", no_wrap=True)
    for name in ("top-1 %", "drop", "size KB", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    if wide:
        for name in ("95 %", "speed", "agree %", "SQNR dB"):
            table.add_column(name, justify="right", no_wrap=True)
    columns = len(table.columns)
    failed = []
    for runtime, title in RUNTIMES.items():
        rows = [row for row in report.variants if row.runtime == runtime]
        if rows:
            table.add_row(Text(title, style="bold"), *[""] * (columns - 1))
        for row in rows:
            if row.status == "failed":
                failed.append(row)
                table.add_row(f"  [red]{row.name}[/]", "[red]failed[/]", *[""] * (columns - 2))
            else:
                table.add_row(*_cells(row, report.split["test"], wide=wide))
    reasons = [Text(f"{row.name}: {row.reason}", style="red") for row in failed]
    return Group(table, *reasons)


def _cells(row: VariantRow, images: int, *, wide: bool) -> list[str]:
    metrics, latency, agreement = row.metrics, row.latency_ms, row.agreement
    assert metrics
    cells = [
        f"  {row.name}",
        f"{100 * metrics.top1:.2f}{'' if metrics.images == images else '*'}",
        drop_text(row.drop),
        f"{row.size_bytes / 1024:.1f}" if row.size_bytes else "–",
        f"{latency.p50:.3f}" if latency else "–",
        f"{latency.p99:.3f}" if latency else "–",
    ]
    if wide:
        cells += [
            f"{100 * metrics.top1_low:.2f}–{100 * metrics.top1_high:.2f}",
            f"{1 / latency.ratio:.2f}×" if latency and latency.ratio else "–",
            f"{100 * agreement.top1:.2f}" if agreement else "–",
            f"{agreement.sqnr_db:.1f}" if agreement and agreement.sqnr_db is not None else "–",
        ]
    return cells


def drop_text(drop: Drop | None) -> str:
    """Return the verdict on an accuracy drop: a tie, or the points with their sign."""
    if drop is None or drop.verdict == "reference":
        return "[dim]reference[/]"
    if drop.verdict == "tie":
        return "tie"
    style = STYLES[drop.verdict]
    return f"[{style}]{-drop.points:+.2f} {drop.verdict}[/]"


def _legend(report: Report) -> str:
    first = next((row for row in report.variants if row.latency_ms), None)
    timing = ""
    if first and first.latency_ms:
        latency = first.latency_ms
        timing = f" Latency: one image, {latency.threads} thread(s), {latency.runs} runs in turn, after warm-up."
    parts = [row for row in report.variants if row.metrics and row.metrics.images != report.split["test"]]
    subset = "".join(f" *{row.name}: {row.metrics.images:,} of them, evenly spaced." for row in parts if row.metrics)
    return (
        f"Accuracy on all {report.split['test']:,} test images.{subset} Drop judged by McNemar's test on the same "
        f"images.{timing}"
    )


def boards_table(report: Report) -> Table:
    """Return one row a board: flash, RAM, and whether the model fits."""
    table = Table(box=None, padding=(0, 1), title="Boards", title_justify="left")
    for name in ("board", "verdict", "arena", "of RAM", "model", "of flash"):
        table.add_column(name, justify="left" if name in ("board", "verdict") else "right")
    for row in report.targets:
        table.add_row(row.title, _verdict(row), _kilobytes(row.ram_bytes), _kilobytes(row.ram_limit_bytes),
                      _kilobytes(row.flash_bytes), _kilobytes(row.flash_limit_bytes))  # fmt: skip
    return table


def _verdict(row: TargetRow) -> str:
    if row.fits is None:
        return f"[yellow]unknown[/]: {escape(row.reason)}"
    return "[green]fits[/]" if row.fits else "[red]does not fit[/]"


def _kilobytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 1024:,.1f} KB"


def finding_line(finding: Finding) -> Text:
    """Return a warning or error as one line."""
    style = "red" if finding.severity == "error" else "yellow"
    line = Text.assemble(("! ", style), finding.what)
    if finding.remedy:
        line.append(f" → {finding.remedy}", style="dim")
    return line
