"""Where the ready models, recipes and firmware templates are: in the checkout, or inside the wheel."""

from __future__ import annotations

from pathlib import Path

DISTRIBUTION = "edgeforge-toolchain"  # what pip calls the wheel: on PyPI `edgeforge` is another tool
PACKAGE = Path(__file__).parent


def bundled(folder: str, package: Path = PACKAGE) -> Path:
    """Return the path of `models`, `recipes` or a folder of `firmware`, wherever EdgeForge is installed.

    Who calls this is known by the files there (see source_code.py): name the folder in the call, as a plain string.
    """
    in_wheel = package / "_bundled" / folder
    return in_wheel if in_wheel.is_dir() else package.parent / folder
