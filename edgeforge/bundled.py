"""Where the ready models, recipes and firmware templates are: in the checkout, or inside the wheel."""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).parent


def bundled(folder: str) -> Path:
    """Return the path of `models`, `recipes` or `firmware`, wherever EdgeForge is installed."""
    in_wheel = PACKAGE / "_bundled" / folder
    return in_wheel if in_wheel.is_dir() else PACKAGE.parent / folder
