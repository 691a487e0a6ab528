"""The report as tables in the terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edgeforge.report.maps import maps_table
from edgeforge.report.score import drop_words, heading, is_map, is_value, score
from edgeforge.report.sentences.board_runs import print_run
from edgeforge.report.sentences.edge_tpu import edge_tpu_lines
from edgeforge.report.sentences.emulated import engine_lines
from edgeforge.report.sentences.listening import listening_line
from edgeforge.report.sentences.pruning import pruning_lines
from edgeforge.report.sentences.raspberry_pi import devices_table
from edgeforge.report.sentences.travelled import mixed_line, travelled_lines
from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.report import RUNTIMES, Drop, HeadMetrics, Latency, Report, TargetRow, VariantRow
from edgeforge.results.variant import TFLM_INT8

STYLES = {"worse": "red", "better": "green", "tie": "", "reference": "dim"}
# Columns in the order shown; a narrow terminal loses those with the highest number first.
COLUMNS = {
    "variant": 0, "score": 0, "95 %": 3, "drop": 0, "size KB": 0, "p50 ms": 1, "p99 ms": 2, "speed": 4,
    "agree %": 5, "SQNR dB": 7, "arena": 6,
}  # fmt: skip


def print_report(report: Report, console: Console) -> None:
    """Print errors, variants, boards, what else the recipe asked for, and warnings."""
    for finding in report.findings:
        if finding.severity == "error":
            console.print(finding_line(finding))
    console.print(variants_table(report, console))
    console.print(_legend(report), style="dim", markup=False)
    if heads := heads_table(report, console):
        console.print(heads)
    if report.targets:
        console.print(boards_table(report))
    parts = {
        "Pruning": pruning_lines(report.pruning) if report.pruning else [],
        "Ranges carried into TFLite": travelled_lines(report),
        "Mixed precision": [mixed_line(report.mixed)] if report.mixed else [],
        "Standalone engine": engine_lines(report.engine) if report.engine else [],
        "Heard in use": [listening_line(report.listening)] if report.listening else [],
        "Edge TPU": edge_tpu_lines(report.edge_tpu) if report.edge_tpu else [],
    }
    for title, lines in parts.items():
        if lines:
            console.print(title, style="italic")
        for line in lines:
            console.print(f"  {line}", highlight=False, markup=False)
    for run in report.board_runs:
        print_run(run, console)
    if report.raspberry_pi:
        console.print(devices_table(report.raspberry_pi.devices))
    for finding in report.findings:
        if finding.severity != "error":
            console.print(finding_line(finding))


def variants_table(report: Report, console: Console) -> RenderableType:
    """Return one row a variant, grouped by runtime, with as many columns as the console is wide.

    A variant that failed is a row, with its reason below the table.
    """
    for last in range(max(COLUMNS.values()), -1, -1):
        names = [name for name, number in COLUMNS.items() if number <= last]
        table = _variants(report, names)
        if console.measure(table, options=console.options.update(width=10_000)).maximum <= console.width:
            break
    failed = [row for row in report.variants if row.status == "failed"]
    return Group(table, *(Text(f"{row.name}: {row.reason}", style="red") for row in failed))


def _variants(report: Report, names: list[str]) -> Table:
    table = Table(box=None, padding=(0, 1), title=escape(f"{report.recipe}: every variant"), title_justify="left")
    for name in names:
        shown = escape(heading(report)) if name == "score" else name
        table.add_column(shown, justify="left" if name == "variant" else "right", no_wrap=True)
    for runtime, title in RUNTIMES.items():
        rows = [row for row in report.variants if row.runtime == runtime]
        if rows:
            table.add_row(Text(title, style="bold"))
        for row in rows:
            if row.status == "failed":
                table.add_row(f"  [red]{escape(row.name)}[/]", "[red]failed[/]")
            else:
                cells = _cells(row, report.split["test"])
                table.add_row(*(cells[name] for name in names))
    return table


def _cells(row: VariantRow, images: int) -> dict[str, str]:
    """Return the text of each column of a variant that was measured."""
    metrics, latency, agreement = row.metrics, row.latency_ms, row.agreement
    assert metrics
    shown = score(metrics)
    return {
        "variant": f"  {escape(row.name)}",
        "score": f"{escape(shown.text)}{'' if metrics.images == images else '*'}",
        "95 %": shown.interval,
        "drop": drop_text(row.drop),
        "size KB": f"{row.size_bytes / 1024:.1f}" if row.size_bytes else "–",
        "p50 ms": f"{latency.p50:.3f}" if latency else "–",
        "p99 ms": f"{latency.p99:.3f}" if latency else "–",
        "speed": speed_text(latency),
        "agree %": f"{100 * agreement.top1:.2f}" if agreement and agreement.top1 is not None else "–",
        "SQNR dB": f"{agreement.sqnr_db:.1f}" if agreement and agreement.sqnr_db is not None else "–",
        "arena": f"{row.arena_bytes:,}" if row.arena_bytes is not None else "–",
    }


MORE = ("AUROC", "AUPRC", "R²")  # of yes or no, and of values


def heads_table(report: Report, console: Console) -> Table | None:
    """Return one row a variant and head, and a further test set; None where there is one head of classes alone."""
    if is_map(report):
        return maps_table(report, console.width)
    shown = (report.reference, report.shipped, TFLM_INT8)  # the page has them all
    rows = [row for row in report.variants if row.metrics and row.name in shown]
    judged = any(row.metrics.auroc is not None for row in rows if row.metrics)
    if len(report.heads) < 2 and not is_value(report) and not judged:
        return None
    title = ": ".join(filter(None, ("Heads", threshold_words(report))))
    table = Table(box=None, padding=(0, 1), title=escape(title), title_justify="left")
    names = (
        "variant",
        "head",
        "figure",
        "95 %",
        "balanced",
        "precision",
        "recall",
        "mean",
        "largest",
        "AUROC",
        "AUPRC",
        "R²",
    )
    kept = [place for place in range(len(names)) if place < 4 or console.width >= 110]
    for place in kept:
        table.add_column(names[place], justify="left" if place < 2 else "right", no_wrap=True)
    for row in rows:
        for number, (name, metrics) in enumerate(head_rows(row)):
            cells = [f"  {row.name}" if number == 0 else "", name, *head_cells(metrics)]
            table.add_row(*(escape(cells[place]) for place in kept))
    return table


def threshold_words(report: Report) -> str:
    """Say from which output on the primary head says yes; empty for others."""
    metrics = next((row.metrics for row in report.variants if row.metrics), None)
    if metrics is None or metrics.threshold is None or not report.heads:
        return ""
    head = report.heads[0]
    by = "an error" if head.kind == "reconstruction" else "a probability"
    return f"'{head.classes[1]}' from {by} of {metrics.threshold:.3g} on"


def head_rows(row: VariantRow) -> list[tuple[str, HeadMetrics]]:
    """Return a variant's heads by name, the primary one's further test sets after it."""
    assert row.metrics
    first = row.metrics
    further = [(f"{first.head} on {name}", metrics) for name, metrics in first.further.items()]
    return [(first.head, first), *further, *((other.head, other) for other in first.others)]


def head_cells(metrics: HeadMetrics) -> list[str]:
    """Return the figures of a head as text."""
    shown = score(metrics)
    shares = (metrics.balanced, metrics.precision_macro, metrics.recall_macro)
    if metrics.threshold is not None:
        shares = (metrics.balanced, metrics.precision, metrics.recall)
    errors = (metrics.mae, metrics.largest)
    return [
        shown.full,
        shown.interval,
        *("–" if share is None else f"{100 * share:.2f}" for share in shares),
        *("–" if error is None else f"{error:,.{shown.digits}f}" for error in errors),
        *("–" if share is None else f"{share:.4f}" for share in (metrics.auroc, metrics.auprc, metrics.r2)),
    ]


def speed_text(latency: Latency | None) -> str:
    """Return how many times faster than the reference, `tie` when chance explains the difference."""
    if latency is None or not latency.ratio:
        return "–"
    return "tie" if latency.verdict == "tie" else f"{1 / latency.ratio:.2f}×"


def drop_text(drop: Drop | None) -> str:
    """Return the verdict on an accuracy drop: a tie, or the points with their sign."""
    if drop is None or drop.verdict == "reference":
        return "[dim]reference[/]"
    if drop.verdict == "tie":
        return "tie"
    style = STYLES[drop.verdict]
    return f"[{style}]{drop_words(drop)} {drop.verdict}[/]"


def _legend(report: Report) -> str:
    first = next((row for row in report.variants if row.latency_ms), None)
    timing = ""
    if first and first.latency_ms:
        latency = first.latency_ms
        threads = f"{latency.threads} thread{'s' if latency.threads > 1 else ''}"
        timing = f" Latency: one input, {threads}, {latency.runs} runs in turn, after warm-up."
    parts = [row for row in report.variants if row.metrics and row.metrics.images != report.split["test"]]
    subset = "".join(f" *{row.name}: {row.metrics.images:,} of them, evenly spaced." for row in parts if row.metrics)
    what, judged = "Accuracy", "McNemar's test"
    if is_map(report):
        what, judged = "Mean IoU of all pixels", "paired bootstrap"
    if is_value(report):
        what, judged = f"RMSE of '{report.heads[0].name}'", "paired bootstrap"
    images = report.split["test"]
    build = f" Build {report.build}, {report.finished}." if report.build else ""
    return f"{what} on all {images:,} test inputs.{subset} Drop judged by {judged} on the same inputs.{timing}{build}"


def boards_table(report: Report) -> Table:
    """Return one row a board: flash, RAM, whether the model fits, and whether the library takes it."""
    table = Table(box=None, padding=(0, 1), title="Boards", title_justify="left")
    for name in ("board", "verdict", "arena", "RAM", "of", "flash", "of", "~ms"):
        table.add_column(name, justify="left" if name in ("board", "verdict") else "right")
    for row in report.targets:
        table.add_row(escape(row.title), _verdict(row), _kilobytes(row.arena_bytes), _kilobytes(row.ram_bytes),
                      _kilobytes(row.ram_limit_bytes), _kilobytes(row.flash_bytes),
                      _kilobytes(row.flash_limit_bytes), time_text(row))  # fmt: skip
    return table


def time_text(row: TargetRow) -> str:
    """Return the milliseconds that an inference may take on a board, a dash where there is no estimate."""
    return row.fit.time.short.lstrip("~") if row.fit and row.fit.time else "–"


def _verdict(row: TargetRow) -> str:
    if row.fits is None:
        return f"[yellow]unknown[/]: {escape(row.reason)}"
    fits = "[green]fits[/]" if row.fits else "[red]does not fit[/]"
    return fits if row.library_takes_it is not False else f"{fits}, [red]its library does not take it[/]"


def _kilobytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 1024:,.1f} KB"


def finding_line(finding: Finding) -> Text:
    """Return an error, a warning or a note as one line."""
    style = {"error": "red", "warning": "yellow", "note": "dim"}[finding.severity]
    line = Text.assemble(("! " if finding.severity != "note" else "  ", style), finding.what)
    if finding.remedy:
        line.append(f" → {finding.remedy}", style="dim")
    return line
