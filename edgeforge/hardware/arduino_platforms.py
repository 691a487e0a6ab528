"""The platform versions that a project pins: `arduino_platforms.toml`, by fully qualified board name."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PinnedBoard:
    """A board as sketch.yaml and platformio.ini name it. What is empty is not known for this board."""

    profile: str  # the board's own part of its fqbn, where that has no options
    fqbn: str
    platform: str  # packager:architecture
    version: str
    index_url: str
    platformio_platform: str
    platformio_board: str


def pinned(fqbn: str) -> PinnedBoard:
    """Return what is pinned for packager:architecture:board[:options]; versions are empty for platforms not known.

    All is empty for a board without one. A profile's name tells boards apart that differ in their options alone.
    """
    packager, architecture, name = (*fqbn.split(":", 2), "", "")[:3]
    platform = f"{packager}:{architecture}"
    known = _platforms().get(platform, {})
    board: dict[str, str] = next((one for one in known.get("boards", []) if one["name"] == name), {})
    return PinnedBoard(
        board.get("profile") or re.sub(r"[^A-Za-z0-9]+", "_", name),
        fqbn,
        platform,
        known.get("version", ""),
        known.get("index_url", ""),
        board.get("platformio", ""),
        board.get("board", ""),
    )


@cache
def _platforms() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("arduino_platforms.toml").read_text())


@dataclass(frozen=True)
class InTheIDE:
    """What a person meets of a platform: its name in the Boards Manager, what the board's own lights say."""

    title: str
    lights: str = ""
    source: str = ""  # of what the lights say


def in_the_ide(platform: str) -> InTheIDE:
    """Return what is known of packager:architecture; for an unknown one its own name, and no lights."""
    known = _boards_manager().get(platform)
    return InTheIDE(**known) if known else InTheIDE(platform)


@cache
def _boards_manager() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("boards_manager.toml").read_text())
