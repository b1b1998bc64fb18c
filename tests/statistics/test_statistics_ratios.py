"""Paired ratios and the verdicts that follow from them: equal ones tie, a tenth faster is found."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from steepest.statistics import LEVEL_LATER, bootstrap_interval, paired_ratios, step_time_interval, verdict
from steepest.statistics.censored import censored_interval, fewest_pairs

from .run_tables import contest, reports, run, table

INF = math.inf

# --- paired ratios ----------------------------------------------------------------------------------------------------


def test_the_ratio_is_the_geometric_mean_over_the_seeds_and_its_interval_the_bootstraps():
    a, b = np.array([20.0, 30, 25, 28, 22]), np.array([30.0, 42, 40, 35, 33])
    row = paired_ratios(contest(a=a, b=b)).loc["b"]
    expected = bootstrap_interval(np.log(b / a))
    assert row["ratio"] == pytest.approx(stats.gmean(b / a))
    assert (row["low"], row["high"]) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert row["p"] == pytest.approx(expected.p)
    assert (row["against"], row["differs"], row["word"], row["pairs"]) == ("a", True, "slower", 5)
    assert math.isnan(row["more_seeds"])


def test_the_other_way_round_everything_is_turned():
    runs = contest(a=[20, 30, 25, 28, 22], b=[30, 42, 40, 35, 33])
    there, back = paired_ratios(runs, against="a").loc["b"], paired_ratios(runs, against="b").loc["a"]
    turned = [1 / back["ratio"], 1 / back["high"], 1 / back["low"]]
    assert [there["ratio"], there["low"], there["high"]] == pytest.approx(turned)
    assert (there["word"], back["word"]) == ("slower", "faster")
    assert there["p"] == back["p"]


def test_by_default_all_are_compared_with_the_first_to_the_target():
    found = paired_ratios(contest(slow=[40, 44, 36, 42], fast=[20, 22, 18, 21], slower=[80, 84, 70, 90]))
    assert list(found.index) == ["slow", "slower"]
    assert set(found["against"]) == {"fast"}


def test_only_seeds_that_both_ran_are_paired():
    runs = table(reports("a", [10, 11, 12, 13]), [run("b", "report", seed, steps=20) for seed in (2, 4, 9)])
    row = paired_ratios(runs, against="a").loc["b"]
    assert row["pairs"] == 2
    assert row["ratio"] == pytest.approx(20 / math.sqrt(11 * 13))


def test_a_miss_is_a_time_that_is_only_known_to_be_longer():
    a, b = [10.0, 11.0, 12.0, 9.0, 10.0], [40.0, 40.0, INF, 44.0, 36.0]
    row = paired_ratios(contest(a=a, b=b)).loc["b"]
    expected = censored_interval(np.log(np.transpose([a, b])))
    assert row["ratio"] == pytest.approx(math.exp(expected.mean))
    assert 3 < row["ratio"] < 5
    assert (row["low"], row["high"]) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert row["low"] > 1
    assert (row["p"], row["word"], row["pairs"]) == (expected.p, "slower", 5)
    assert math.isnan(row["more_seeds"])


def test_a_seed_that_both_missed_says_nothing():
    a, b = [10, 11, 12, 9], [20, 22, 25, 17]
    both = paired_ratios(contest(a=[*a, INF], b=[*b, INF])).loc["b"]
    pd.testing.assert_series_equal(both, paired_ratios(contest(a=a, b=b)).loc["b"])


def test_who_misses_most_of_the_time_is_slower_where_the_seeds_are_enough_to_tell():
    few = paired_ratios(contest(a=[10, 20, 30], b=[INF, INF, 5], c=[INF, INF, 6]))
    assert set(few["word"]) == {"tie"}
    assert (few["p"] > 0.2).all()
    steps = {"a": [10, 12, 11, 13, 9, 12, 14, 10], "b": [INF] * 7 + [15], "c": [INF] * 7 + [16], "never": [INF] * 8}
    runs = contest(**steps)
    found = paired_ratios(runs)
    assert set(found["word"]) == {"slower"}
    assert set(found["high"]) == {INF}
    assert (found["low"] >= 1).all()
    assert found.loc["never", "ratio"] == INF
    assert (found.loc[["b", "c"], "ratio"] > 1.2).all()
    against = paired_ratios(runs, against="b")
    assert against.loc["a", ["low", "word"]].tolist() == [0.0, "faster"]
    assert against.loc["a", "high"] <= 1
    assert paired_ratios(runs, against="never").loc["a", ["ratio", "low", "word"]].tolist() == [0.0, 0.0, "faster"]
    assert against.loc["c", ["word", "pairs", "p"]].tolist() == ["tie", 1, 1.0]  # one seed that not both missed


def test_who_reaches_nothing_together_cannot_be_compared():
    row = paired_ratios(contest(a=[INF, INF], b=[INF, INF])).loc["b"]
    assert (row["word"], row["p"], row["pairs"], row["low"], row["high"]) == ("tie", 1.0, 0, 0.0, INF)
    assert math.isnan(row["ratio"]) and math.isnan(row["more_seeds"])


def test_words_say_less_at_a_stricter_level_and_intervals_stay():
    """As after seeds were added, because the first ones could not tell."""
    runs = contest(a=[20, 20, 21, 20, 20, 20], b=[21, 22, 30, 23, 27, 26])
    first, later = paired_ratios(runs, against="a").loc["b"], paired_ratios(runs, "steps_to_target", "a", 0.95, 0.01)
    later = later.loc["b"]
    assert LEVEL_LATER == 0.01 < first["p"] < 0.05
    assert (first["word"], later["word"], later["differs"]) == ("slower", "tie", False)
    assert first[["ratio", "low", "high", "p"]].tolist() == later[["ratio", "low", "high", "p"]].tolist()
    assert (verdict(runs).first, verdict(runs).p) == (("a",), first["p"])
    assert verdict(runs, level=LEVEL_LATER).first == ("a", "b")
    assert verdict(runs, level=LEVEL_LATER).more_seeds == later["more_seeds"] > 0


# --- searches ---------------------------------------------------------------------------------------------------------


def searched(runs, searches):
    """The runs with a column that says of which search their settings are."""
    return runs.assign(search=[(int(seed) - 1) % searches if seed else 0 for seed in runs["seed"]])


def test_what_the_searches_differ_by_counts_in_the_interval():
    a, b = np.array([20.0, 21, 20, 22, 21, 20, 19, 21]), np.array([30.0, 21, 31, 23, 30, 21, 29, 20])
    runs = contest(a=a, b=b)
    plain, row = (paired_ratios(each, against="a").loc["b"] for each in (runs, searched(runs, 2)))
    expected = bootstrap_interval(np.log(b / a), groups=[0, 1] * 4)
    assert (row["p"], row["ratio"]) == pytest.approx((expected.p, plain["ratio"]))
    assert (row["low"], row["high"]) == pytest.approx((math.exp(expected.low), math.exp(expected.high)))
    assert row["low"] < 1 < plain["low"]
    assert (plain["word"], row["word"]) == ("slower", "tie")
    assert math.isnan(row["more_seeds"])  # more seeds do not make the searches any more alike


def test_searches_that_differ_by_chance_only_change_nothing():
    a, b = [20.0, 21, 20, 22, 21, 20, 19, 21], [30.0, 31, 27, 33, 30, 31, 32, 27]
    runs = contest(a=a, b=b)
    pd.testing.assert_frame_equal(paired_ratios(searched(runs, 2)), paired_ratios(runs))
    pd.testing.assert_frame_equal(paired_ratios(searched(runs, 1)), paired_ratios(runs))


def test_searches_count_where_runs_missed_as_well():
    a = [20.0, 21, 20, 22, 21, 20, 19, 21, 20, 21]
    b = [30.0, 21, 31, 23, 30, 21, 29, 20, INF, 21]
    runs = contest(a=a, b=b)
    plain, row = (paired_ratios(each, against="a").loc["b"] for each in (runs, searched(runs, 2)))
    expected = censored_interval(np.log(np.transpose([a, b])), groups=[0, 1] * 5)
    assert (row["p"], row["word"]) == (expected.p, "tie")
    assert plain["p"] < row["p"]


# --- seconds ----------------------------------------------------------------------------------------------------------

SECONDS = {"a": [10.0, 11, 12, 10, 11, 12], "b": [30.0, 34, 33, 31, 35, 37]}


def measured(b, a=1.0, rounds=9, noise=0.0):
    """Seconds of a step in rounds: those of `b` vary around `b`."""
    turns = np.where(np.arange(rounds) % 2, 1.0, -1.0)
    turns[-1] = 0.0 if rounds % 2 else turns[-1]
    return pd.DataFrame({"a": a * np.ones(rounds), "b": b * np.exp(noise * turns)})


def test_seconds_are_steps_times_the_seconds_of_a_step_in_the_rounds():
    runs = contest(**SECONDS)
    steps = paired_ratios(runs, against="a").loc["b"]
    row = paired_ratios(runs, "seconds_to_target", "a", rounds=measured(0.5, 2.0)).loc["b"]
    assert row["ratio"] == pytest.approx(steps["ratio"] / 4)
    assert 0.99 * steps["low"] / 4 < row["low"] < steps["low"] / 4  # the rounds agree; SAME_STEPS remains
    assert row["word"] == "faster"
    for rounds in (None, measured(0.01, noise=0.5)):
        pd.testing.assert_series_equal(paired_ratios(runs, against="a", rounds=rounds).loc["b"], steps)


@pytest.mark.parametrize("noise", [0.05, 0.5])
def test_the_spread_of_the_rounds_counts_in_the_interval(noise):
    """Their standard error, that of a normal variable with as wide an interval."""
    runs, rounds = contest(**SECONDS), measured(1.0, noise=noise)
    row = paired_ratios(runs, "seconds_to_target", "a", rounds=rounds).loc["b"]
    low, high = step_time_interval(np.log(rounds["b"]))
    logs = np.log(SECONDS["b"]) - np.log(SECONDS["a"])
    expected = bootstrap_interval(logs, error=(high - low) / 2 / stats.norm.ppf(0.975))
    assert row[["ratio", "low", "high"]].tolist() == pytest.approx(np.exp([expected.mean, expected.low, expected.high]))
    assert row["p"] == pytest.approx(expected.p)
    exact = paired_ratios(runs, "seconds_to_target", "a", rounds=measured(1.0)).loc["b"]
    assert row["low"] < exact["low"] < exact["high"] < row["high"]
    assert row["p"] >= exact["p"]


def test_rounds_that_vary_widely_hide_a_difference():
    runs = contest(**SECONDS)
    sure, unsure = (verdict(runs, "seconds_to_target", rounds=measured(1.0, noise=noise)) for noise in (0.1, 2.0))
    assert (sure.first, unsure.first) == (("a",), ("a", "b"))


def test_rounds_are_compared_in_pairs_so_that_a_slow_moment_of_the_machine_cancels():
    speed = np.array([1.0, 1.0, 5.0, 1.0, 3.0])
    rounds = pd.DataFrame({"a": 2 * speed, "b": 1 * speed})
    runs = contest(**SECONDS)
    row, exact = (
        paired_ratios(runs, "seconds_to_target", "a", rounds=each).loc["b"] for each in (rounds, measured(0.5))
    )
    pd.testing.assert_series_equal(row, exact)


def test_with_misses_the_spread_of_the_rounds_is_a_margin():
    runs = contest(a=[*SECONDS["a"], 10, 11], b=[*SECONDS["b"], INF, 35])
    rounds = measured(0.5, noise=0.05)
    row = paired_ratios(runs, "seconds_to_target", "a", rounds=rounds).loc["b"]
    low, high = step_time_interval(np.log(rounds["b"]))
    logs = np.log([[*SECONDS["a"], 10, 11], [0.5 * steps for steps in [*SECONDS["b"], INF, 35]]]).T
    expected = censored_interval(logs, margin=(high - low) / 2)
    assert row[["ratio", "low", "high"]].tolist() == pytest.approx(np.exp([expected.mean, expected.low, expected.high]))
    assert row["p"] == expected.p


def test_who_was_not_measured_in_the_rounds_is_compared_by_the_seconds_of_its_runs():
    """Rules that were just added: the rounds are measured again when all is done."""
    runs = table(
        reports("a", SECONDS["a"], seconds_a_step=1.0), reports("b", SECONDS["b"], seconds_a_step=0.001)
    )  # fmt: skip
    found = paired_ratios(runs, "seconds_to_target", "a", rounds=measured(1.0)[["a"]])
    pd.testing.assert_frame_equal(found, paired_ratios(runs, "seconds_to_target", "a"))
    assert found.loc["b", "word"] == "faster"


def test_two_seeds_that_differ_widely_have_an_interval_without_end():
    row = paired_ratios(contest(a=[1, 1e-6], b=[1, 1e6]), against="a", confidence=0.999).loc["b"]
    assert (row["low"], row["high"]) == (0.0, INF)


def test_many_contestants_need_more_evidence_than_one():
    """The same two contestants: told apart alone, but not as one of many tests, by Holm's correction."""
    a, b = [20, 20, 21, 20, 20, 20], [21, 22, 30, 23, 27, 26]
    others = {f"c{number}": [20, 22, 19, 20.5, 19.7, 21] for number in range(8)}
    alone, one_of_many = (
        paired_ratios(contest(a=a, b=b), against="a"),
        paired_ratios(contest(a=a, b=b, **others), against="a"),
    )
    assert 0.05 / 9 < alone.loc["b", "p"] < 0.05
    assert (alone.loc["b", "word"], one_of_many.loc["b", "word"]) == ("slower", "tie")


def test_without_anyone_to_compare_the_table_is_empty_but_has_its_columns():
    alone, nobody = paired_ratios(contest(a=[1, 2])), paired_ratios(contest(a=[1, 2]).query("phase == 'search'"))
    assert len(alone) == len(nobody) == 0
    assert list(alone.columns) == list(nobody.columns) == [
        "against", "ratio", "low", "high", "p", "differs", "word", "more_seeds", "pairs"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        (contest(a=[0.0, 1.0], b=[1.0, 1.0]), "'a' on seed 1: steps_to_target must be above 0, got 0"),
        (table(reports("a", [1.0]), reports("a", [2.0])), "'a' on seed 1: there are two report runs"),
        (contest(a=[1.0]).assign(workload=["x", "y"]), r"runs: are of several workloads \(x, y\); give those of one"),
        (contest(a=[1.0]).drop(columns="seed"), "runs: lack the column 'seed'"),
    ],
)
def test_what_cannot_be_paired_is_refused_in_one_line(runs, message):
    with pytest.raises(ValueError, match=message) as caught:
        paired_ratios(runs)
    assert "\n" not in str(caught.value)


def test_against_must_be_someone():
    with pytest.raises(ValueError, match="against: 'c' has no report runs; there are a, b"):
        paired_ratios(contest(a=[1.0], b=[2.0]), against="c")


# --- how many more seeds ----------------------------------------------------------------------------------------------


def power(ratio, spread, seeds, level):
    """Of Student's paired t test, by its noncentral distribution."""
    shift, critical = abs(math.log(ratio)) / spread * math.sqrt(seeds), stats.t.isf(level / 2, seeds - 1)
    return stats.nct.sf(critical, seeds - 1, shift)


@pytest.mark.parametrize(("ratio", "spread"), [(1.03, 0.05), (1.05, 0.2), (1.02, 0.1)])
def test_so_many_more_seeds_would_tell_four_times_in_five(ratio, spread):
    logs = math.log(ratio) + spread * np.array([1.0, -1.0] * 3) * math.sqrt(5 / 6)  # this mean, this spread
    assert (logs.mean(), logs.std(ddof=1)) == pytest.approx((math.log(ratio), spread))
    row = paired_ratios(contest(a=[100.0] * 6, b=100 * np.exp(logs)), against="a").loc["b"]
    assert row["word"] == "tie"
    assert power(ratio, spread, 6 + row["more_seeds"], LEVEL_LATER) == pytest.approx(0.8, abs=0.01)


def test_with_more_contestants_more_seeds_are_needed():
    a, b = [100.0] * 6, [103, 99, 108, 101, 106, 97]
    two = paired_ratios(contest(a=a, b=b), against="a").loc["b", "more_seeds"]
    three = paired_ratios(contest(a=a, b=b, c=b), against="a").loc["b", "more_seeds"]
    assert 1 <= two < three


def test_equal_differences_need_as_many_seeds_as_chance_would_not_give():
    few = contest(a=[10, 10], b=[20, 20], c=[20, 20])
    assert paired_ratios(few.query("label != 'c'")).loc["b", ["word", "more_seeds"]].tolist() == ["tie", 2]
    assert paired_ratios(contest(a=[10] * 3, b=[20] * 3)).loc["b", "word"] == "slower"
    assert paired_ratios(contest(a=[10] * 3, b=[20] * 3), level=LEVEL_LATER).loc["b", "word"] == "tie"
    assert paired_ratios(contest(a=[10] * 4, b=[20] * 4), level=LEVEL_LATER).loc["b", "word"] == "slower"
    assert paired_ratios(few).loc["b", ["word", "more_seeds"]].tolist() == ["tie", 3]  # one of two tests
    assert set(paired_ratios(contest(a=[10] * 4, b=[20] * 4, c=[20] * 4))["word"]) == {"slower"}
    five = contest(a=[10] * 5, b=[20] * 5, c=[20] * 5)
    assert set(paired_ratios(five, level=LEVEL_LATER)["word"]) == {"slower"}


def test_where_runs_missed_at_least_so_many_pairs_are_needed_as_can_tell_at_all():
    row = paired_ratios(contest(a=[10, 11, 12], b=[30, 33, INF]), against="a").loc["b"]
    assert (row["word"], row["pairs"]) == ("tie", 3)
    assert 3 + row["more_seeds"] >= fewest_pairs(LEVEL_LATER)


@pytest.mark.parametrize("b", [[10, 11, 12, 13], [11, 10, 13, 12]])
def test_where_there_is_no_difference_no_number_of_seeds_would_tell(b):
    row = paired_ratios(contest(a=[10, 11, 12, 13], b=b), against="a").loc["b"]
    assert row["word"] == "tie"
    assert math.isnan(row["more_seeds"])


def test_a_difference_too_small_for_a_thousand_seeds_is_none():
    row = paired_ratios(contest(a=[10, 11, 12, 13], b=[12, 9.2, 14.4, 10.85]), against="a").loc["b"]
    assert abs(row["ratio"] - 1) > 1e-4
    assert math.isnan(row["more_seeds"])


# --- what the whole is for --------------------------------------------------------------------------------------------


def simulated(rng, faster=0.0, seeds=10, spread=0.05, contestants=2):
    """A study on the grid: the target is near the 25th of 50 evaluations, seeds differ by 15 % for everyone alike."""
    shared = rng.normal(0, 0.15, (seeds, 1))
    pace = np.array([1 + faster, *[1.0] * (contestants - 1)])
    steps = np.ceil(25 / pace * np.exp(shared + rng.normal(0, spread, (seeds, contestants))))
    return pd.DataFrame({
        "label": np.repeat([f"c{number}" for number in range(contestants)], seeds), "phase": "report",
        "seed": np.tile(np.arange(1, seeds + 1), contestants), "final_loss": rng.random(seeds * contestants),
        "steps_to_target": np.where(steps > 50, INF, 20 * steps).T.ravel(),
    })  # fmt: skip


def test_two_equal_optimizers_tie_in_at_least_95_percent_of_200_studies():
    rng = np.random.default_rng(0)
    assert sum(len(verdict(simulated(rng)).first) == 2 for _ in range(200)) >= 190


def test_one_that_is_a_tenth_faster_is_found():
    rng = np.random.default_rng(1)
    found = [verdict(simulated(rng, faster=0.1)) for _ in range(50)]
    assert np.mean([each.first == ("c0",) for each in found]) >= 0.8
    assert np.exp(np.mean(np.log([each.ratio for each in found if each.behind]))) == pytest.approx(1.1, abs=0.02)


def test_five_equal_optimizers_tie_as_well():
    rng = np.random.default_rng(2)
    assert sum(len(verdict(simulated(rng, contestants=5)).first) == 5 for _ in range(100)) >= 93
