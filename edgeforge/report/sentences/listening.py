"""What a network of sound detects on a continuous recording, in a sentence."""

from __future__ import annotations

from edgeforge.results.rows.sound.listening import ListeningRow


def listening_line(row: ListeningRow | None) -> str:
    """Return the sentence; empty where nothing was listened to."""
    if row is None:
        return ""
    test = row.test
    return (
        f"on {test.minutes:.0f} minutes of continuous test clips, {test.detected} of {test.words} words are detected "
        f"({test.detection:.1%}), with {test.false_alarms_per_hour:.1f} false alarms an hour"
    )
