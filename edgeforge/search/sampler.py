"""Which networks are tried next: Optuna's samplers, or all combinations where these are few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeforge.search.space import Space

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

ROOT = "failed_trial"  # in Optuna's own notes of a retry: the number of the trial that it repeats
RETRIED = "retry_history"  # in the same notes: the numbers of all that it repeats, the last one last
LEAST, MOST = 10, 50  # networks of a generation
GENERATIONS = 5  # at least


def sampler_of(space: Space) -> BaseSampler:
    """Return the sampler of a search, begun by the recipe's seed."""
    from optuna import samplers

    seed = space.loaded.recipe.seed
    if space.combinations is not None:
        return _every_combination(space.combinations)
    if space.search.sampler == "nsga2":
        size = min(max(space.trials // GENERATIONS, LEAST), MOST)
        return _seeded(samplers.NSGAIISampler(population_size=size, seed=seed), seed)
    first = min(LEAST, space.trials // 3 + 1)
    return _seeded(samplers.TPESampler(seed=seed, multivariate=True, n_startup_trials=first), seed)


def _seeded(sampler: Any, seed: int) -> BaseSampler:
    """Let the random numbers of each trial follow from its number: workers of one seed choose not the same."""
    before = sampler.before_trial

    def before_trial(study: Any, trial: Any) -> None:
        for one in (sampler._rng, sampler._random_sampler._rng):
            one.rng.seed((seed * 1_000_003 + trial.number) % 2**32)
        before(study, trial)

    sampler.before_trial = before_trial
    chosen: BaseSampler = sampler
    return chosen


def _every_combination(combinations: list[dict[str, Any]]) -> BaseSampler:
    """Return a sampler of which the first trial has the first combination, whoever runs it, and so on.

    A trial's place is among those that are no retries, so that none is left out.
    """
    from optuna.samplers import BaseSampler, RandomSampler

    class EveryCombination(BaseSampler):
        def infer_relative_search_space(self, study: Any, trial: Any) -> Any:
            return {}

        def sample_relative(self, study: Any, trial: Any, search_space: Any) -> Any:
            return {}

        def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
            number = trial.system_attrs.get(ROOT, trial.number)
            earlier = (one for one in study.get_trials(deepcopy=False) if one.number < number)
            place = sum(1 for one in earlier if ROOT not in one.system_attrs)
            if place >= len(combinations):  # in excess: it will not be run
                return RandomSampler(seed=0).sample_independent(study, trial, param_name, param_distribution)
            return combinations[place][param_name]

    return EveryCombination()
