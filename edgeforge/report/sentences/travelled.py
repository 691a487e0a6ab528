"""What the report says of ranges that came from elsewhere, and of the search for wide layers, in sentences."""

from __future__ import annotations

from edgeforge.evaluate.measure import GIVES_OUTPUTS_OF
from edgeforge.results.rows.mixed import MixedRow
from edgeforge.results.rows.report import Report


def travelled_lines(report: Report) -> list[str]:
    """Return a line a variant with ranges of PyTorch or an ONNX file: how its outputs compare with the source's."""
    return [
        f"{row.name} {check.name}: {check.detail}."
        for row in report.variants
        for check in row.checks
        if check.name.startswith(GIVES_OUTPUTS_OF)
    ]


def mixed_line(row: MixedRow) -> str:
    """Return what the search for wide layers has found, in one sentence."""
    if row.chosen is None:
        return f"No mix of precisions is within {row.max_drop} points of float32."
    if not row.chosen.wide:
        return f"int8 alone is within {row.max_drop} points of float32: no layer needs more."
    modules = {cost.layer: cost.module or cost.layer for cost in row.layers}
    kept = ", ".join(modules[layer] for layer in row.chosen.wide)
    return (
        f"{len(row.chosen.wide)} of {len(row.layers)} layers stay in {row.chosen.precision} ({kept}): "
        f"{row.chosen.bytes:,} bytes, {row.chosen.drop:.2f} points below float32 on {row.images:,} validation images."
    )
