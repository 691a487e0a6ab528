"""Successive halving: a training stops early that is behind the networks which are no larger.

Li et al. 2018, arXiv:1810.05934. Small networks are behind large ones in every epoch and are wanted all the same, so
that a network competes with those alone which take no more of anything that the search minimizes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

FACTOR = 3  # one of so many goes on
LEAST = 3  # competitors before any training is stopped


def rungs(epochs: int) -> list[int]:
    """Return the epochs (from 1) after which a training may be stopped: a ninth and a third of them."""
    return sorted({max(epochs // FACTOR**power, 1) for power in (2, 1)} - {epochs})


def competitors(
    sizes: Mapping[str, float],
    others: Sequence[tuple[Mapping[str, float], Mapping[int, float]]],
    minimized: Sequence[str],
) -> list[Mapping[int, float]]:
    """Return the accuracies by epoch of the networks that are no larger. others: sizes and accuracies of each."""
    named = [name for name in minimized if name in sizes]
    return [seen for size, seen in others if all(size.get(name, float("inf")) <= sizes[name] for name in named)]


def hopeless(own: Mapping[int, float], others: Sequence[Mapping[int, float]], at: Sequence[int]) -> bool:
    """Say whether a training may end: Optuna's pruner sees those of its competitors, and then this one.

    own, others: epoch → accuracy on the validation images, higher is better. at: the rungs.
    """
    import optuna

    if len(others) < LEAST:
        return False
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=at[0], reduction_factor=FACTOR)
    study = optuna.create_study(direction="maximize", pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
    verdict = False
    for seen in (*others, own):
        trial = study.ask()
        verdict = False
        for epoch in at:
            if epoch in seen:
                trial.report(seen[epoch], epoch)
                verdict = trial.should_prune()
        study.tell(trial, 0.0)
    return verdict
