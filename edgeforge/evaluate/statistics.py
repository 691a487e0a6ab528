"""The statistics that turn decimals into verdicts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from edgeforge.results.rows.report import Drop, Verdict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIGNIFICANCE = 0.05
RESAMPLES = 2000
TIE = 1e-7


def wilson_interval(correct: int, images: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy (Wilson 1927), which stays within [0, 1] and holds near 1."""
    from scipy.stats import binomtest

    interval = binomtest(correct, images).proportion_ci(confidence_level=0.95, method="wilson")
    return float(interval.low), float(interval.high)


def mcnemar(reference_right: NDArray[np.bool_], variant_right: NDArray[np.bool_]) -> Drop:
    """Judge an accuracy drop on the same images by McNemar's exact test.

    Only images that one model gets right and the other wrong count; under "no difference" each falls either
    way with probability 1/2 (McNemar 1947, exact binomial form).
    """
    only_reference = int((reference_right & ~variant_right).sum())
    only_variant = int((variant_right & ~reference_right).sum())
    discordant = only_reference + only_variant
    p_value = _even_odds(min(only_reference, only_variant), discordant)
    verdict: Verdict = "tie"
    if p_value < SIGNIFICANCE:
        verdict = "worse" if only_reference > only_variant else "better"
    points = 100 * (only_reference - only_variant) / len(reference_right)
    return Drop(
        points=points,
        only_reference_right=only_reference,
        only_variant_right=only_variant,
        p_value=p_value,
        verdict=verdict,
    )


def _even_odds(fewer: int, of: int) -> float:
    """Return the two-sided p value of a fair coin that fell the rarer way `fewer` times of `of`.

    Not scipy's: `edgeforge compare` does without it.
    """
    tail = math.fsum(math.exp(_log_choose(of, count) - of * math.log(2)) for count in range(fewer + 1))
    return 1.0 if 2 * fewer == of else min(1.0, 2 * tail)


def unpaired_p_value(correct: int, images: int, other_correct: int, other_images: int) -> float:
    """Return the p value of "both accuracies are the same" from counts alone (Fisher's exact test).

    For results that no longer hold single images; on the same images `mcnemar` sees smaller differences.
    """
    both, right = images + other_images, correct + other_correct

    def log_share(first: int) -> float:
        """Of all tables with these sums, the logarithm of those where the first model has `first` right."""
        return _log_choose(images, first) + _log_choose(other_images, right - first) - _log_choose(both, right)

    found = log_share(correct) + TIE  # a table as rare as the one found counts, however its logarithm is rounded
    shares = map(log_share, range(max(0, right - other_images), min(images, right) + 1))
    return min(1.0, math.fsum(math.exp(share) for share in shares if share <= found))


def _log_choose(of: int, chosen: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(chosen + 1) - math.lgamma(of - chosen + 1)


def paired_bootstrap_ratio(
    reference_ms: NDArray[np.float64], variant_ms: NDArray[np.float64], seed: int
) -> tuple[float, float, float, Verdict]:
    """Return the ratio of median latencies, its 95 % interval, and the verdict; a tie when that contains 1.

    Run i of both was taken in the same round, so pairs are resampled: what disturbs a round disturbs both.
    """
    import numpy as np

    random = np.random.default_rng(seed)
    index = random.integers(0, len(reference_ms), (RESAMPLES, len(reference_ms)))
    ratios = np.median(variant_ms[index], axis=1) / np.median(reference_ms[index], axis=1)
    low, high = (float(value) for value in np.percentile(ratios, (2.5, 97.5)))
    verdict: Verdict = "better" if high < 1 else "worse" if low > 1 else "tie"
    return float(np.median(variant_ms) / np.median(reference_ms)), low, high, verdict


def rmse_interval(errors: NDArray[np.float64]) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a root mean square error over inputs."""
    import numpy as np

    low, high = np.percentile(np.sqrt((errors[resampled(len(errors))] ** 2).mean(axis=1)), (2.5, 97.5))
    return float(low), float(high)


def rmse_difference(
    reference: NDArray[np.float64], variant: NDArray[np.float64]
) -> tuple[float, float, float, Verdict]:
    """Return a variant's RMSE minus the reference's, its 95 % interval, and the verdict; a tie when that contains 0.

    Errors of both on the same inputs: inputs are resampled in pairs.
    """
    import numpy as np

    index = resampled(len(reference))
    drawn = (np.sqrt((errors[index] ** 2).mean(axis=1)) for errors in (variant, reference))
    low, high = np.percentile(np.subtract(*drawn), (2.5, 97.5))
    verdict: Verdict = "better" if high < 0 else "worse" if low > 0 else "tie"
    difference = np.sqrt((variant**2).mean()) - np.sqrt((reference**2).mean())
    return float(difference), float(low), float(high), verdict


def resampled(count: int) -> NDArray[np.int64]:
    """Return which of `count` inputs each bootstrap sample holds (RESAMPLES,count), the same in every run."""
    import numpy as np

    return np.random.default_rng(0).integers(0, count, (RESAMPLES, count))


def sqnr_db(reference: NDArray[np.float32], other: NDArray[np.float32]) -> float | None:
    """Return the signal to quantization noise ratio in dB: 10 log10(sum x^2 / sum (x - y)^2); None when equal."""
    import numpy as np

    noise = float(np.square(reference.astype(np.float64) - other).sum())
    return decibels(float(np.square(reference.astype(np.float64)).sum()), noise)


def decibels(signal: float, noise: float) -> float | None:
    """Return the ratio of two sums of squares in dB; None when there is no noise, 0 when there is no signal."""
    if noise == 0:
        return None
    return 10 * math.log10(signal / noise) if signal else 0.0
