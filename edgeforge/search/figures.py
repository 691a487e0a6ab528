"""What a search compares networks by: accuracy on the validation images, and what the model takes on its board."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from edgeforge.recipe.sections.search import ACCURACY, Search, higher_is_better, of_head
from edgeforge.results.files import PACKED_FILE, SCORE_FILE
from edgeforge.results.rows.fit import FitRow
from edgeforge.targets.fit.stage import read_fit
from edgeforge.tflite.figures.costs import macs, stored_bytes
from edgeforge.tflite.graph import Graph

TITLES = {
    "top1": "accuracy", "balanced": "balanced accuracy", "iou": "mean IoU",
    "drop": "drop by int8 (points)", "rmse": "RMSE",
    "flash_bytes": "flash (bytes)", "ram_bytes": "RAM (bytes)", "arena_bytes": "arena (bytes)",
    "model_bytes": "model file (bytes)", "weights_bytes": "weights (bytes)", "macs": "multiply-accumulates",
    "milliseconds": "time (ms, estimated)",
}  # fmt: skip
WORST = {"top1": 0.0, "balanced": 0.0, "iou": 0.0, "drop": 100.0, "rmse": 1e12}  # of what was not trained


def title(figure: str) -> str:
    """Return a figure as a page's column says it."""
    head, name = of_head(figure)
    return f"{head}: {TITLES[name]}" if head else TITLES[name]


@dataclass(frozen=True)
class Over:
    """A limit that a network is over: the figure, the limit and what it is."""

    figure: str
    limit: float
    found: float

    @property
    def by(self) -> float:
        """How far, as a share of the limit."""
        return abs(self.found - self.limit) / max(abs(self.limit), 1e-9)

    def __str__(self) -> str:
        found, limit = (shown(self.figure, value) for value in (self.found, self.limit))
        return f"{title(self.figure)} {found}, limit {limit}"


def sizes(folder: Path, board: str) -> tuple[dict[str, float], FitRow | None]:
    """Return what a model takes on a board, of an artifact of `trial-fit` or `fit`; nothing where none was made."""
    row = read_fit(folder).get(board)
    if row is None:
        return {}, None
    graph = Graph((folder / PACKED_FILE).read_bytes())
    found: dict[str, float] = {
        "flash_bytes": row.flash.total,
        "ram_bytes": row.memory.ram_bytes,
        "arena_bytes": row.arena.needed_bytes,
        "model_bytes": row.flash.model_bytes,
        "weights_bytes": sum(stored_bytes(graph, place) for place in range(len(graph.tensors))),
        "macs": macs(graph),
    }
    if row.time and row.time.milliseconds is not None:
        found["milliseconds"] = row.time.milliseconds
    return found, row


def scores(folder: Path) -> dict[str, float]:
    """Return what the stage `trial-score` has found."""
    found: dict[str, float] = json.loads((folder / SCORE_FILE).read_text())
    return found


def over(figures: dict[str, float], limits: dict[str, float]) -> list[Over]:
    """Return the limits that figures are over, those alone which are known."""
    return [
        Over(name, limit, figures[name])
        for name, limit in limits.items()
        if name in figures and (figures[name] < limit if higher_is_better(name) else figures[name] > limit)
    ]


def board_over(row: FitRow) -> list[Over]:
    """Return the board's own limits that a model is over."""
    memory = row.memory
    found = [
        Over("ram_bytes", memory.ram_limit_bytes, memory.ram_bytes),
        Over("flash_bytes", memory.flash_limit_bytes, memory.flash_bytes),
    ]
    return [one for one in found if one.found > one.limit]


def values(search: Search, figures: dict[str, float]) -> list[float]:
    """Return what Optuna is told, in the order of `search.figures`."""
    return [figures.get(name, WORST.get(of_head(name)[1], 1e12)) for name in search.figures]


def shown(figure: str, value: float) -> str:
    """Return a figure as a person reads it."""
    if higher_is_better(figure):
        return f"{100 * value:.2f} %"
    return f"{value:.3g}" if of_head(figure)[1] in (*ACCURACY, "milliseconds") else f"{value:,.0f}"
