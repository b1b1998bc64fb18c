"""What is said of a comparison: sentences that its numbers bear out, in both languages."""

import math
import re
from dataclasses import replace

import pandas as pd
import pytest

from steepest.base.status import Status
from steepest.base.text import Text
from steepest.findings.catalogue import Finding
from steepest.report.markdown import as_markdown
from steepest.report.page import render
from steepest.report.provenance import provenance_sentences
from steepest.report.rows import chosen_budgets, result_rows
from steepest.report.sentences import (
    aside_sentence,
    broken_sentence,
    budget_sentence,
    data_sentence,
    edge_warnings,
    partner_sentence,
    profile_sentence,
    target_sentence,
)
from steepest.report.verdict import verdict_sentence, verdict_texts
from steepest.report.words import DESCRIPTIONS, PHASES, STATUSES, WORDS, label_text
from steepest.statistics import SetAside
from steepest.study import make_plan
from steepest.workloads import WORKLOADS, find

from .comparisons import awkward, contest, partly, reports, run, study_of, trials

pytestmark = pytest.mark.quick

CHINESE = re.compile("[一-鿿]")
AWKWARD = awkward()
NO_TEST = "(A description; no interval stands behind it.)"


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
        " Clearly slower, in the steps needed: slow 2.00 times (95 % interval 2.00 to 2.00).",
        "fast 最先到达：在学习率 0.1 下用 11 步达到目标（3 个新种子的中位数）。"
        "明显较慢的（所需步数之比）：slow 2.00 倍（95% 区间 2.00 至 2.00）。",
    )


def test_every_optimizer_that_is_clearly_slower_is_named_the_nearest_with_its_interval():
    fast = [10, 11, 12, 10, 11]
    text = verdict_of(5, None, fast=fast, last=[10 * steps for steps in fast], slow=[2 * steps for steps in fast])
    assert text.en.endswith(
        "Clearly slower, in the steps needed: slow 2.00 times (95 % interval 2.00 to 2.00); last 10 times."
    )
    assert text.zh.endswith("slow 2.00 倍（95% 区间 2.00 至 2.00）；last 10 倍。")


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
    assert "Clearly slower, in the time needed: slow 2.00 times" in text.en
    assert "用 5.50 秒达到目标" in text.zh and "明显较慢的（所需时间之比）：slow 2.00 倍" in text.zh


def timed(spread, clock="thread"):
    """Batches of different sizes, step times measured in five rounds that spread so widely."""
    rows = [*reports("fast", CLEAR["fast"], batch_size=1), *reports("slow", CLEAR["slow"], batch_size=9)]
    rounds = [("w", label, turn, 0.5 * (1 + spread * (turn % 3) * (label == "slow")), clock)
              for label in ("fast", "slow") for turn in range(5)]  # fmt: skip
    timings = pd.DataFrame(rounds, columns=["workload", "label", "round", "seconds_a_step", "clock"])
    return replace(study_of(rows), timings=timings)


def test_where_seconds_count_the_clock_is_named_and_a_busy_machine_is_told():
    text = verdict_sentence(timed(0.001))
    assert text.en.endswith("Seconds are processor time of the thread that trains, from 5 rounds.")
    assert text.zh.endswith("秒数为训练线程的处理器时间，取自 5 轮测量。")
    assert verdict_sentence(timed(0.001, "wall")).en.endswith("Seconds are time on the clock, from 5 rounds.")
    busy = timed(0.5)
    assert verdict_sentence(busy).en.endswith(
        f"The machine was too busy to tell step times closer than ±{busy.uncertainty_of_time:.0%}:"
        " measure again when it is quiet."
    )
    assert "机器太忙" in verdict_sentence(busy).zh
    assert busy.uncertainty_of_time > 0.1 > timed(0.001).uncertainty_of_time > 0
    assert "Seconds are" not in verdict_of(**CLEAR).en  # steps decide


def test_where_steps_decide_the_rounds_are_not_asked():
    assert study_of([*reports("a", [10, 11, 12]), *reports("b", [20, 22, 24])]).uncertainty_of_time == 0


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


def searched_twice(**steps):
    rows = [row for label in steps for row in trials(label, [20, 20])]
    rows += [run(label, "report", seed, each) for label in steps for seed, each in enumerate(steps[label], 1)]
    return verdict_sentence(study_of(rows, seeds=8, searches=2))


def test_searches_that_disagree_are_named_as_what_more_seeds_cannot_mend():
    leader = [20, 21, 20, 22, 21, 20, 19, 21]
    text = searched_twice(a=leader, b=[30, 21, 31, 23, 30, 21, 29, 20])
    assert text.en.startswith(
        "a and b tie: 8 seeds cannot tell them apart, and more are not likely to, as the 2 searches disagree;"
        " a new study with more of them (--searches 4) may. "
    )
    assert "因为 2 轮搜索的结果不一致；可另做一项搜索轮数更多的研究（--searches 4）。" in text.zh
    assert "searches disagree" not in searched_twice(a=leader, b=leader).en


def test_a_tie_may_have_someone_behind_it():
    text = verdict_of(**CLOSE, last=[100, 200, 290])
    told = r"Clearly slower than b, in the steps needed: last 9\.\d\d times \(95 % interval"
    assert re.search(told, text.en)
    assert "明显比 b 慢的（所需步数之比）：last 9." in text.zh


SLOW_BUT_NOT_SURELY = {"fast": [10, 11, 12, 10, 11], "sure": [13, 14, 15, 13, 14], "maybe": [9, 30, 16, 10, 60]}


def test_a_tie_with_one_whose_median_is_behind_a_clearly_slower_one_is_explained():
    """`maybe` stands below `sure` in the table and ties with the first all the same: that must not look like a slip."""
    text = verdict_of(seeds=5, **SLOW_BUT_NOT_SURELY)
    assert text.en.startswith("fast and maybe tie: ")
    assert "Clearly slower than fast, in the steps needed: sure 1.28 times" in text.en
    assert text.en.endswith(
        "maybe has no smaller a median than sure, but seed by seed these runs do not show it to be slower than fast."
    )
    assert text.zh.endswith("maybe 的中位数虽不小于 sure，但逐个种子比较，这些运行还不能说明其比 fast 慢。")


MANY = [10 + place % 3 for place in range(8)]


def test_those_who_miss_are_said_to_miss():
    few = verdict_of(good=[10, 11, 12], bad=[math.inf, math.inf, 10])
    assert few.en.startswith("good and bad tie: ")
    assert few.en.endswith("Of 3 seeds the target was missed by bad on 2.")
    assert few.zh.endswith("3 个种子中未到达目标的：bad 2 个。")
    text = verdict_of(seeds=8, good=MANY, bad=[math.inf] * 8)
    assert text.en.endswith("Clearly slower, in the steps needed: bad (missed on 8 of 8 seeds).")
    assert text.zh.endswith("明显较慢的（所需步数之比）：bad（8 个种子中有 8 个未到达）。")
    text = verdict_of(seeds=8, good=MANY, bad=[math.inf] * 7 + [15])
    assert text.en.endswith("needed: bad at least 1.36 times (missed on 7 of 8 seeds).")


def test_one_that_misses_now_and_then_has_an_interval_without_end_or_with_and_its_misses():
    text = verdict_of(seeds=8, good=MANY, bad=[30, 31, 33, 36, 31, 30, 35, math.inf])
    interval = r"95 % interval (?:from \S+ up|\S+ to \S+)"
    told = re.search(rf"steps needed: bad (\d\.\d\d) times \({interval}, missed on 1 of 8 seeds\)\.$", text.en)
    assert told and 2.5 < float(told[1]) < 3.5
    assert text.zh.endswith("，8 个种子中有 1 个未到达）。")


def test_a_leader_that_missed_itself_is_said_to_have():
    text = verdict_of(seeds=8, good=[*MANY[:7], math.inf], bad=[math.inf] * 7 + [150])
    assert text.en.startswith("good gets there first: ")
    assert text.en.endswith("Of 8 seeds the target was missed by good on 1.")


def test_the_first_that_ends_worst_of_all_is_said_to():
    rows = [*reports("hare", [10, 11, 12], final_metric=0.8), *reports("tortoise", [20, 22, 24], final_metric=0.9)]
    headline, _ = verdict_texts(study_of(rows))
    assert headline.en.endswith(
        "at learning rate 0.1; but it ends worst of all, with accuracy 0.8000 where tortoise has 0.9000."
    )
    assert headline.zh.endswith("；但最终结果最差，准确率为 0.8000，而 tortoise 为 0.9000。")
    headline, _ = verdict_texts(study_of(rows, higher=False))
    assert "worst" not in headline.en
    third = [*rows, *reports("last", [90, 99, 95], final_metric=0.7)]
    assert "worst" not in verdict_texts(study_of(third))[0].en


def test_a_target_that_is_reached_at_once_tells_little():
    text = verdict_of(fast=[3, 3, 3], slow=[6, 6, 6])
    assert text.en.endswith(
        "The target is reached within 3 steps, of which one more or less is a large share; a harder one (--target)"
        " would tell more."
    )
    assert text.zh.endswith("目标只需 3 步便达到，一步之差已占很大比例；更难的目标（--target）更能区分。")
    assert "within" not in verdict_of(only=[3, 3, 3]).en


def test_the_learning_rates_of_all_searches_are_named():
    comparison = AWKWARD["two searches"]
    assert [winner["lr"] for winner in comparison.winners["SGD"]] == [0.001, 1.0]
    text = verdict_sentence(comparison)
    assert "at learning rate 0.001 (0.001 and 1 in 2 searches)" in text.en
    assert "学习率 0.001（2 轮搜索为 0.001 和 1）" in text.zh
    assert "searches" not in verdict_of(**CLEAR).en


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


@pytest.mark.parametrize(
    ("ends", "named"),
    [
        ([0.5, 0.75, 0.75], Text("b and c came closest: accuracy 0.7500 at the end.",
                                 "最接近的是 b、c：最终准确率为 0.7500。")),
        ([0.1, 0.1, 0.1], Text("All came equally close: accuracy 0.1000 at the end.",
                               "所有优化器同样接近：最终准确率为 0.1000。")),
    ],
)  # fmt: skip
def test_those_who_came_equally_close_are_all_named(ends, named):
    rows = [
        row for label, end in zip("abc", ends, strict=True) for row in reports(label, [math.inf] * 3, final_metric=end)
    ]
    assert verdict_texts(study_of(rows))[1] == named


@pytest.mark.parametrize("higher", [True, False])
def test_a_target_that_is_met_before_the_first_step_is_told_instead_of_a_winner(higher):
    rows = [*reports("a", [1, 1, 1], final_metric=0.5), *reports("b", [1, 1, 1], final_metric=0.5)]
    study = study_of(rows, higher=higher)
    start = 0.95 if higher else 0.85
    met = replace(study, curves=study.curves.assign(metric=start))
    headline, more = verdict_texts(met)
    sign, other, better = ("≥", False, "smaller") if higher else ("≤", True, "larger")
    assert more is None and headline.en == (
        f"The target, accuracy {sign} 0.9, is met before the first step ({start:.4f}), so it cannot tell optimizers"
        f" apart; give a harder one (--target), or write higher_is_better = {other} in the workload's file if"
        f" {better} is better."
    )
    assert headline.zh.startswith(f"第一步之前就已达到目标（准确率 {sign} 0.9，此时为 {start:.4f}）")
    one = study.curves["run"] == study.runs.loc[study.runs["phase"] == "report", "id"].iloc[0]
    by_chance = replace(study, curves=study.curves.assign(metric=study.curves["metric"].where(~one, start)))
    assert "before the first step" not in verdict_sentence(by_chance).en


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


def test_a_latin_name_of_a_metric_stands_apart_from_chinese_characters():
    study = study_of(reports("a", [math.inf] * 3), metric_name="perplexity", higher=False)
    assert verdict_texts(study)[1].zh == "最接近的是 a：最终 perplexity 为 0.9000。"


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


@pytest.mark.parametrize("missed", [True, False])
def test_a_default_outside_the_range_is_named_as_such_and_what_is_best_where_no_run_arrived(missed):
    steps = [math.inf] * 3 if missed else [5, 9, 9]
    rows = [*trials("a", steps), *(run("a", "report", seed, math.inf if missed else 5, lr=0.001) for seed in (1, 2, 3))]
    (warning,) = edge_warnings(study_of(rows, ranges={"lr": (0.005, 1.0)}))
    note = "the default; by final loss, as no run reached the target" if missed else "the default"
    assert warning.en.startswith(f"* a: its best lr, 0.001 ({note}), lies outside its range, 0.005 to 1; try ")
    note = "默认值，按最终损失，因为没有运行到达目标" if missed else "默认值"
    assert warning.zh.startswith(f"* a：最佳 lr（0.001，{note}）位于搜索范围 0.005 至 1 之外")


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
        "First to the target in the median draw of these trials: with one trial, steady; with 3 trials, lucky."
        f" {NO_TEST}",
        "在这些试验的居中一次抽取里最先到达目标的：试 1 次，选 steady；试 3 次，选 lucky。（仅为描述，没有区间支持。）",
    )
    whatever = "First to the target in the median draw of these trials, however many there are:"
    assert budget_sentence(budgets_of(a=[9, 9], b=[20, 20])).en == f"{whatever} a. {NO_TEST}"
    assert budget_sentence(budgets_of(a=[9, 9], b=[9, 9])).en == f"{whatever} a or b. {NO_TEST}"
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
        f" {NO_TEST}"
    )
    assert text.zh.startswith("综合 2 个工作负载，SGD 表现最好，得分 1.00")


def test_scores_that_are_equal_and_scores_of_nobody():
    rows = [row | {"workload": name} for name in ("v", "w") for row in [*reports("a", [9] * 3), *reports("b", [9] * 3)]]
    assert (
        profile_sentence(study_of(rows)).en
        == f"On all 2 workloads together a and b do best, with a score of 1.00 out of 1. {NO_TEST}"
    )
    nobody = study_of([row | {"steps_to_target": math.inf} for row in rows])
    assert profile_sentence(nobody).en == "No optimizer reached the target on most seeds of any workload."


def test_every_fixed_text_is_there_in_both_languages():
    for text in (*WORDS.values(), *DESCRIPTIONS.values(), *STATUSES.values(), *PHASES.values()):
        assert CHINESE.search(text.zh)
        assert not CHINESE.search(text.en)
    assert set(STATUSES) | {Status.STUCK} == set(Status)  # a training run is never stuck


def test_metrics_of_all_workloads_have_chinese_names():
    for name in WORKLOADS:
        assert CHINESE.search(label_text(find(name, try_out=False).metric_name).zh), name


# --- where the time of a step goes ------------------------------------------------------------------------------------


def with_parts(*parts):
    """A study of optimizers whose steps have these parts: seconds of data, model and optimizer in two rounds."""
    labels = [f"O{number}" for number in range(len(parts))]
    study = study_of([row for label in labels for row in reports(label, [10, 12, 14])])
    rows = [("w", label, turn, sum(own[1:]), "wall", *own) for label, own in zip(labels, parts, strict=True)
            for turn in range(2)]  # fmt: skip
    names = ["workload", "label", "round", "seconds_a_step", "clock", "data", "model", "optimizer"]
    return replace(study, timings=pd.DataFrame(rows, columns=names))


def test_that_data_take_most_of_a_step_is_said_and_shown():
    slow = with_parts((0.75, 0.2, 0.05), (0.6, 0.2, 0.2))
    assert data_sentence(slow).en.startswith(
        "Getting data takes 60% to 75% of the time of a step, whatever the optimizer"
    )
    assert data_sentence(slow).zh.startswith("单步耗时的 60% 至 75% 用于取得数据")
    assert data_sentence(with_parts((0.4, 0.4, 0.2))) is None
    unknown = with_parts((math.nan, 0.8, 0.2))
    assert data_sentence(unknown) is None
    assert "</svg> 75 · 20 · 5 %</td>" in render(slow, {"w": {}})
    assert "</svg> — · 80 · 20 %</td>" in render(unknown, {"w": {}})
    without = study_of(reports("O", [10, 12, 14]))
    assert "data · model · optimizer" not in render(without, {"w": {}})
    assert "Getting data takes" in as_markdown(slow) and "Getting data takes" not in as_markdown(without)


def test_runs_that_lack_memory_are_not_the_files_fault():
    lack = {"device": "cuda:0", "batch": 64, "fits": 16, "kind": "smaller", "words": "OutOfMemoryError"}
    found = Finding("out_of_memory", lack)
    ended = {"status": "failed", "message": found.message, "finding": found.to_json()}
    text = verdict_sentence(study_of(reports("O", [math.inf] * 3, **ended)))
    assert text.en.endswith("16 examples a step fit (--batch-size 16), the largest of the halves of 64.")
    assert "cuda:0 内存不足（批大小 64）" in text.zh


def test_kernels_of_an_accelerator_may_be_why_runs_do_not_repeat():
    study = study_of(reports("O", [10, 12, 14]))
    study = replace(study, facts=study.facts | {"repeats": '{"w": {"O": "training"}}'})
    assert "draw from these generators" in provenance_sentences(study)[0].en
    on_gpu = replace(study, runs=study.runs.assign(device="cuda:1 H200"))
    assert provenance_sentences(on_gpu)[0].en.startswith(
        "w does not repeat to the last bit on cuda H200: the first steps"
    )
    both = replace(study, runs=study.runs.assign(device=["cpu", "cuda:0 H200", "cuda:1 H200", "cpu"]))
    assert provenance_sentences(both)[0].en.startswith("The runs were done on cpu and cuda H200.")
    assert "; cpu, cuda H200</dd>" in render(both, {"w": {}})
