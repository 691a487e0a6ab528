"""What a network of sound detects on continuous recordings."""

from __future__ import annotations

from edgeforge.results.rows.row import Row


class HeardRow(Row):
    """One recording: how many words it has, how many were detected, and detections of what was not said."""

    minutes: float
    words: int
    detected: int
    false_alarms: int

    @property
    def detection(self) -> float:
        """The share of the words that was detected."""
        return self.detected / self.words if self.words else 0.0

    @property
    def false_alarms_per_hour(self) -> float:
        """Detections of what was not said, an hour."""
        return 60 * self.false_alarms / self.minutes


class ListeningRow(Row):
    """Smoothing and thresholds (a mean score in 255 from which a class is reported), chosen on validation."""

    every_ms: float
    smoothed: int  # inferences
    pause: int  # inferences
    thresholds: dict[str, int]
    wanted: float  # share of the words, on validation
    validation: HeardRow
    test: HeardRow
