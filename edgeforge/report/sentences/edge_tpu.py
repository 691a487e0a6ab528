"""What the report says of the Edge TPU."""

from __future__ import annotations

from edgeforge.results.rows.report import EdgeTPURow


def edge_tpu_lines(row: EdgeTPURow) -> list[str]:
    """Return what a reader must know, a sentence a line."""
    lines = [f"{row.mapped} of {len(row.operators)} operators would map to an Edge TPU."]
    left = [operator for operator in row.operators if not operator.maps]
    lines += [f"{operator.operator} ({operator.name}) on the CPU: {operator.reason}." for operator in left[:3]]
    if len(left) > 3:
        lines.append(f"{len(left) - 3} more on the CPU.")
    return [*lines, f"{row.compiler}."]
