"""One trial: does it fit, then how well does it do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeforge.builder.run import WORKER_ENDED, Watcher
from edgeforge.builder.store import Artifact
from edgeforge.data.splits import read_preprocessing
from edgeforge.errors import EdgeForgeError, ParityError, RecipeError, StageFailed
from edgeforge.evaluate.validation.score import every_figure
from edgeforge.pipeline import make
from edgeforge.recipe.sections.search import ACCURACY, of_head
from edgeforge.search.figures import board_over, over, scores, sizes, values
from edgeforge.search.halving import competitors, hopeless, rungs
from edgeforge.search.space import SEARCHING
from edgeforge.search.study import Study

if TYPE_CHECKING:
    import optuna

FIGURES, SECONDS, RUNGS, REASON, TRAINED, CHANGES = "figures", "seconds", "rungs", "reason", "trained", "changes"
CAUSES = (RecipeError, StageFailed, ParityError)  # of a network that cannot be: the next one may


class Hopeless(Exception):
    """A training is stopped, being behind the networks that are no larger: reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Halving(Watcher):
    """Listens to a training and stops it where it is hopeless; tells `progress` of every stage."""

    study: Study
    trial: optuna.Trial
    sizes: dict[str, float]
    epochs: int
    say: Callable[[str], None]
    seen: dict[int, float] = field(default_factory=dict)
    began: bool = False

    def started(self, stage: str, title: str) -> None:
        """Say what is done."""
        self.began = self.began or stage == "train"
        self.say(title)

    def progress(self, stage: str, share: float, text: str) -> None:
        """Say how far it is."""
        self.say(text)

    def validated(self, stage: str, epoch: int, figures: dict[str, float]) -> None:
        """Note an epoch (from 1) of the training at the rungs. Raises Hopeless."""
        at = rungs(self.epochs)
        if stage != "train" or epoch not in at or not self.study.search.prune:
            return
        accuracy = figures.get("val_accuracy", figures.get("val_iou"))
        self.seen[epoch] = accuracy if accuracy is not None else -figures.get("val_rmse", float("inf"))
        self.trial.set_user_attr(RUNGS, {str(one): value for one, value in self.seen.items()})
        others = [
            (one.user_attrs[FIGURES], {int(key): value for key, value in one.user_attrs[RUNGS].items()})
            for one in self.study.trials()
            if one.number != self.trial.number and RUNGS in one.user_attrs and FIGURES in one.user_attrs
        ]
        if hopeless(self.seen, competitors(self.sizes, others, self.study.search.minimize), at):
            raise Hopeless(f"behind the networks that are no larger after {epoch} of {self.epochs} epochs")


def run_trial(
    study: Study, trial: optuna.Trial, out: Path, logs: Path, say: Callable[[str], None]
) -> dict[str, Artifact]:
    """Run a trial to its end and tell the study; return the artifacts of one that was trained whole.

    One that cannot be, or is over a limit, is infeasible and has no accuracy. Errors of this machine are raised.
    """
    import optuna

    search = study.search
    changes = study.space.changes(trial.params)
    trial.set_user_attr(CHANGES, list(changes))
    board = search.board or study.space.loaded.recipe.targets[0]
    limits = {str(name): limit for name, limit in search.limits.items()}
    figures: dict[str, float] = {}
    made: dict[str, Artifact] = {}
    try:
        loaded = study.space.recipe(changes, *SEARCHING)
        watcher = Halving(study, trial, {}, loaded.recipe.train.epochs, say)
        made = make(loaded, out, watcher, logs=logs, until="trial-fit")
        _require_scored(study, made["data"].folder)
        figures, row = sizes(made["trial-fit"].folder, board)
        trial.set_user_attr(FIGURES, figures)
        found = [*over(figures, limits), *(board_over(row) if row else [])]
        refused = row is not None and not row.library.takes_it
        if row and not found and not refused:
            watcher.sizes = figures
            made = make(loaded, out, watcher, logs=logs, until="trial-score")
            trial.set_user_attr(TRAINED, watcher.began)
            trial.set_user_attr(SECONDS, {name: one.seconds for name, one in made.items()})
            figures = sizes(made["fit"].folder, board)[0] | scores(made["trial-score"].folder)
            trial.set_user_attr(FIGURES, figures)
            found = over(figures, limits)
        elif refused and row:
            trial.set_user_attr(REASON, row.library.verdict)
    except Hopeless as error:
        trial.set_user_attr(REASON, error.reason)
        trial.set_user_attr(TRAINED, True)
        study.optuna.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return {}
    except CAUSES as error:
        if error.reason.startswith(WORKER_ENDED):  # of this machine: the trial is given back
            raise
        trial.set_user_attr(REASON, f"{error.stage + ': ' if error.stage else ''}{error.reason.splitlines()[0]}")
        trial.set_constraint("can be built", 1.0)
        study.optuna.tell(trial, values(search, figures))
        return {}
    _constrain(trial, found, figures, limits)
    if found:
        trial.set_user_attr(REASON, "; ".join(map(str, found)))
    elif refused:
        trial.set_constraint("library", 1.0)
    study.optuna.tell(trial, values(search, figures))
    return made if "trial-score" in made else {}


def _require_scored(study: Study, data: Path) -> None:
    """Raise EdgeForgeError for a figure that the recipe's data has not: no trial would have it."""
    known, search = every_figure(read_preprocessing(data).heads), study.search
    for name in (*search.figures, *search.limits):
        if of_head(name)[1] in ACCURACY and name not in known:
            raise EdgeForgeError(
                f"{study.space.loaded.where('search')}: {name} is no figure of this recipe's heads",
                fix=f"search for one of: {', '.join(known)}",
            )


def _constrain(trial: optuna.Trial, found: list[Any], figures: dict[str, float], limits: dict[str, float]) -> None:
    """Tell Optuna every limit: above 0 by how far it is missed, as a share of it."""
    missed = {one.figure: one.by for one in found}
    for name in {*limits, *missed}:
        if name in missed or name in figures:
            trial.set_constraint(name, missed.get(name, -1.0))
