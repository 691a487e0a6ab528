"""Every message in the source, as tests/snapshots/messages.txt shows it to a review."""

from __future__ import annotations

from messages import catalogue
from snapshots import require_same


def test_every_message_is_as_it_was_reviewed() -> None:
    require_same("messages.txt", catalogue())
