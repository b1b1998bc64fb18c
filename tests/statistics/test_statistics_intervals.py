"""Intervals and tests for a few values: equal to scipy and to full enumeration, and right as often as they say."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.special import softmax

from steepest.statistics import bootstrap_interval, holm, mean_interval
from steepest.statistics.intervals import LEAST_SPREAD, RESAMPLES, chance_of_the_same

GRID = st.lists(st.integers(-4, 4).map(lambda n: n / 8), min_size=2, max_size=8)
PLAIN = st.lists(st.floats(-1.0, 1.0).map(lambda x: round(x, 6)), min_size=2, max_size=8)

# --- Student's t ------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_is_scipys(values, confidence):
    assume(np.std(values) > 1e-3)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(confidence)
    scale = max(map(abs, values))
    assert mean_interval(values, confidence) == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-9 * scale)


def test_the_interval_covers_the_mean_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [mean_interval(rng.normal(3.0, 2.0, size=5), 0.9) for _ in range(2000)]
    covered = np.mean([low < 3.0 < high for low, high in intervals])
    assert abs(covered - 0.9) < 4 * math.sqrt(0.9 * 0.1 / 2000)


def test_what_is_no_number_does_not_count():
    assert mean_interval([1.0, math.nan, 2.0, math.inf, 3.0]) == mean_interval([1.0, 2.0, 3.0])


@pytest.mark.parametrize("values", [[], [1.0], [1.0, math.nan]])
def test_less_than_two_numbers_have_no_interval(values):
    assert all(map(math.isnan, mean_interval(values)))


# --- the bootstrap ----------------------------------------------------------------------------------------------------


def every_distance(sample):
    """How far the mean of each of the n^n resamples is from the sample's, in its own standard errors; sorted."""
    count, mean, spread = len(sample), np.mean(sample), np.std(sample, ddof=1)
    distances = []
    for resample in itertools.product(sample, repeat=count):
        own = max(np.std(resample, ddof=1), LEAST_SPREAD * spread)
        distances.append(abs(np.mean(resample) - mean) / (own / math.sqrt(count)))
    return np.sort(distances)


@pytest.mark.parametrize(
    "sample", [[0.1, 0.4, 0.2, -0.1], [0.0, 0.0, 0.1, 0.6], [0.1, 0.12, 0.3, 0.05, 0.9], [0.3, 0.2, 0.0, 0.1, 0.2]]
)
def test_the_bootstrap_is_that_of_all_resamples_unless_students_t_is_less_sure(sample):
    count, error = len(sample), np.std(sample, ddof=1) / math.sqrt(len(sample))
    distances, found = every_distance(sample), bootstrap_interval(sample, 0.9)
    share = np.mean(distances >= abs(np.mean(sample)) / error - 1e-9)
    expected = max(share, stats.ttest_1samp(sample, 0.0).pvalue)
    noise = 5 * math.sqrt(expected * (1 - expected) / RESAMPLES) + 1 / RESAMPLES
    assert found.p == pytest.approx(expected, abs=noise)
    about = np.quantile(distances, [0.885, 0.915])  # five standard deviations of the share of resamples
    least, most = np.maximum(about, stats.t.ppf(0.95, count - 1)) * error
    assert least - 1e-9 <= (found.high - found.low) / 2 <= most + 1e-9
    assert found.mean == pytest.approx(np.mean(sample))
    assert found.high - found.mean == pytest.approx(found.mean - found.low)


def test_one_that_differs_among_ten_bounds_the_interval_at_three_standard_errors():
    """A third of all resamples leave it out and have no spread of their own: a third of the sample's is taken."""
    sample = [0.0] * 9 + [0.5]
    found, error = bootstrap_interval(sample), np.std(sample, ddof=1) / math.sqrt(10)
    assert (found.high - found.mean) / error == pytest.approx(3 * found.mean / error)
    assert found.mean / error == pytest.approx(1.0)


def test_a_sample_with_one_far_value_is_told_by_the_bootstrap_not_by_t():
    sample = [0.1, 0.1, 0.12, 0.11, 0.1, 0.13, 0.9]
    assert bootstrap_interval(sample).p > 2 * stats.ttest_1samp(sample, 0.0).pvalue


@given(GRID | PLAIN, st.sampled_from([0.8, 0.95, 0.99]))
def test_it_is_never_surer_than_students_t(sample, confidence):
    assume(np.ptp(sample) > 1e-5)
    t = stats.ttest_1samp(sample, 0.0)
    ends, found = t.confidence_interval(confidence), bootstrap_interval(sample, confidence)
    assert found.p >= t.pvalue * (1 - 1e-6)
    assert found.low <= ends.low + 1e-6
    assert found.high >= ends.high - 1e-6


@given(GRID, st.sampled_from([0.8, 0.95, 0.99, 0.9999]))
def test_the_interval_leaves_out_0_exactly_where_p_says_so(sample, confidence):
    found = bootstrap_interval(sample, confidence)
    assume(abs(found.p - (1 - confidence)) > 1e-9 and min(abs(found.low), abs(found.high)) > 1e-9)
    assert (not found.low <= 0 <= found.high) == (found.p < 1 - confidence)


@given(GRID, st.randoms(use_true_random=False))
def test_the_order_of_the_values_is_irrelevant(sample, random):
    assert bootstrap_interval(random.sample(sample, len(sample))) == bootstrap_interval(sample)


@given(PLAIN, st.sampled_from([-0.5, 0.25]), st.sampled_from([0.5, 4.0]))
def test_the_interval_moves_and_grows_with_the_values(sample, shift, factor):
    assume(np.ptp(sample) > 1e-3)
    plain = bootstrap_interval(sample)
    moved = bootstrap_interval([shift + factor * value for value in sample])
    expected = [shift + factor * end for end in (plain.mean, plain.low, plain.high)]
    assert [moved.mean, moved.low, moved.high] == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_no_generator_but_its_own_is_touched():
    before = np.random.get_state()[1].copy()
    assert bootstrap_interval([0.1, 0.2, 0.4]) == bootstrap_interval([0.1, 0.2, 0.4])
    assert (np.random.get_state()[1] == before).all()


@pytest.mark.parametrize("count", range(1, 8))
def test_equal_values_prove_what_chance_leaves_over(count):
    found, nothing = bootstrap_interval([0.3] * count), bootstrap_interval([0.0] * count)
    assert (found.p, nothing.p) == (chance_of_the_same(count), 1.0)
    ends = (0.3, 0.3) if count > 2 else (-math.inf, math.inf)
    assert (found.low, found.high) == pytest.approx(ends)


def same_difference(share, seeds):
    """Probability that two draws from this distribution on a grid differ by one amount, not 0, on each of the seeds."""
    differences = np.correlate(share, share, "full")
    differences[len(share) - 1] = 0.0
    assert differences.max() <= 0.25 + 1e-12
    return (differences**seeds).sum()


def least_likely(size, rng):
    """The distribution on so many neighbouring values for which two seeds mislead most, by search from a random one."""
    start = rng.normal(size=size)
    return softmax(optimize.minimize(lambda each: -same_difference(softmax(each), 2), start, method="BFGS").x)


def test_two_alike_differ_by_the_same_amount_no_more_often_than_is_said():
    rng = np.random.default_rng(0)
    shares = [rng.dirichlet(np.full(size, 0.5)) for size in (2, 3, 5, 9) for _ in range(200)]
    shares += [least_likely(size, rng) for size in (2, 3, 3, 3, 4, 5, 6)]
    most = [max(same_difference(share, seeds) for share in shares) for seeds in range(1, 6)]
    assert most[1] == pytest.approx(chance_of_the_same(2), rel=1e-3)  # and no less often either
    assert all(found <= chance_of_the_same(seeds) for seeds, found in enumerate(most, 1))


def on_a_grid(rng, count, spread):
    """Logarithms of ratios of two that are alike: steps to the target, rounded up to one of 50 evaluations."""
    steps = np.ceil(25 * np.exp(rng.normal(0, 0.15, (count, 1)) + rng.normal(0, spread, (count, 2))))
    return np.log(steps[:, 0] / steps[:, 1])


@pytest.mark.parametrize("count", [3, 5, 10])
@pytest.mark.parametrize("spread", [0.02, 0.1])
def test_it_covers_at_least_as_often_as_it_says_on_a_grid(count, spread):
    rng = np.random.default_rng(1)
    found = [bootstrap_interval(on_a_grid(rng, count, spread)) for _ in range(500)]
    covered = np.mean([each.low <= 0 <= each.high for each in found])
    assert covered > 0.95 - 3 * math.sqrt(0.95 * 0.05 / 500)


def test_it_covers_the_mean_of_lopsided_values_better_than_t():
    rng = np.random.default_rng(2)
    samples = rng.lognormal(0, 0.7, (500, 10)) - math.exp(0.7**2 / 2)
    found = [bootstrap_interval(each) for each in samples]
    by_t = [mean_interval(each) for each in samples]
    assert sum(each.low <= 0 <= each.high for each in found) > sum(low <= 0 <= high for low, high in by_t)


@pytest.mark.parametrize(
    ("values", "confidence", "message"),
    [([1.0, math.inf], 0.95, "values: must be finite"), ([1.0], 1.0, "confidence: must lie between 0 and 1, got 1.0")],
)
def test_what_no_interval_can_be_made_of_is_refused(values, confidence, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_interval(values, confidence)


def test_no_values_say_nothing():
    found = bootstrap_interval([])
    assert math.isnan(found.mean)
    assert (found.low, found.high, found.p) == (-math.inf, math.inf, 1.0)


# --- groups, and what all values share --------------------------------------------------------------------------------

LUCKY = [0.3, 0.1, 0.32, 0.12, 0.28, 0.09, 0.31, 0.13]
"""Values of two groups in turns, whose means differ by much more than chance."""


def test_groups_that_differ_make_the_interval_as_much_wider_as_their_means_say():
    plain, grouped = bootstrap_interval(LUCKY), bootstrap_interval(LUCKY, groups=["a", "b"] * 4)
    own = np.std(LUCKY, ddof=1) / math.sqrt(8)
    means = np.mean(LUCKY[::2]), np.mean(LUCKY[1::2])
    of_groups = np.std(means, ddof=1) / math.sqrt(2)
    assert grouped.mean == plain.mean
    assert (grouped.high - grouped.mean) / (plain.high - plain.mean) == pytest.approx(of_groups / own)
    assert plain.p < 0.01 < grouped.p


def test_groups_of_different_sizes_and_three_of_them():
    values, groups = [0.1, 0.2, 0.5, 0.6, 0.55, 0.9], [0, 0, 1, 1, 1, 2]
    plain, grouped = bootstrap_interval(values), bootstrap_interval(values, groups=groups)
    of_groups = np.std([0.15, 0.55, 0.9], ddof=1) / math.sqrt(3)
    own = np.std(values, ddof=1) / math.sqrt(6)
    assert (grouped.high - grouped.low) / (plain.high - plain.low) == pytest.approx(of_groups / own)


@pytest.mark.parametrize("groups", [["a"] * 8, range(8), ["a", "a", "b", "b"] * 2, None])
def test_groups_that_do_not_differ_by_more_than_chance_change_nothing(groups):
    found, plain = bootstrap_interval(LUCKY, groups=groups), bootstrap_interval(LUCKY)
    assert (found.low, found.high, found.p) == pytest.approx((plain.low, plain.high, plain.p))


@given(PLAIN, st.lists(st.sampled_from("abc"), min_size=8, max_size=8), st.sampled_from([0.8, 0.95]))
def test_groups_never_make_it_surer_and_their_names_and_order_are_irrelevant(sample, groups, confidence):
    assume(np.ptp(sample) > 1e-3)
    own = groups[: len(sample)]
    plain, grouped = bootstrap_interval(sample, confidence), bootstrap_interval(sample, confidence, own)
    assert grouped.low <= plain.low + 1e-12 and grouped.high >= plain.high - 1e-12
    assert grouped.p >= plain.p
    turned = bootstrap_interval(sample[::-1], confidence, [{"a": 7, "b": 1, "c": 3}[name] for name in own[::-1]])
    assert (turned.low, turned.high) == pytest.approx((grouped.low, grouped.high))
    if abs(grouped.p - (1 - confidence)) > 1e-9 and min(abs(grouped.low), abs(grouped.high)) > 1e-9:
        assert (not grouped.low <= 0 <= grouped.high) == (grouped.p < 1 - confidence)


def test_searches_that_differ_are_not_taken_for_a_difference():
    """Twins whose searches are lucky to different degrees: without groups ten seeds tell them apart far too often."""
    rng = np.random.default_rng(0)
    groups = [0, 1] * 5
    studies = [rng.normal(0, 0.1, 2)[groups] + rng.normal(0, 0.05, 10) for _ in range(400)]
    plain, grouped = (
        np.mean([bootstrap_interval(each, groups=names).p <= 0.05 for each in studies]) for names in (None, groups)
    )
    assert plain > 0.3
    assert grouped < 0.75 * plain


@given(PLAIN, st.floats(0.001, 1.0), st.sampled_from([0.8, 0.95]))
def test_an_error_that_all_values_share_adds_to_their_own_as_squares_do(sample, error, confidence):
    assume(np.ptp(sample) > 1e-3)
    plain, wider = bootstrap_interval(sample, confidence), bootstrap_interval(sample, confidence, error=error)
    own = np.std(sample, ddof=1) / math.sqrt(len(sample))
    assert wider.mean == plain.mean
    assert (wider.high - wider.mean) / (plain.high - plain.mean) == pytest.approx(math.hypot(own, error) / own)
    assert wider.p >= plain.p
    if abs(wider.p - (1 - confidence)) > 1e-9 and min(abs(wider.low), abs(wider.high)) > 1e-9:
        assert (not wider.low <= 0 <= wider.high) == (wider.p < 1 - confidence)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("error", [0.05, 0.15, 0.2])
def test_of_equal_values_the_interval_is_that_of_the_error(count, error):
    found = bootstrap_interval([0.3] * count, error=error)
    half = 1.959964 * error if count > 2 else math.inf
    assert (found.low, found.high) == pytest.approx((0.3 - half, 0.3 + half))
    assert found.p == pytest.approx(max(chance_of_the_same(count), 2 * stats.norm.sf(0.3 / error)))
    assert (not found.low <= 0 <= found.high) == (found.p <= 0.05)


# --- Holm -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("p_values", "expected"),
    [
        ([0.01, 0.04, 0.03, 0.005], [True, False, False, True]),  # 0.005 < .05/4, 0.01 < .05/3, 0.03 > .05/2
        ([0.001, 0.02, 0.024], [True, True, True]),
        ([0.02, 0.02, 0.02], [False, False, False]),  # Bonferroni alone would do as well
        ([0.05], [True]),
        ([], []),
    ],
)
def test_holm_by_hand(p_values, expected):
    assert holm(p_values) == expected


@settings(max_examples=100)
@given(st.lists(st.sampled_from([0.001, 0.004, 0.009, 0.012, 0.016, 0.02, 0.026, 0.04, 0.06, 0.5]), max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """By definition: a hypothesis falls if every group of hypotheses that it is in falls together by Bonferroni."""
    everyone = range(len(p_values))
    groups = [group for size in everyone for group in itertools.combinations(everyone, size + 1)]
    fallen = {group for group in groups if min(p_values[i] for i in group) <= 0.05 / len(group)}
    expected = [all(group in fallen for group in groups if each in group) for each in everyone]
    assert holm(p_values) == expected
