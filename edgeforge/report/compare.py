"""Two builds side by side: what changed from report A to report B."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgeforge.report.score import heading, score
from edgeforge.results.rows.report import Report, VariantRow

JUDGED_BY = (
    "Accuracies are judged by Fisher's exact test on the counts (tie: p ≥ 0.05): reports hold no single images, "
    "so a change that a paired test would see may pass as a tie."
)


def comparison_table(a: Report, b: Report) -> RenderableType:
    """Return variants with the change of each figure, then what differs in recipe, toolchain and machine."""
    table = Table(box=None, padding=(0, 1), title=f"{a.recipe} → {b.recipe}", title_justify="left")
    table.add_column("variant", no_wrap=True)
    for name in (heading(b), "", "size KB", "p50 ms", "arena bytes"):
        table.add_column(name, justify="right")
    rows_a, rows_b = ({row.name: row for row in report.variants} for report in (a, b))
    for name in dict.fromkeys([*rows_a, *rows_b]):
        left, right = rows_a.get(name), rows_b.get(name)
        if left is None or right is None:
            table.add_row(name, "only in " + ("A" if left else "B"))
        elif left.metrics is None or right.metrics is None:
            table.add_row(name, f"{left.status} → {right.status}")
        else:
            table.add_row(*_changes(left, right))
    differences = [*_recipe_differences(a, b), *_toolchain_differences(a, b), *_machine_differences(a, b)]
    lines = differences or ["Same recipe, same toolchain."]
    return Group(table, *(Text(line, style="dim") for line in [JUDGED_BY, *lines]))


def accuracy_verdict(left: VariantRow, right: VariantRow) -> str:
    """Return `tie`, `better` or `worse` of the right accuracy, or RMSE."""
    from edgeforge.evaluate.statistics import SIGNIFICANCE, unpaired_p_value

    was, now = left.metrics, right.metrics
    assert was and now
    if was.top1 is None or now.top1 is None:
        a, b = score(was), score(now)
        return "tie" if a.low <= b.high and b.low <= a.high else "better" if b.value < a.value else "worse"
    if unpaired_p_value(was.correct, was.images, now.correct, now.images) >= SIGNIFICANCE:
        return "tie"
    return "better" if now.top1 > was.top1 else "worse"


def _changes(left: VariantRow, right: VariantRow) -> list[str]:
    assert left.metrics and right.metrics
    verdict = accuracy_verdict(left, right)
    style = {"better": "[green]", "worse": "[red]"}.get(verdict, "[dim]")
    p50, new_p50 = (row.latency_ms.p50 if row.latency_ms else None for row in (left, right))
    return [
        right.name,
        f"{score(left.metrics).text} → {score(right.metrics).text}",
        f"{style}{verdict}[/]",
        _change(left.size_bytes, right.size_bytes, 1024, 1),
        _change(p50, new_p50, 1, 3),
        _change(left.arena_bytes, right.arena_bytes, 1, 0),
    ]


def _change(left: float | None, right: float | None, unit: float, digits: int) -> str:
    """Return `left → right (percent)`; one figure where both print the same, a dash where neither is known."""
    was, now = ("–" if value is None else f"{value / unit:,.{digits}f}" for value in (left, right))
    if was == now:
        return was
    percent = f" ({100 * (right / left - 1):+.1f} %)" if left and right else ""
    return f"{was} → {now}{percent}"


def _recipe_differences(a: Report, b: Report) -> list[str]:
    from difflib import unified_diff

    lines = unified_diff(a.recipe_yaml.splitlines(), b.recipe_yaml.splitlines(), lineterm="", n=0)
    return [f"recipe {line}" for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]


def _toolchain_differences(a: Report, b: Report) -> list[str]:
    names = sorted(a.toolchain.keys() | b.toolchain.keys())
    pairs = ((name, a.toolchain.get(name, "–"), b.toolchain.get(name, "–")) for name in names)
    return [f"toolchain {name}: {left} → {right}" for name, left, right in pairs if left != right]


def _machine_differences(a: Report, b: Report) -> list[str]:
    names = [name for name in ("cpu", "cores") if a.machine.get(name) != b.machine.get(name)]
    return [f"machine {name}: {a.machine.get(name)} → {b.machine.get(name)} (latency compares only on the same)"
            for name in names]  # fmt: skip
