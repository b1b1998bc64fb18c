"""What is said of a comparison: sentences that its numbers bear out, in both languages."""

import math
import re
from dataclasses import replace

import pandas as pd
import pytest

from steepest.base.status import Status
from steepest.base.text import Text
from steepest.findings.catalogue import Finding
from steepest.report.rows import chosen_budgets, result_rows
from steepest.report.sentences import (
    aside_sentence,
    broken_sentence,
    budget_sentence,
    edge_warnings,
    partner_sentence,
    profile_sentence,
    target_sentence,
    verdict_sentence,
    verdict_texts,
)
from steepest.report.words import DESCRIPTIONS, LABELS, PHASES, STATUSES, WORDS
from steepest.statistics import SetAside
from steepest.study import make_plan
from steepest.study.jobs import columns_of
from steepest.workloads import find

from .comparisons import awkward, contest, partly, reports, run, study_of, trials

pytestmark = pytest.mark.quick

CHINESE = re.compile("[一-鿿]")
AWKWARD = awkward()


def verdict_of(seeds=3, sizes=None, **steps) -> Text:
    rows = [row for label, each in steps.items() for row in reports(label, each)]
    sized = [row | {"batch_size": (sizes or {}).get(row["label"], 32)} for row in rows]
    return verdict_sentence(study_of(sized, seeds=seeds))


# --- the verdict ------------------------------------------------------------------------------------------------------

CLEAR = {"fast": [10, 11, 12], "slow": [20, 22, 24]}
CLOSE = {"a": [10, 20, 30], "b": [11, 18, 31], "c": [10, 21, 30]}


def test_a_clear_winner_gets_there_first():
    assert verdict_of(**CLEAR) == Text(
        "fast gets there first: 11 steps to the target (median of 3 fresh seeds) at learning rate 0.1."
        " slow, the next, needs 2.00 times as many steps (95 % interval 2.00 to 2.00).",
        "fast 最先到达：在学习率 0.1 下用 11 步达到目标（3 个新种子的中位数）。"
        "其次的 slow 需要 2.00 倍的步数（95% 区间 2.00 至 2.00）。",
    )


def test_a_metric_that_is_never_a_number_is_told_instead_of_advice():
    nan = {"final_metric": math.nan, "best_metric": math.nan}
    broken = {"status": "diverged", "final_metric": math.nan, "best_metric": math.nan}
    study = study_of(reports("a", [math.inf] * 3, **nan))
    assert verdict_sentence(study).en.startswith("accuracy was NaN in every evaluation of every run")
    assert CHINESE.search(verdict_sentence(study).zh)
    for rows in (reports("a", [math.inf] * 3, **broken), reports("a", [math.inf] * 3)):
        assert "NaN" not in verdict_sentence(study_of(rows)).en


def test_where_batches_differ_seconds_are_what_counts():
    text = verdict_of(**CLEAR, sizes={"fast": 1, "slow": 100})
    assert text.en.startswith("fast gets there first: 5.50 seconds to the target")
    assert "slow, the next, needs 2.00 times as long" in text.en
    assert "用 5.50 秒达到目标" in text.zh and "需要 2.00 倍的时间" in text.zh


def test_a_tie_is_called_one_and_how_it_could_be_told():
    text = verdict_of(a=[10, 20, 30], b=[13, 21, 30])
    told = re.fullmatch(
        r"a and b tie: 3 seeds cannot tell them apart; about (\d+) more would \(--add-seeds \1\)\."
        r" a took 20 steps to the target \(median of 3 fresh seeds\) at learning rate 0\.1\.",
        text.en,
    )
    assert told
    assert text.zh.startswith(f"a、b 打平：3 个种子分不出先后，再加约 {told[1]} 个（--add-seeds {told[1]}）才行。")


def test_muons_partner_is_named():
    plan = make_plan(find("digits"), ["adam", "muon(lr=0.02)"])
    text = partner_sentence(replace(study_of(reports("a", [1, 2, 3])), plan=plan))
    assert text.en.startswith("Muon lr=0.02 moves the matrices inside the network; AdamW trains all else")
    assert text.zh.startswith("Muon lr=0.02 只更新网络内部的矩阵")
    assert partner_sentence(study_of(reports("a", [1, 2, 3]))) is None


def test_what_no_number_of_seeds_would_tell_is_said_so():
    text = verdict_of(a=[10, 20, 30], b=[10, 20, 30])
    assert "tie: 3 seeds cannot tell them apart, and more are not likely to. " in text.en
    assert "增加种子多半也分不出" in text.zh


def test_a_tie_may_have_someone_behind_it():
    text = verdict_of(**CLOSE, last=[100, 200, 290])
    assert re.search(r"last is clearly slower than b: it needs 9\.\d\d times as many steps \(95 % interval", text.en)
    assert "last 明显比 b 慢：需要 9." in text.zh


SLOW_BUT_NOT_SURELY = {"fast": [10, 11, 12, 10, 11], "sure": [13, 14, 15, 13, 14], "maybe": [9, 30, 16, 10, 60]}


def test_a_tie_with_one_whose_median_is_behind_a_clearly_slower_one_is_explained():
    """`maybe` stands below `sure` in the table and ties with the first all the same: that must not look like a slip."""
    text = verdict_of(seeds=5, **SLOW_BUT_NOT_SURELY)
    assert text.en.startswith("fast and maybe tie: ")
    assert "sure is clearly slower than fast" in text.en
    assert text.en.endswith(
        "maybe has no smaller a median than sure, but seed by seed these runs do not show it to be slower than fast."
    )
    assert text.zh.endswith("maybe 的中位数虽不小于 sure，但逐个种子比较，这些运行还不能说明其比 fast 慢。")


def test_those_who_miss_are_said_to_miss():
    text = verdict_of(good=[10, 11, 12], bad=[math.inf, math.inf, 10])
    assert text.en.endswith("bad missed the target on most seeds.")
    assert text.zh.endswith("bad 在多数种子上未达到目标。")


@pytest.mark.parametrize(("higher", "closest"), [(True, "b"), (False, "a")])
def test_where_nobody_arrives_there_is_advice_and_who_came_closest(higher, closest):
    rows = [*reports("a", [math.inf] * 3, final_metric=0.5), *reports("b", [math.inf] * 3, final_metric=0.75)]
    headline, more = verdict_texts(study_of(rows, higher=higher))
    assert headline.en == (
        "No optimizer reached the target on most seeds; give more steps (--steps) or an easier target (--target)."
    )
    assert headline.zh.startswith("没有优化器在多数种子上达到目标")
    value = "0.7500" if higher else "0.5000"
    assert more == Text(
        f"{closest} came closest: accuracy {value} at the end.", f"最接近的是 {closest}：最终准确率为 {value}。"
    )


def test_a_single_contestant_is_first_among_none():
    text = verdict_of(only=[10, 11, 12])
    assert text.en == "only takes 11 steps to the target (median of 3 fresh seeds) at learning rate 0.1."
    assert text.zh.startswith("only 在学习率 0.1 下用 11 步达到目标")


def test_all_settings_that_were_searched_are_named():
    rows = reports("a", [5, 6, 7], settings={"lr": 0.05, "momentum": 0.93})
    assert "at learning rate 0.05, momentum 0.93." in verdict_sentence(study_of(rows)).en
    (row,) = result_rows(study_of(rows))
    assert row["settings"] == "lr 0.05, momentum 0.93"


def test_an_unfinished_comparison_has_no_verdict_and_no_word():
    unfinished = partly(study_of([*reports("a", [5, 6, 7]), *reports("b", [9, 9, 9])]), lambda row: row.id != 8)
    assert verdict_sentence(unfinished) == Text(
        "Not finished: 7 of 8 runs are done. Go on with: steepest compare --resume FOLDER",
        "尚未完成：共 8 次运行，已完成 7 次。继续：steepest compare --resume 文件夹",
    )
    assert [row["word"] for row in result_rows(unfinished)] == [Text("", "")] * 2


def test_where_every_run_failed_the_first_reason_is_given():
    rows = reports("a", [math.inf] * 3, **columns_of(Finding("run_raised", {"words": "line 3: TypeError: no"})))
    rows[0] |= columns_of(Finding("run_raised", {"words": "line 2: ValueError: no"}))
    text = verdict_sentence(study_of(rows))
    assert text == Text("Every run failed: line 2: ValueError: no", "所有运行都失败了：第 2 行: ValueError: no")


def test_many_names_are_counted():
    rows = [row for number in range(9) for row in reports(f"r{number}", [10, 20, 30])]
    headline, _ = verdict_texts(study_of(rows))
    assert headline.en.startswith("r0, r1, r2, r3, r4 and 4 others tie: ")
    assert headline.zh.startswith("r0、r1、r2、r3、r4等 9 个 打平")


# --- remarks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("higher", "sign"), [(True, "≥"), (False, "≤")])
def test_the_target_is_said_with_its_direction(higher, sign):
    comparison = study_of(reports("a", [1, 2, 3]), metric_name="score", higher=higher)
    assert target_sentence(comparison) == Text(f"target: score {sign} 0.9", f"目标：score {sign} 0.9")
    assert target_sentence(study_of(reports("a", [1, 2, 3]))).zh == "目标：准确率 ≥ 0.9"


@pytest.mark.parametrize(("best", "end"), [(0, "low"), (2, "high"), (1, None)])
def test_a_winner_at_the_end_of_its_range_is_warned_of(best, end):
    steps = [5 if number == best else 9 for number in range(3)]
    rows = [*trials("a", steps), *(run("a", "report", seed, lr=0.001 * 10**best) for seed in (1, 2, 3))]
    comparison = study_of(rows, ranges={"lr": (0.001, 0.1)})
    found = edge_warnings(comparison)
    assert [row["at_end"] for row in result_rows(comparison)] == [end is not None]
    if end is None:
        assert found == []
    else:
        (warning,) = found
        value = f"{0.001 * 10**best:g}"
        assert warning.en.startswith(
            f"* a: its best lr, {value}, lies at the {end} end of its range, 0.001 to 0.1; try "
        )
        assert warning.zh.startswith(f"* a：最佳 lr（{value}）位于搜索范围 0.001 至 0.1 的边缘")


def test_report_runs_that_went_wrong_are_counted():
    rows = [*reports("a", [5, 6, 7]), *reports("b", [9, 9, 9])]
    assert broken_sentence(study_of(rows)) is None
    rows[1] |= {"status": "diverged"}
    rows[5] |= {"status": "timed out"}
    rows[6] |= {"status": "failed"}
    assert broken_sentence(study_of(rows)) == Text(
        "3 of the 6 runs on fresh seeds went wrong: a (1) and b (2). The table of every run says how.",
        "新种子上的 6 次运行中有 3 次出错：a (1)、b (2)。原因见“全部运行”表。",
    )


def test_what_is_set_aside_is_said_in_both_languages():
    text = aside_sentence(SetAside("digits", 3, ("SGD", "Adam"), 2, 4))
    assert text.en.startswith("Left out: digits, seed 3: 2 runs (SGD, Adam) had other data")
    assert text.zh.startswith("未计入：digits，种子 3 的 2 次运行（SGD、Adam）")


def budgets_of(**steps) -> pd.DataFrame:
    rows = [row for label, each in steps.items() for row in trials(label, each)]
    rows += [run(label, "report", seed) for label in steps for seed in (1, 2, 3)]
    return chosen_budgets(study_of(rows))


def test_which_to_take_depends_on_the_budget():
    budgets = budgets_of(steady=[30, 30, 30], lucky=[10, math.inf, math.inf])
    assert budgets.to_dict("index") == {"steady": {1: 30.0, 3: 30.0}, "lucky": {1: math.inf, 3: 10.0}}
    assert budget_sentence(budgets) == Text(
        "Which to take: with one trial, steady; with 3 trials, lucky.",
        "该选哪个：试 1 次，选 steady；试 3 次，选 lucky。",
    )
    assert budget_sentence(budgets_of(a=[9, 9], b=[20, 20])).en == "However many trials you can afford, take a."
    assert budget_sentence(budgets_of(a=[9, 9], b=[9, 9])).en == "However many trials you can afford, take a or b."
    missed = budget_sentence(budgets_of(a=[math.inf] * 3, b=[math.inf] * 3))
    assert missed.en == "Most draws miss the target, however many trials."


def test_budgets_end_where_the_trials_do_and_one_with_nothing_to_search_needs_no_more():
    rows = [*trials("a", [math.inf, 20, 30]), *trials("fixed", [25]), *(run("a", "report", seed) for seed in (1, 2, 3))]
    comparison = study_of([*rows, *(run("fixed", "report", seed) for seed in (1, 2, 3))])
    assert list(chosen_budgets(comparison)) == [1, 3]
    assert chosen_budgets(comparison).loc["fixed"].tolist() == [25.0, 25.0]
    unfinished = partly(study_of(contest(["a", "b"])), lambda row: (row.label, row.trial) not in [("b", 2), ("b", 3)])
    assert chosen_budgets(unfinished).loc["b"].isna().tolist() == [False, True]  # no miss: there were not so many
    assert chosen_budgets(AWKWARD["one trial"]).empty


def test_over_several_workloads_the_best_score_leads():
    assert profile_sentence(AWKWARD["one contestant"]) is None
    assert profile_sentence(AWKWARD["several unfinished"]) is None
    assert profile_sentence(AWKWARD["one set aside somewhere"]) is None  # there is nothing to compare there
    text = profile_sentence(AWKWARD["several workloads"])
    score = AWKWARD["several workloads"].profiles.score["Adam"]
    assert text.en == (
        f"On all 2 workloads together SGD does best, with a score of 1.00 out of 1, followed by Adam ({score:.2f})."
    )
    assert text.zh.startswith("综合 2 个工作负载，SGD 表现最好，得分 1.00")


def test_scores_that_are_equal_and_scores_of_nobody():
    rows = [row | {"workload": name} for name in ("v", "w") for row in [*reports("a", [9] * 3), *reports("b", [9] * 3)]]
    assert (
        profile_sentence(study_of(rows)).en
        == "On all 2 workloads together a and b do best, with a score of 1.00 out of 1."
    )
    nobody = study_of([row | {"steps_to_target": math.inf} for row in rows])
    assert profile_sentence(nobody).en == "No optimizer reached the target on most seeds of any workload."


def test_every_fixed_text_is_there_in_both_languages():
    for text in (*WORDS.values(), *DESCRIPTIONS.values(), *STATUSES.values(), *PHASES.values()):
        assert CHINESE.search(text.zh)
        assert not CHINESE.search(text.en)
    assert all(CHINESE.search(chinese) for chinese in LABELS.values())
    assert set(STATUSES) | {Status.STUCK} == set(Status)  # a training run is never stuck
