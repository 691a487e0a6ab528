"""The page's plots of each head: confusion of classes, predicted against true of values."""

from __future__ import annotations

from edgeforge.report.plots.figures import confusion_plot, scatter_plot
from edgeforge.results.rows.report import HeadRow, Report, VariantRow


def confusion_plots(report: Report, row: VariantRow) -> dict[str, str]:
    """Return a confusion matrix of every head of classes, by what stands above it."""
    assert row.metrics
    heads = {head.name: head for head in report.heads or [HeadRow(name=row.metrics.head, classes=report.classes)]}
    several = len(heads) > 1
    return {
        (name := f"{row.name}, {metrics.head}" if several else row.name): confusion_plot(
            name, metrics.confusion, heads[metrics.head].classes
        )
        for metrics in (row.metrics, *row.metrics.others)
        if metrics.confusion
    }


def scatter_plots(row: VariantRow) -> dict[str, str]:
    """Return predicted against true values of every head that is one, on each test set."""
    assert row.metrics
    sets = {"": row.metrics} | {f" on {name}": metrics for name, metrics in row.metrics.further.items()}
    sets |= {"": row.metrics} | {f", {metrics.head}": metrics for metrics in row.metrics.others}
    return {
        f"{row.name}{name}": scatter_plot(f"{row.name}{name}", metrics)
        for name, metrics in sets.items()
        if metrics.truth
    }
