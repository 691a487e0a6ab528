"""Two builds side by side: what changed from report A to report B."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgeforge.report.schema import Report, VariantRow


def comparison_table(a: Report, b: Report) -> RenderableType:
    """Return variants with the change of each figure, then what differs in recipe and toolchain.

    Reports hold no single images, so accuracies are compared by their 95 % intervals: a tie when these overlap.
    """
    table = Table(box=None, padding=(0, 1), title=f"{a.recipe} → {b.recipe}", title_justify="left")
    table.add_column("variant", no_wrap=True)
    for name in ("top-1 %", "", "size KB", "p50 ms", "arena"):
        table.add_column(name, justify="right", no_wrap=True)
    rows_a, rows_b = ({row.name: row for row in report.variants} for report in (a, b))
    for name in dict.fromkeys([*rows_a, *rows_b]):
        left, right = rows_a.get(name), rows_b.get(name)
        if left is None or right is None:
            table.add_row(name, "only in " + ("A" if left else "B"))
        elif left.metrics is None or right.metrics is None:
            table.add_row(name, f"{left.status} → {right.status}")
        else:
            table.add_row(*_changes(left, right))
    differences = [*_recipe_differences(a, b), *_toolchain_differences(a, b)]
    lines = [Text(line, style="dim") for line in differences] or [Text("Same recipe, same toolchain.", style="dim")]
    return Group(table, *lines)


def accuracy_verdict(left: VariantRow, right: VariantRow) -> str:
    """Return `tie`, `better` or `worse` of the right accuracy."""
    assert left.metrics and right.metrics
    if right.metrics.top1_low > left.metrics.top1_high:
        return "better"
    return "worse" if right.metrics.top1_high < left.metrics.top1_low else "tie"


def _changes(left: VariantRow, right: VariantRow) -> list[str]:
    assert left.metrics and right.metrics
    verdict = accuracy_verdict(left, right)
    style = {"better": "[green]", "worse": "[red]"}.get(verdict, "[dim]")
    p50 = (
        left.latency_ms.p50 if left.latency_ms else None,
        right.latency_ms.p50 if right.latency_ms else None,
    )
    return [
        right.name,
        f"{100 * left.metrics.top1:.2f} → {100 * right.metrics.top1:.2f}",
        f"{style}{verdict}[/]",
        _change(left.size_bytes, right.size_bytes, 1024, 1),
        _change(*p50, 1, 3),
        _change(left.arena_bytes, right.arena_bytes, 1, 0),
    ]


def _change(left: float | None, right: float | None, unit: float, digits: int) -> str:
    if left is None or right is None:
        return "–"
    if left == right:
        return f"{left / unit:,.{digits}f}"
    return f"{left / unit:,.{digits}f} → {right / unit:,.{digits}f}"


def _recipe_differences(a: Report, b: Report) -> list[str]:
    from difflib import unified_diff

    lines = unified_diff(a.recipe_yaml.splitlines(), b.recipe_yaml.splitlines(), lineterm="", n=0)
    return [f"recipe {line}" for line in lines if line[0] in "+-" and not line.startswith(("+++", "---"))]


def _toolchain_differences(a: Report, b: Report) -> list[str]:
    names = sorted(a.toolchain.keys() | b.toolchain.keys())
    pairs = ((name, a.toolchain.get(name, "–"), b.toolchain.get(name, "–")) for name in names)
    return [f"toolchain {name}: {left} → {right}" for name, left, right in pairs if left != right]
