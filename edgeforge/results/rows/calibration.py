"""What the lint of data finds, and the report's row on the representative dataset."""

from __future__ import annotations

from typing import Literal

from edgeforge.results.rows.row import Row


class Finding(Row):
    """Something a person should look at, and what to do."""

    severity: Literal["note", "warning", "error"]
    what: str
    remedy: str


class CalibrationRow(Row):
    """The representative dataset: how many images of each class, and what its lint found."""

    samples: int
    per_class: dict[str, int]
    source: str
    minimum: float
    maximum: float
    findings: list[Finding] = []
