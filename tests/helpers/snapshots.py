"""Text that a person sees, kept under tests/snapshots/ so that a review of a change reads what they will read."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"


def require_same(name: str, text: str) -> None:
    """Fail with a diff when a snapshot differs from `text`; with UPDATE_SNAPSHOTS=1 in the environment, write it."""
    path = SNAPSHOTS / name
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return
    kept = path.read_text() if path.exists() else ""
    diff = "\n".join(difflib.unified_diff(kept.splitlines(), text.splitlines(), "as reviewed", "as it is", lineterm=""))
    assert not diff, f"{path.name} has changed. Read it as a person would, then accept it: make snapshots\n{diff}"
