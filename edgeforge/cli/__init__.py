"""The command line: one thin function a verb. It prints; it never computes."""

from edgeforge.cli import builds, devices, engine, models, reports
from edgeforge.cli.app import main

__all__ = ["builds", "devices", "engine", "main", "models", "reports"]
