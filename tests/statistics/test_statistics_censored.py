"""Paired times, some of them misses: equal to full enumeration, the same from both sides, right as often as said."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from steepest.statistics import bootstrap_interval
from steepest.statistics.censored import FEW_PAIRS, RESAMPLES, censored_interval, fewest_pairs

pytestmark = pytest.mark.quick

INF = math.inf
TIME = st.integers(1, 9).map(float) | st.just(INF)
PAIRS = st.lists(st.tuples(TIME, TIME), min_size=2, max_size=9)
FACTORS = st.sampled_from([1.0, 1.5, 4.0])


def logs_of(pairs, factor=1.0):
    """Logarithms of times, the second ones longer by a factor."""
    return np.log(pairs) + np.array([0.0, math.log(factor)])


def informative(logs):
    return logs[np.isfinite(logs).any(axis=1)]


def expected_p(logs):
    """The share of all exchanges whose ranks differ as much, counted one by one."""
    logs = informative(logs)
    count, ranks = len(logs), stats.rankdata(logs.T.ravel())
    first, second = ranks[:count], ranks[count:]
    if count < FEW_PAIRS:  # any of the values might have been the first ones
        halves = itertools.combinations(range(2 * count), count)
        sums = [ranks.sum() - 2 * ranks[list(half)].sum() for half in halves]
    else:
        sums = [np.dot(signs, second - first) for signs in itertools.product((-1, 1), repeat=count)]
    return np.mean(np.abs(sums) >= abs((second - first).sum()) - 1e-9)


# --- p ----------------------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(PAIRS, FACTORS)
def test_p_is_that_of_every_exchange(pairs, factor):
    logs = logs_of(pairs, factor)
    assume(len(informative(logs)))
    assert censored_interval(logs).p == pytest.approx(expected_p(logs))


@pytest.mark.parametrize("count", range(2, FEW_PAIRS))
def test_of_few_pairs_without_misses_it_is_the_rank_sum_test(count):
    rng = np.random.default_rng(count)
    for shift in (0.0, 1.0, 3.0):
        logs = rng.normal(size=(count, 2)) + np.array([0.0, shift])
        expected = stats.mannwhitneyu(logs[:, 0], logs[:, 1], method="exact").pvalue
        assert censored_interval(logs).p == pytest.approx(expected)


@pytest.mark.parametrize("count", [8, 13])
def test_of_more_pairs_it_is_the_exact_test_of_signs_of_rank_differences(count):
    logs = np.random.default_rng(count).normal(size=(count, 2)) + np.array([0.0, 0.5])
    logs[1, 1] = logs[4, 0] = INF
    ranks = stats.rankdata(logs.T.ravel())
    differences = ranks[count:] - ranks[:count]
    exact = stats.permutation_test(
        (differences,), np.sum, permutation_type="samples", n_resamples=INF, vectorized=False
    )  # fmt: skip
    assert censored_interval(logs).p == pytest.approx(exact.pvalue)


def test_of_many_pairs_random_exchanges_come_close_to_all():
    logs = np.random.default_rng(0).normal(size=(16, 2)) + np.array([0.0, 0.4])
    logs[[1, 5, 7], [1, 1, 0]] = INF
    exact, found = expected_p(logs), censored_interval(logs).p
    assert found == pytest.approx(exact, abs=5 * math.sqrt(exact * (1 - exact) / RESAMPLES))
    assert censored_interval(logs_of([(1.0, 2.0)] * 40)).p >= 1 / (RESAMPLES + 1)
    assert censored_interval(logs).p == found  # no generator but its own


@pytest.mark.parametrize(("level", "expected"), [(0.05, 4), (0.025, 5), (0.01, 5), (0.005, 9), (0.001, 11)])
def test_from_so_many_pairs_on_the_clearest_result_is_clear(level, expected):
    """From 8 pairs on they change places within themselves only, so 8 can show less than 7."""
    clearest = {count: expected_p(logs_of([(1.0, 9.0)] * (count - 1) + [(1.0, INF)])) for count in range(2, 14)}
    assert fewest_pairs(level) == expected == 1 + max(count for count, p in clearest.items() if p > level)


# --- estimate and interval --------------------------------------------------------------------------------------------


def test_without_misses_the_estimate_is_that_of_hodges_and_lehmann():
    """The median of all differences between the one's values and the other's, whose rank sums leave no difference."""
    rng = np.random.default_rng(3)
    for count in (4, 5, 9):
        logs = rng.normal(size=(count, 2)) + np.array([0.0, 0.7])
        every = np.subtract.outer(logs[:, 1], logs[:, 0])
        assert censored_interval(logs).mean == pytest.approx(np.median(every))


def test_a_few_misses_move_the_estimate_a_little_and_the_end_to_infinity_only_where_they_hide_it():
    pairs = [(10, 30), (12, 25), (9, 28), (11, 28), (10, 33), (13, 35), (9, 22), (12, 40)]
    without = censored_interval(logs_of(pairs))
    with_one = censored_interval(logs_of([*pairs[:-1], (12, INF)]))
    assert np.exp(without.mean) == pytest.approx(2.8, abs=0.05)
    assert with_one.mean == pytest.approx(without.mean, abs=0.1)
    assert with_one.low > 0
    assert math.isfinite(with_one.high)
    most = censored_interval(logs_of([(first, second if first == 12 else INF) for first, second in pairs]))
    assert most.high == INF
    assert most.mean > without.mean  # by how much is hidden
    assert most.p < 0.05 and most.low > 0


def test_whether_a_miss_was_near_or_far_is_not_known_so_it_does_not_count():
    """Unlike a number in place of the miss: any later time gives the same p."""
    pairs = [(10, 30), (12, 25), (9, 28), (11, 28), (10, 33), (13, 35), (9, 22), (12, INF)]
    expected = censored_interval(logs_of(pairs)).p
    for late in (50.0, 5e3, 5e9):
        assert censored_interval(logs_of([*pairs[:-1], (12, late)])).p == expected


@settings(max_examples=100)
@given(PAIRS, FACTORS, st.sampled_from([0.8, 0.95, 0.99]))
def test_the_interval_holds_the_estimate_and_leaves_out_0_exactly_where_p_says_so(pairs, factor, confidence):
    logs = logs_of(pairs, factor)
    assume(len(informative(logs)))
    found = censored_interval(logs, confidence)
    assert found.low <= found.mean <= found.high
    assert (found.low < 0 < found.high) == (found.p > 1 - confidence) or 0 in (found.low, found.high)
    if found.p <= 1 - confidence:
        assert not found.low < 0 < found.high
    else:
        assert found.low <= 0 <= found.high


@settings(max_examples=100)
@given(PAIRS, FACTORS)
def test_swapped_everything_is_turned(pairs, factor):
    logs = logs_of(pairs, factor)
    assume(len(informative(logs)))
    there, back = censored_interval(logs), censored_interval(logs[:, ::-1])
    assert there.p == back.p
    assert [there.mean, there.low, there.high] == pytest.approx([-back.mean, -back.high, -back.low], abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=2, max_size=9), st.floats(-2.0, 2.0))
def test_without_misses_a_factor_on_all_of_the_second_times_moves_the_interval_by_it(pairs, shift):
    logs = logs_of(pairs)
    plain, moved = censored_interval(logs), censored_interval(logs + np.array([0.0, shift]))
    if min(plain.p, moved.p) > 0.05:  # a clear result may move an end to 0
        expected = np.array([plain.mean, plain.low, plain.high]) + shift
        assert [moved.mean, moved.low, moved.high] == pytest.approx(expected.tolist(), abs=1e-9)


@settings(max_examples=40)
@given(PAIRS, FACTORS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_is_irrelevant_and_so_are_pairs_that_both_missed(pairs, factor, random):
    logs = logs_of(pairs, factor)
    assume(len(informative(logs)))
    shuffled = random.sample([*pairs, (INF, INF)], len(pairs) + 1)
    assert censored_interval(logs_of(shuffled, factor)) == censored_interval(informative(logs))


def test_pairs_that_both_missed_and_no_pairs_say_nothing():
    for logs in (np.full((3, 2), INF), np.empty((0, 2))):
        found = censored_interval(logs, groups=range(len(logs)), margin=0.1)
        assert math.isnan(found.mean)
        assert (found.low, found.high, found.p) == (-INF, INF, 1.0)


def test_one_that_never_arrives_is_infinitely_slower():
    found = censored_interval(logs_of([(10 + place, INF) for place in range(10)]))
    assert (found.mean, found.high, found.p) == (INF, INF, 2 / 2**10)
    assert 0 <= found.low < math.log(19 / 10)  # that much is sure at most: no run is known to be longer than 19
    found = censored_interval(logs_of([(10, INF), (20, INF)]))
    assert (found.mean, found.low, found.high) == (INF, -INF, INF)
    assert found.p > 0.3


# --- more that varies -------------------------------------------------------------------------------------------------


@settings(max_examples=60)
@given(PAIRS, FACTORS, st.floats(0.01, 1.0))
def test_a_margin_widens_the_interval_on_both_sides(pairs, factor, margin):
    logs = logs_of(pairs, factor)
    assume(len(informative(logs)))
    plain, wider = censored_interval(logs), censored_interval(logs, margin=margin)
    assert wider.mean == plain.mean
    assert wider.p >= plain.p
    if 0 not in (plain.low, plain.high):  # there a clear result moved the end to 0
        for own, other in ((wider.low, plain.low - margin), (wider.high, plain.high + margin)):
            assert own == pytest.approx(other) or own == 0
    assert (wider.low < 0 < wider.high) == (wider.p > 0.05) or 0 in (wider.low, wider.high)


def test_what_is_clear_by_less_than_the_margin_is_clear_no_more():
    pairs = [(10 + place, 1.2 * (10 + place)) for place in range(9)] + [(10, INF)]
    plain = censored_interval(logs_of(pairs))
    assert plain.p < 0.05
    assert censored_interval(logs_of(pairs), margin=0.5 * plain.low).p < 0.05
    assert censored_interval(logs_of(pairs), margin=2 * plain.low).p > 0.05


@settings(max_examples=60)
@given(PAIRS, FACTORS, st.randoms(use_true_random=False))
def test_groups_make_nothing_clearer(pairs, factor, random):
    logs = logs_of(pairs, factor)
    assume(len(informative(logs)))
    groups = [random.choice("ab") for _ in pairs]
    plain, grouped = censored_interval(logs), censored_interval(logs, groups=groups)
    assert grouped.mean == plain.mean
    assert grouped.p >= plain.p
    assert grouped.low <= plain.low + 1e-9 and grouped.high >= plain.high - 1e-9
    assert censored_interval(logs, groups=["a"] * len(pairs)) == plain


def test_groups_that_differ_make_less_of_the_result():
    """Half of the pairs show twice the time, half the same: two searches of which one was lucky."""
    pairs = [(10 + place, (2 if place % 2 else 1.01) * (10 + place)) for place in range(12)] + [(10, INF), (11, INF)]
    by_search = [place % 2 for place in range(14)]
    plain, grouped = censored_interval(logs_of(pairs)), censored_interval(logs_of(pairs), groups=by_search)
    assert plain.p < 0.01 < 0.1 < grouped.p
    alike = [place // 2 % 2 for place in range(14)]
    assert censored_interval(logs_of(pairs), groups=alike).p == pytest.approx(plain.p, abs=0.02)


# --- what the whole is for --------------------------------------------------------------------------------------------


def simulated(rng, pairs, censored, factor=1.0):
    """Times of two, of which those beyond the end of the run are missed: as large a share of the first one's."""
    shared = rng.normal(0, 0.15, (pairs, 1))
    logs = shared + rng.normal(0, 0.2, (pairs, 2)) + np.array([0.0, math.log(factor)])
    end = stats.norm.isf(censored, scale=math.hypot(0.15, 0.2))
    return np.where(logs > end, INF, np.round(logs, 1))


@pytest.mark.parametrize("pairs", [5, 10, 20])
@pytest.mark.parametrize("censored", [0.1, 0.5])
def test_two_that_are_alike_are_told_apart_in_5_of_100_studies_at_most(pairs, censored):
    rng = np.random.default_rng(pairs)
    told = [censored_interval(simulated(rng, pairs, censored)).p <= 0.05 for _ in range(400)]
    assert np.mean(told) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


@pytest.mark.parametrize(("censored", "factor"), [(0.02, 1.5), (0.2, 1.25), (0.2, 1 / 1.25), (0.02, 2.0)])
def test_the_interval_covers_the_factor_as_often_as_it_says(censored, factor):
    """Also where the slower one misses far more often: dividing its times by the factor shortens its runs as well."""
    rng = np.random.default_rng(1)
    found = [censored_interval(simulated(rng, 10, censored, factor)) for _ in range(300)]
    # times are rounded to tenths of a logarithm, so an end may lie half of that beyond the factor
    covered = np.mean([each.low - 0.05 <= math.log(factor) <= each.high + 0.05 for each in found])
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 300)
    if factor < 2:  # else three in four of the second one are missed
        assert np.median([each.mean for each in found]) == pytest.approx(math.log(factor), abs=0.05)


def test_one_that_takes_half_as_long_again_is_found_although_a_fifth_is_missed():
    rng = np.random.default_rng(2)
    assert np.mean([censored_interval(simulated(rng, 10, 0.2, 1.5)).p <= 0.05 for _ in range(200)]) >= 0.75


def test_without_misses_it_finds_nearly_as_much_as_the_bootstrap():
    rng = np.random.default_rng(3)
    studies = [simulated(rng, 12, 1e-9, 1.25) for _ in range(200)]
    ranks = np.mean([censored_interval(each).p <= 0.05 for each in studies])
    bootstrap = np.mean([bootstrap_interval(each[:, 1] - each[:, 0]).p <= 0.05 for each in studies])
    assert 0.5 < bootstrap < 0.95
    assert ranks > bootstrap - 0.15
