"""Performance profiles and scores: AlgoPerf's own numbers, a plain second implementation, cases by hand."""

import io
import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import steepest
from steepest.statistics import performance_profiles, time_to_target

INF = math.inf

# Seconds to target of the AlgoPerf leaderboard with rules of 2026, and the scores published for them: repository
# mlcommons/submissions_algorithms, artifacts/tech_report_v1/section_4_leaderboards/out/byproducts/relaxation_sweep,
# time_to_targets_00pct.csv (rounded to 0.1 s) and scores_and_coverage.csv. Nobody reached imagenet_resnet.
ALGOPERF = """
submission criteo1tb fastmri finewebedu_lm imagenet_resnet imagenet_vit conformer deepspeech ogbg wmt score
ademamix 7839.2 1517.7 18025.9 inf inf 48894.9 inf 6330.0 17399.6 0.5190796857463527
cautious_nadamw inf 1608.2 25739.0 inf inf inf inf 4992.7 14232.5 0.31425364758698043
lion inf 1394.2 23172.0 inf inf inf inf 7224.0 15475.6 0.27833894500561146
muon_jax inf 1869.8 20594.0 inf 77162.9 inf inf inf inf 0.2845117845117842
muon_pytorch 7141.6 inf 15471.9 inf inf inf inf 1833.5 14214.8 0.4231200897867556
nadamw 7492.7 1800.8 25733.8 inf 72015.6 inf inf inf inf 0.384399551066217
nadamw_baseline 8206.1 1620.5 20589.9 inf inf inf inf 4089.8 14865.8 0.4506172839506181
nadamw_resnet inf 1920.5 23163.0 inf inf inf inf 6349.5 inf 0.18574635241301896
schedule_free_pytorch 10337.7 1188.9 inf inf inf inf 40463.4 3640.1 19957.7 0.466891133557801
schedule_free_jax inf 2397.4 12875.3 inf 87468.9 inf inf 5447.0 16161.2 0.4107744107744111
schedule_free_v2_jax 8204.5 1850.6 15452.0 inf 84891.8 inf inf 5444.0 inf 0.4405162738496074
schedule_free_v2_pytorch 7480.6 1128.8 inf inf inf 55846.4 41911.2 6325.4 10325.5 0.5679012345679016
diloco inf 2379.3 28314.8 inf inf inf inf inf inf 0.1369248035914701
diloco_v2 inf 2578.1 28314.0 inf inf inf inf inf inf 0.1301907968574634
"""


def test_the_scores_are_those_that_algoperf_published():
    times = pd.read_csv(io.StringIO(ALGOPERF), sep=" ", index_col="submission")
    published = times.pop("score")
    found = steepest.statistics.performance_profiles(times)
    pd.testing.assert_series_equal(found.score, published, rtol=0, atol=1e-12)


# --- by hand and by a second implementation ---------------------------------------------------------------------------


def test_a_profile_climbs_by_one_workload_at_each_ratio():
    """a: 1, 1.5 and missed; b: 2, 1 and 1; the points are 1, 1.0303, ..., 4."""
    times = pd.DataFrame({"x": [10.0, 20.0], "y": [30.0, 20.0], "z": [INF, 7.0]}, index=["a", "b"])
    found = performance_profiles(times)
    points = found.profile.columns.to_numpy()
    assert points == pytest.approx([1 + 3 * i / 99 for i in range(100)])
    assert found.profile.loc["a"].to_numpy() == pytest.approx(1 / 3 * (points >= 1) + 1 / 3 * (points >= 1.5))
    assert found.profile.loc["b"].to_numpy() == pytest.approx(2 / 3 * (points >= 1) + 1 / 3 * (points >= 2))
    # by the trapezoid rule a step of 1/3 between two points counts half of the gap between them
    assert found.score["a"] == pytest.approx((99 / 3 + (99 - 17 + 0.5) / 3) / 99)  # 1.5 lies before point 17
    assert found.score["b"] == pytest.approx((99 * 2 / 3 + (99 - 33 + 0.5) / 3) / 99)  # 2 is point 33


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([5.0, 5.0], [1.0, 1.0]),  # a tie: both are the best
        ([INF, INF], [0.0, 0.0]),  # everyone missed
        ([1.0, 4.0], [1.0, 0.5 / 99]),  # exactly four times the best is not over it: the last point, at half weight
        ([1.0, 4.0000001], [1.0, 0.0]),
        ([INF, 7.0], [0.0, 1.0]),
    ],
)
def test_one_workload(column, expected):
    found = performance_profiles(pd.DataFrame({"x": column}))
    assert found.score.tolist() == pytest.approx(expected, abs=1e-12)


def test_a_workload_that_everyone_missed_still_counts():
    times = pd.DataFrame({"x": [1.0, 2.0], "y": [INF, INF]})
    assert performance_profiles(times).score.tolist() == pytest.approx([0.5, (99 - 33 + 0.5) / 99 / 2])


def plain(times, max_ratio):
    """AlgoPerf's definition again, in loops."""
    points = [1 + (max_ratio - 1) * i / 99 for i in range(100)]
    workloads, profiles = range(len(times[0])), []
    for own in times:
        profile = []
        for point in points:
            within = 0
            for w in workloads:
                best = min(row[w] for row in times)
                if own[w] < INF and own[w] / best <= point * (1 + 1e-12):
                    within += 1
            profile.append(within / len(times[0]))
        profiles.append(profile)
    gap = (max_ratio - 1) / 99
    areas = [sum((left + right) / 2 * gap for left, right in itertools.pairwise(each)) for each in profiles]
    return profiles, [area / (max_ratio - 1) for area in areas]


SECONDS = st.integers(1, 97).map(lambda n: n / 7) | st.just(INF)


@given(
    st.integers(1, 4).flatmap(lambda n: st.lists(st.lists(SECONDS, min_size=n, max_size=n), min_size=1, max_size=4)),
    st.sampled_from([math.e, 3.99, 10.1]),
)
def test_it_is_what_a_second_implementation_finds(times, max_ratio):
    found = performance_profiles(pd.DataFrame(times), max_ratio)
    profiles, scores = plain(times, max_ratio)
    assert found.profile.to_numpy() == pytest.approx(np.array(profiles))
    assert found.score.to_numpy() == pytest.approx(scores)


def test_whole_seconds_and_names_are_kept():
    times = pd.DataFrame({"x": [1, 2]}, index=pd.Index(["b", "a"], name="submission"))
    found = performance_profiles(times)
    assert list(found.profile.index) == list(found.score.index) == ["b", "a"]
    assert found.profile.columns.name == "ratio"
    assert found.profile.shape == (2, 100)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("times", "message"),
    [
        (pd.DataFrame(), "times: need at least one submission"),
        (pd.DataFrame({"x": []}), "times: need at least one submission"),
        (pd.DataFrame(index=["a"]), "times: need at least one submission"),
        ({"x": [1.0]}, "times: must be a DataFrame .*, got dict"),
        (pd.DataFrame({"x": [1.0, 0.0]}), "times: 1 on 'x': must be seconds above 0, inf for a miss; got 0.0"),
        (pd.DataFrame({"x": [-1.0]}, index=["adam"]), "times: 'adam' on 'x': .*; got -1.0"),
        (pd.DataFrame({"x": [math.nan]}), "times: 0 on 'x': .*; got nan"),
        (pd.DataFrame({"x": ["soon"]}), "times: 0 on 'x': .*; got soon"),
        (pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "a"]), "times: submission 'a' is there twice"),
        (pd.DataFrame([[1.0, 2.0]], columns=["x", "x"]), "times: workload 'x' is there twice"),
    ],
)
def test_times_that_are_none_are_refused_in_one_line(times, message):
    with pytest.raises(ValueError, match=message) as caught:
        performance_profiles(times)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("max_ratio", [1.0, 0.5, -4, math.nan, INF])
def test_the_largest_ratio_is_a_number_above_1(max_ratio):
    with pytest.raises(ValueError, match="max_ratio: must be a number above 1"):
        performance_profiles(pd.DataFrame({"x": [1.0]}), max_ratio)


# --- times from a study -----------------------------------------------------------------------------------------------


def study(**seconds):
    """Report runs: by contestant and workload, (seed, seconds) of each run."""
    rows = [
        {"workload": workload, "label": label, "phase": "report", "seed": seed, "seconds_to_target": each}
        for label, workloads in seconds.items()
        for workload, runs in workloads.items()
        for seed, each in runs
    ]
    return pd.DataFrame(rows)


def test_the_best_trial_counts_on_each_seed_and_the_middle_seed_of_all():
    runs = study(a={"x": [(1, 9.0), (1, 3.0), (2, 5.0), (3, INF), (3, 10.0)], "y": [(1, INF), (2, INF), (3, 1.0)]})
    assert time_to_target(runs).loc["a"].to_dict() == {"x": 5.0, "y": INF}


def test_contestants_and_workloads_keep_their_order_and_what_did_not_run_is_blank():
    runs = study(b={"y": [(1, 1.0)], "x": [(1, 2.0)]}, a={"x": [(1, 8.0)]})
    found = time_to_target(runs)
    assert (list(found.index), list(found.columns)) == (["b", "a"], ["y", "x"])
    assert math.isnan(found.loc["a", "y"])
    with pytest.raises(ValueError, match=r"'a' on 'y': .*; got nan"):
        performance_profiles(found)


def test_the_search_has_no_say_in_it():
    runs = study(a={"x": [(1, 2.0)]})
    search = runs.assign(phase="search", seconds_to_target=0.1)
    assert time_to_target(pd.concat([search, runs])).loc["a", "x"] == 2.0


def test_a_study_leads_to_scores():
    runs = study(a={"x": [(1, 2.0)], "y": [(1, 3.0)]}, b={"x": [(1, 9.0)], "y": [(1, 3.0)]})
    assert performance_profiles(time_to_target(runs)).score.to_dict() == {"a": 1.0, "b": 0.5}


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="runs: lack the column 'workload'"):
        time_to_target(study(a={"x": [(1, 2.0)]}).drop(columns="workload"))
