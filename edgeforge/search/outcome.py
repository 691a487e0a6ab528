"""What a search has come to: its trials as rows, the front among them, what matters, and the time left."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgeforge.recipe.sections.search import higher_is_better
from edgeforge.results.files import HTML_FILE, JSON_FILE
from edgeforge.search.figures import shown
from edgeforge.search.study import SURPLUS, Study
from edgeforge.search.trial import CHANGES, FIGURES, REASON, SECONDS, TRAINED

State = Literal["done", "infeasible", "stopped early", "running", "waiting", "failed"]
LEAST = 4  # networks that say what matters


@dataclass(frozen=True)
class Row:
    """One trial. figures: those that are known. seconds: of its stages, by name. report: beside the page, or empty."""

    number: int
    state: State
    params: dict[str, Any]
    changes: tuple[str, ...]
    figures: dict[str, float]
    reason: str
    trained: bool
    seconds: dict[str, float]
    missed: dict[str, float]  # constraint → by what share
    wall: float | None  # seconds between its begin and its end
    front: bool = False
    report: str = ""


@dataclass(frozen=True)
class Outcome:
    """A search so far. left: seconds yet, an estimate."""

    name: str
    board: str
    asked: int
    figures: tuple[str, ...]  # searched for
    limits: dict[str, float]
    rows: list[Row] = field(default_factory=list)
    importances: dict[str, dict[str, float]] = field(default_factory=dict)  # figure → key → share
    left: float | None = None

    @property
    def front(self) -> list[Row]:
        """The networks that none other beats in everything, the best in the first figure first."""
        best = [row for row in self.rows if row.front]
        return sorted(best, key=lambda row: [cost(name, row.figures[name]) for name in self.figures])

    @property
    def ended(self) -> int:
        """How many trials have come to an end."""
        return sum(1 for row in self.rows if row.state in ("done", "infeasible", "stopped early"))

    @property
    def refused(self) -> list[Row]:
        """Those over a limit before any training."""
        return [row for row in self.rows if row.state == "infeasible" and not row.trained and row.figures]

    @property
    def saved(self) -> float:
        """Seconds of training that these would have taken, at the others' mean."""
        seconds = [row.seconds["train"] for row in self.rows if row.trained and "train" in row.seconds]
        return len(self.refused) * sum(seconds) / len(seconds) if seconds else 0.0

    def nearest_misses(self) -> list[str]:
        """Return a line for each limit that no trial met: by how much the nearest missed it."""
        lines = []
        for name, limit in self.limits.items():
            found = [(row.figures[name], row.number) for row in self.rows if name in row.figures]
            high = higher_is_better(name)
            if found and all(value < limit if high else value > limit for value, _ in found):
                value, number = max(found) if high else min(found)
                by = shown(name, abs(value - limit)).replace("%", "points")
                lines.append(
                    f"{name}: no network came to {shown(name, limit)}; the nearest, {number}, missed it by {by} "
                    f"({shown(name, value)})"
                )
        others = {row.reason for row in self.rows if row.state == "infeasible" and row.reason}
        return lines or [f"for instance: {reason}" for reason in sorted(others)[:3]]

    def json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1)


def look(study: Study, out: Path | None = None) -> Outcome:
    """Return what a study has come to. out: the folder of builds, for their reports."""
    trials = [one for one in study.trials() if not one.user_attrs.get(SURPLUS) and one.state.name != "FAIL"]
    with study.errors():
        rows = [_row(trial) for trial in trials]
    best = front(rows, study.search.figures)
    shown_rows = [
        Row(**vars(row) | {"front": row.number in best, "report": _report(study.name, row.number, out)}) for row in rows
    ]
    return Outcome(
        study.name,
        study.search.board or study.space.loaded.recipe.targets[0],
        study.space.trials,
        study.search.figures,
        {str(name): limit for name, limit in study.search.limits.items()},
        shown_rows,
        _importances(study, rows),
        _left(study.space.trials, rows),
    )


def front(rows: Sequence[Row], figures: Sequence[str]) -> set[int]:
    """Return the numbers of those that none other beats in one figure and equals in the rest.

    Of equal ones the first.
    """
    done = [row for row in rows if row.state == "done" and all(name in row.figures for name in figures)]
    points = {row.number: [cost(name, row.figures[name]) for name in figures] for row in done}

    def beaten(number: int, point: list[float]) -> bool:
        return any(
            all(a <= b for a, b in zip(rival, point, strict=True)) and (rival != point or other < number)
            for other, rival in points.items()
            if other != number
        )

    return {number for number, point in points.items() if not beaten(number, point)}


def cost(figure: str, value: float) -> float:
    """Return a figure of which less is better."""
    return -value if higher_is_better(figure) else value


def _row(trial: Any) -> Row:
    from optuna.trial import TrialState

    constraints = {name: value for name, value in trial.constraints.items() if value > 0}
    names: dict[Any, State] = {
        TrialState.COMPLETE: "infeasible" if constraints else "done",
        TrialState.PRUNED: "stopped early",
        TrialState.RUNNING: "running",
        TrialState.WAITING: "waiting",
        TrialState.FAIL: "failed",
    }
    notes, wall = trial.user_attrs, trial.duration.total_seconds() if trial.duration else None
    return Row(
        number=trial.number,
        state=names[trial.state],
        params=dict(trial.params),
        changes=_texts(notes.get(CHANGES, [])),
        figures=_numbers(notes.get(FIGURES, {})),
        reason=str(notes.get(REASON, "")),
        trained=bool(notes.get(SECONDS)) or bool(notes.get(TRAINED)),
        seconds=_numbers(notes.get(SECONDS, {})),
        missed=constraints,
        wall=wall,
    )


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
        raise ValueError(values)
    return tuple(values)


def _numbers(values: Any) -> dict[str, float]:
    if not all(isinstance(one, int | float) for one in values.values()):
        raise ValueError(values)
    return dict(values)


def build_name(name: str, number: int) -> str:
    """Return the name of a trial's build: `digits-12`."""
    return f"{name[: 40 - len(str(number)) - 1]}-{number}"


def _report(name: str, number: int, out: Path | None) -> str:
    folder = build_name(name, number)
    return f"../../{folder}/{HTML_FILE}" if out and (out / folder / JSON_FILE).exists() else ""


def _left(asked: int, rows: Sequence[Row]) -> float | None:
    ended = [row.wall for row in rows if row.state in ("done", "infeasible", "stopped early") and row.wall is not None]
    running = sum(1 for row in rows if row.state == "running")
    if not ended:
        return None
    return max(asked - len(ended), 0) * sum(ended) / len(ended) / max(running, 1)


def _importances(study: Study, rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """Return, for every figure, the share of its variation that each key explains (Optuna's fANOVA-like PED-ANOVA)."""
    import optuna

    found: dict[str, dict[str, float]] = {}
    distributions = study.space.distributions
    for figure in study.search.figures:
        known = [row for row in rows if figure in row.figures and set(row.params) == set(distributions)]
        values = {row.figures[figure] for row in known}
        if len(known) < LEAST or len(values) < 2:
            continue
        part = optuna.create_study(direction="maximize" if higher_is_better(figure) else "minimize")
        for row in known:
            part.add_trial(
                optuna.create_trial(params=row.params, distributions=distributions, value=row.figures[figure])
            )
        try:
            shares = optuna.importance.get_param_importances(
                part, evaluator=optuna.importance.PedAnovaImportanceEvaluator()
            )
        except (ValueError, RuntimeError):
            continue
        found[figure] = {key: float(share) for key, share in shares.items()}
    return found
