import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from edgeforge.evaluate.statistics import (
    mcnemar,
    paired_bootstrap_ratio,
    sqnr_db,
    unpaired_p_value,
    wilson_interval,
)


def test_wilson_interval_of_a_published_example() -> None:
    # Newcombe (1998), table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@given(images=st.integers(1, 10_000), share=st.floats(0, 1))
def test_wilson_interval_holds_the_accuracy(images: int, share: float) -> None:
    correct = round(share * images)
    low, high = wilson_interval(correct, images)
    assert -1e-12 <= low <= correct / images + 1e-12 and correct / images - 1e-12 <= high <= 1 + 1e-12


@given(fewer=st.integers(0, 600), more=st.integers(0, 600))
def test_mcnemar_is_scipys_exact_binomial_test(fewer: int, more: int) -> None:
    first = np.repeat([True, False, True], [fewer, more, 1])
    second = np.repeat([False, True, True], [fewer, more, 1])
    expected = binomtest(fewer, fewer + more, 0.5).pvalue if fewer + more else 1.0
    assert mcnemar(first, second).p_value == pytest.approx(expected, rel=1e-9)


def test_mcnemar_of_known_counts() -> None:
    reference, variant = np.ones(100, bool), np.ones(100, bool)
    variant[:10] = False
    drop = mcnemar(reference, variant)
    assert (drop.points, drop.only_reference_right, drop.only_variant_right) == (10.0, 10, 0)
    assert drop.p_value == pytest.approx(2 / 2**10) and drop.verdict == "worse"
    assert mcnemar(variant, reference).verdict == "better"
    reference[10:18] = False
    assert mcnemar(reference, variant).verdict == "tie"


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=200))
def test_mcnemar_turns_round_with_its_arguments(pairs: list[tuple[bool, bool]]) -> None:
    a, b = np.array(pairs).T
    forth, back = mcnemar(a, b), mcnemar(b, a)
    assert forth.points == -back.points and forth.p_value == back.p_value
    assert {forth.verdict, back.verdict} in ({"tie"}, {"better", "worse"})


def test_unpaired_p_value_of_a_textbook_example() -> None:
    # Fisher's lady tasting tea: 3 of 4 against 1 of 4, two-sided.
    assert unpaired_p_value(3, 4, 1, 4) == pytest.approx(34 / 70)


COUNTS = st.integers(1, 400).flatmap(lambda images: st.tuples(st.integers(0, images), st.just(images)))


@given(COUNTS, COUNTS)
def test_unpaired_p_value_is_scipy_s(one: tuple[int, int], other: tuple[int, int]) -> None:
    from scipy.stats import fisher_exact

    table = [[right, images - right] for right, images in (one, other)]
    assert unpaired_p_value(*one, *other) == pytest.approx(fisher_exact(table).pvalue, rel=1e-6)


def test_unpaired_p_value_of_many_images() -> None:
    from scipy.stats import fisher_exact

    assert unpaired_p_value(9886, 10_000, 9850, 10_000) == pytest.approx(
        fisher_exact([[9886, 114], [9850, 150]]).pvalue, rel=1e-6
    )


def test_bootstrap_tells_faster_from_the_same() -> None:
    random = np.random.default_rng(0)
    noise = random.gamma(2, 0.05, 300)
    reference = 1 + noise
    ratio, low, high, verdict = paired_bootstrap_ratio(reference, 0.5 + noise, seed=1)
    assert verdict == "better" and low < ratio < high < 1
    assert paired_bootstrap_ratio(reference, 2 + noise, seed=1)[3] == "worse"
    assert paired_bootstrap_ratio(reference, random.permutation(reference), seed=1)[3] == "tie"
    assert paired_bootstrap_ratio(reference, 0.5 + noise, seed=1) == (ratio, low, high, verdict)


@given(st.integers(1, 60))
def test_sqnr_of_noise_of_known_power(decibel: int) -> None:
    signal = np.ones((10, 10), np.float32)
    assert sqnr_db(signal, signal + np.float32(10 ** (-decibel / 20))) == pytest.approx(decibel, abs=0.1)
    assert sqnr_db(signal, signal) is None
