"""How the primary head is shown in tables and plots: accuracy or mean IoU in percent, or RMSE in the value's unit."""

from __future__ import annotations

from dataclasses import dataclass

from edgeforge.results.rows.report import Drop, HeadMetrics, Report


@dataclass(frozen=True)
class Score:
    """A figure with its 95 % interval, as shown: `value` in percent, or in the value's unit."""

    value: float
    low: float
    high: float
    digits: int
    suffix: str  # " %", or " cycles"

    @property
    def text(self) -> str:
        """The figure without its unit."""
        return f"{self.value:,.{self.digits}f}"

    @property
    def interval(self) -> str:
        """Its 95 % interval."""
        return f"{self.low:,.{self.digits}f}–{self.high:,.{self.digits}f}"

    @property
    def full(self) -> str:
        """The figure with its unit."""
        return f"{self.text}{self.suffix}"


def score(metrics: HeadMetrics) -> Score:
    """Return what is shown of a head."""
    if metrics.rmse is not None:
        digits = digits_of(metrics.rmse)
        low, high = metrics.rmse_low or 0.0, metrics.rmse_high or 0.0
        return Score(metrics.rmse, low, high, digits, f" {metrics.unit}" if metrics.unit else "")
    if metrics.iou is not None:
        value, low, high = (100 * (share or 0.0) for share in (metrics.iou, metrics.iou_low, metrics.iou_high))
        return Score(value, low, high, digits=2, suffix=" %")
    value, low, high = (100 * (share or 0.0) for share in (metrics.top1, metrics.top1_low, metrics.top1_high))
    return Score(value, low, high, digits=2, suffix=" %")


def digits_of(value: float) -> int:
    """Return how many decimals a figure in a unit needs for three or four digits in all."""
    return next((digits for digits, limit in enumerate((100, 10, 1)) if abs(value) >= limit), 3) + (abs(value) < 1000)


def heading(report: Report, *, unit: bool = True) -> str:
    """Return the heading of the primary head's figures."""
    head = report.heads[0] if report.heads else None
    if is_map(report):
        return "mean IoU %" if unit else "mean IoU"
    if head is None or head.classes:
        return "top-1 %" if unit else "top-1"
    return f"RMSE {head.unit}".strip() if unit else "RMSE"


def is_value(report: Report) -> bool:
    """Say whether the primary head is a value."""
    return bool(report.heads) and not report.heads[0].classes


def is_map(report: Report) -> bool:
    """Say whether the primary head is a class for each pixel."""
    return bool(report.heads) and report.heads[0].kind == "map"


def drop_words(drop: Drop) -> str:
    """Return what a variant lost or gained, with its sign: -0.50 points, or +3.2 cycles of RMSE."""
    if drop.rmse is None:
        return f"{0.0 - drop.points:+.2f}"
    return f"{drop.rmse:+,.{digits_of(drop.rmse)}f} {drop.unit}".strip()
