"""What the page's sections on parity show, made from the report's rows."""

from __future__ import annotations

from typing import Any

from edgeforge.evaluate.parity.layer_evidence import costliest
from edgeforge.report.parity.table import GOOD_DB, POOR_DB, runtime_names, runtimes_note
from edgeforge.results.rows.calibration import Finding
from edgeforge.results.rows.parity import ParityRow


def parity_view(parity: ParityRow | None) -> dict[str, Any]:
    """Return the values that templates/parity.html.j2 needs beside the rows."""
    if parity is None:
        return {}
    worst = costliest(parity.layers)
    return {
        "lead": lead(parity),
        "costliest": worst,
        "measured": [row for row in parity.layers if row.own],
        "unmatched": [row for row in parity.layers if row.reason],
        "runtimes": runtime_names(parity.runtimes),
        "pairs": {(pair.a, pair.b): pair for pair in parity.runtimes},
        "note": runtimes_note(parity) if parity.runtimes else "",
    }


def lead(parity: ParityRow) -> str:
    """Return how good the int8 model's outputs are, and which layers that is due to, in a sentence or two."""
    if parity.output_sqnr_db is None:
        return "The int8 model's outputs are equal to the float model's."
    text = f"{parity.model or 'The int8 model'}: its outputs keep {parity.output_sqnr_db:.1f} dB of the float model's."
    worst = costliest(parity.layers)
    if worst:
        share = sum(row.cost or 0.0 for row in worst)
        names = ", ".join(row.module or row.name for row in worst)
        text += f" {100 * share:.0f} % of their error is due to {len(worst)} of {_count(parity)} layers: {names}."
    return text


def parity_findings(parity: ParityRow) -> list[Finding]:
    """Return a warning when the int8 model leaves the float one far, with the layer that costs most."""
    worst = costliest(parity.layers)
    if parity.output_sqnr_db is None or parity.output_sqnr_db >= POOR_DB or not worst:
        return []
    first = worst[0]
    what = (
        f"{parity.model}: its outputs keep only {parity.output_sqnr_db:.1f} dB; {100 * (first.cost or 0.0):.0f} % "
        f"of the error comes of {first.name}"
    )
    advice = first.advice[0] if first.advice else None
    return [
        Finding(
            severity="warning",
            what=f"{what}: {advice.what}" if advice else what,
            remedy=advice.remedy if advice else "see Layer by layer",
        )
    ]


def grade(own_db: float | None) -> str:
    """Return the style of an SQNR: poor, fair or none."""
    if own_db is None or own_db >= GOOD_DB:
        return ""
    return "poor" if own_db < POOR_DB else "fair"


def _count(parity: ParityRow) -> int:
    return sum(row.own is not None for row in parity.layers)
