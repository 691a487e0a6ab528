"""The command line: one thin function a verb. It prints; it never computes."""

from edgeforge.cli import boards, builds, devices, engine, inspect, models, reports, search
from edgeforge.cli.app import main

__all__ = ["boards", "builds", "devices", "engine", "inspect", "main", "models", "reports", "search"]
