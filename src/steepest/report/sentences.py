"""Sentences of the report, in English and Chinese: verdict, warnings and remarks, from a comparison's numbers."""

import math

import numpy as np
import pandas as pd

from ..base.numbers import general, list_en, list_zh, number, settings_text, spent, times
from ..base.text import Text
from ..statistics import BROKEN, SetAside
from ..study import Comparison
from .rows import ending_text
from .words import LABELS

__all__ = [
    "aside_sentence", "broken_sentence", "budget_sentence", "edge_warnings", "metric_text", "partner_sentence",
    "profile_sentence", "target_sentence", "unfinished_sentence", "verdict_sentence", "verdict_texts",
]  # fmt: skip


CHINESE_OR = " 或 "


def target_sentence(comparison: Comparison) -> Text:
    """The target: a metric and the value to reach."""
    name, sign = metric_text(comparison), "≥" if comparison.workload["higher_is_better"] else "≤"
    return Text(f"target: {name.en} {sign} {comparison.target:g}", f"目标：{name.zh} {sign} {comparison.target:g}")


def metric_text(comparison: Comparison) -> Text:
    """The name of the metric, with its Chinese translation if there is one."""
    name = str(comparison.workload["metric_name"])
    return Text(name, LABELS.get(name, name))


# --- the verdict ------------------------------------------------------------------------------------------------------


def verdict_sentence(comparison: Comparison) -> Text:
    """The whole verdict: which optimizer reached the target first, and by how much, or which ones tie."""
    return _joined(*verdict_texts(comparison))


def verdict_texts(comparison: Comparison) -> tuple[Text, Text | None]:
    """The verdict in two parts: a headline, and the rest, if there is any."""
    if not comparison.complete:
        return unfinished_sentence(comparison), None
    if _all_failed(comparison):
        cause = ending_text(*comparison.runs[["status", "message", "finding"]].iloc[0])
        return Text(f"Every run failed: {cause.en}", f"所有运行都失败了：{cause.zh}"), None
    first = comparison.verdict.first
    if not first:
        return _none_reached(comparison)
    if len(first) == 1:
        return _joined(_single_leader(comparison), _behind(comparison)), None
    rest = (_leader(comparison), _behind(comparison), _median_remark(comparison))
    return _tie(comparison), _joined(*rest)


def _all_failed(comparison: Comparison) -> bool:
    return bool((comparison.runs["status"] == "failed").all())


def unfinished_sentence(study: Comparison) -> Text:
    """The progress of an unfinished study, and the command to resume it."""
    done, total = len(study.runs), study.plan.runs
    return Text(
        f"Not finished: {done:,} of {total:,} runs are done. Go on with: steepest compare --resume FOLDER",
        f"尚未完成：共 {total:,} 次运行，已完成 {done:,} 次。继续：steepest compare --resume 文件夹",
    )


def _none_reached(comparison: Comparison) -> tuple[Text, Text | None]:
    """The verdict where no optimizer reached the target: what to try, and which one came closest."""
    if _has_no_metric(comparison):
        name = metric_text(comparison)
        return Text(
            f"{name.en} was NaN in every evaluation of every run, so no optimizer can reach the target; correct the"
            " workload, which computes it.",
            f"{name.zh}在每次运行的每次评估中都是 NaN，因此没有优化器能达到目标；请修正工作负载中对它的计算。",
        ), None
    advice = Text(
        "No optimizer reached the target on most seeds; give more steps (--steps) or an easier target (--target).",
        "没有优化器在多数种子上达到目标；请增加步数（--steps）或放宽目标（--target）。",
    )
    metrics = comparison.table["final_metric"].dropna().sort_values(kind="stable")
    if metrics.empty:
        return advice, None
    closest = metrics.index[-1 if comparison.workload["higher_is_better"] else 0]
    name, value = metric_text(comparison), number(float(metrics[closest]), 4)
    return advice, Text(
        f"{closest} came closest: {name.en} {value} at the end.", f"最接近的是 {closest}：最终{name.zh}为 {value}。"
    )


def _has_no_metric(comparison: Comparison) -> bool:
    """Whether runs ended well, and not one of them ever measured a metric that is a number."""
    sound = comparison.runs[~comparison.runs["status"].isin(BROKEN)]
    return bool(len(sound) and sound["best_metric"].isna().all() and sound["final_metric"].isna().all())


def _single_leader(comparison: Comparison) -> Text:
    """The verdict where one optimizer is first, or is the only one."""
    (leader,) = comparison.verdict.first
    result = _performance(comparison, leader)
    if len(comparison.table) == 1:
        return Text(f"{leader} takes {result.en}", f"{leader} {result.zh}")
    return Text(f"{leader} gets there first: {result.en}", f"{leader} 最先到达：{result.zh}")


def _tie(comparison: Comparison) -> Text:
    """The verdict where several tie, and about how many more seeds would separate them."""
    first, seeds = comparison.verdict.first, comparison.plan.seeds
    cannot, cannot_zh = (f"{seeds} seeds cannot", f"{seeds} 个种子") if seeds > 1 else ("one seed cannot", "一个种子")
    more = comparison.verdict.more_seeds
    if math.isnan(more):
        outlook = Text(", and more are not likely to", "，增加种子多半也分不出")
    else:
        outlook = Text(f"; about {more:.0f} more would (--add-seeds {more:.0f})",
                       f"，再加约 {more:.0f} 个（--add-seeds {more:.0f}）才行")  # fmt: skip
    return Text(
        f"{list_en(first)} tie: {cannot} tell them apart{outlook.en}.",
        f"{list_zh(first)} 打平：{cannot_zh}分不出先后{outlook.zh}。",
    )


def _leader(comparison: Comparison) -> Text:
    """The performance of the one with the smallest median, of those that tie."""
    leader = comparison.verdict.first[0]
    result = _performance(comparison, leader)
    return Text(f"{leader} took {result.en}", f"{leader} {result.zh}")


def _performance(comparison: Comparison, label: str) -> Text:
    """A contestant's steps (or seconds) to the target, over how many seeds, and at which settings."""
    seeds, needed, settings = comparison.plan.seeds, _cost(comparison, label), _settings(comparison, label)
    over = Text(f"median of {seeds} fresh seeds", f"{seeds} 个新种子的中位数")
    if seeds == 1:
        over = Text("on one fresh seed", "一个新种子")
    return Text(
        f"{needed.en} to the target ({over.en}) at {settings.en}.",
        f"在{settings.zh}下用 {needed.zh}达到目标（{over.zh}）。",
    )


def _cost(comparison: Comparison, label: str) -> Text:
    """A contestant's steps or seconds to the target, whichever decides."""
    value = float(comparison.table[comparison.measure][label])
    amount = spent(value, comparison.measure)
    if comparison.measure == "seconds_to_target":
        return Text(f"{amount} seconds", f"{amount} 秒")
    return Text(f"{amount} step{'' if value == 1 else 's'}", f"{amount} 步")


def _settings(comparison: Comparison, label: str) -> Text:
    """The settings of a contestant's winner."""
    settings = comparison.chosen.get(label, {})
    lr = general(settings.get("lr", comparison.table["lr"][label]), 3)
    rest = settings_text({name: value for name, value in settings.items() if name != "lr"})
    return Text(f"learning rate {lr}{f', {rest}' * bool(rest)}", f"学习率 {lr}{f'、{rest}' * bool(rest)} ")


def _behind(comparison: Comparison) -> Text | None:
    """The sentence about the next contestant that is clearly slower; None if there is none."""
    verdict = comparison.verdict
    if verdict.behind is None:
        return None
    if math.isinf(verdict.ratio):
        return Text(f"{verdict.behind} missed the target on most seeds.", f"{verdict.behind} 在多数种子上未达到目标。")
    ratio, low, high = times(verdict.ratio), times(verdict.low), times(verdict.high)
    seconds = comparison.measure == "seconds_to_target"
    subject = Text(f"{verdict.behind}, the next,", f"其次的 {verdict.behind} ")
    if len(verdict.first) > 1:
        subject = Text(f"{verdict.behind} is clearly slower than {verdict.first[0]}: it",
                       f"{verdict.behind} 明显比 {verdict.first[0]} 慢：")  # fmt: skip
    return Text(
        f"{subject.en} needs {ratio} times {'as long' if seconds else 'as many steps'}"
        f" (95 % interval {low} to {high}).",
        f"{subject.zh}需要 {ratio} 倍的{'时间' if seconds else '步数'}（95% 区间 {low} 至 {high}）。",
    )


def _median_remark(comparison: Comparison) -> Text | None:
    """A remark on those that tie with the leader, although one that is clearly slower has a smaller median.

    The verdict compares seed by seed, so medians need not be in its order.
    """
    verdict, medians = comparison.verdict, comparison.table[comparison.measure]
    if verdict.behind is None or math.isinf(medians[verdict.behind]):
        return None
    odd = [label for label in verdict.first[1:] if medians[label] >= medians[verdict.behind]]
    if not odd:
        return None
    have, leader = "has" if len(odd) == 1 else "have", verdict.first[0]
    return Text(
        f"{list_en(odd)} {have} no smaller a median than {verdict.behind}, but seed by seed these runs do not show"
        f" {'it' if len(odd) == 1 else 'them'} to be slower than {leader}.",
        f"{list_zh(odd)} 的中位数虽不小于 {verdict.behind}，但逐个种子比较，这些运行还不能说明其比 {leader} 慢。",
    )


# --- remarks ----------------------------------------------------------------------------------------------------------


def edge_warnings(comparison: Comparison) -> list[Text]:
    """A warning for every winner near the end of a range, with the range to try next."""
    return [
        Text(
            f"* {edge.label}: its best {edge.name}, {edge.value:g}, lies at the {edge.side} end of its range,"
            f" {edge.low:g} to {edge.high:g}; try {edge.next_low:g} to {edge.next_high:g} next (--widen).",
            f"* {edge.label}：最佳 {edge.name}（{edge.value:g}）位于搜索范围 {edge.low:g} 至 {edge.high:g} 的边缘；"
            f"建议再试 {edge.next_low:g} 至 {edge.next_high:g}（--widen）。",
        )
        for edge in comparison.edges.itertuples()
    ]


def partner_sentence(comparison: Comparison) -> Text | None:
    """Which rules are for matrices only, and which rules train the rest; None where there is no such rule."""
    by_partner: dict[tuple[str, bool], list[str]] = {}
    for contestant in comparison.plan.contestants:
        facts = comparison.facts_of_rule(contestant.rule)
        if facts["partner"]:
            by_partner.setdefault((facts["partner"], facts["partner_scaled"]), []).append(contestant.label)
    if not by_partner:
        return None
    return _joined(*(_partner(*partner, list(dict.fromkeys(labels))) for partner, labels in by_partner.items()))


def _partner(partner: str, scaled: bool, labels: list[str]) -> Text:
    have = "moves" if len(labels) == 1 else "move"
    rate = "the learning rate at which its steps are as long" if scaled else "the same learning rate"
    rate_zh = "其学习率取两者步长相等之值" if scaled else "学习率相同"
    return Text(
        f"{list_en(labels)} {have} the matrices inside the network; {partner} trains all else, at {rate}.",
        f"{list_zh(labels)} 只更新网络内部的矩阵；其余参数由 {partner} 训练，{rate_zh}。",
    )


def broken_sentence(comparison: Comparison) -> Text | None:
    """The number of broken runs on fresh seeds by contestant; None where there is none, or every run failed."""
    report = comparison.runs[comparison.runs["phase"] == "report"]
    broken = report[report["status"].isin(BROKEN)]
    if broken.empty or _all_failed(comparison):
        return None
    counts = [f"{label} ({count})" for label, count in broken["label"].value_counts(sort=False).items()]
    return Text(
        f"{len(broken)} of the {len(report)} runs on fresh seeds went wrong: {list_en(counts)}. The table of every run"
        " says how.",
        f"新种子上的 {len(report)} 次运行中有 {len(broken)} 次出错：{list_zh(counts)}。原因见“全部运行”表。",
    )


def aside_sentence(aside: SetAside) -> Text:
    """The sentence about runs that are left out, since they solved another problem."""
    where = f"{aside.workload}，" if aside.workload else ""
    return Text(
        f"Left out: {aside}",
        f"未计入：{where}种子 {aside.seed} 的 {aside.runs} 次运行（{list_zh(aside.labels)}）的数据、初始权重或初始损失"
        f"与其余 {aside.kept} 次不同，无法比较；工作负载、数据或某个库是否改变过？",
    )


def budget_sentence(budgets: pd.DataFrame) -> Text | None:
    """Which optimizer to choose for each number of trials; None with fewer than two optimizers.

    Args:
        budgets: the result of `rows.chosen_budgets`.
    """
    if len(budgets) < 2:
        return None
    by_names: dict[tuple[str, ...], list[str]] = {}
    for k in budgets:
        values = budgets[k][np.isfinite(budgets[k])]
        best = tuple(map(str, values.index[values == values.min()]))  # none where all miss
        by_names.setdefault(best, []).append(str(k))
    if len(by_names) == 1:
        return _same_for_all_budgets(*by_names)
    parts, parts_zh = [], []
    for names, sizes in by_names.items():
        trials = "one trial" if sizes == ["1"] else f"{list_en(sizes, 'or')} trials"
        parts.append(f"with {trials}, {list_en(names, 'or') if names else 'most draws miss'}")
        parts_zh.append(f"试 {list_zh(sizes)} 次，{f'选 {list_zh(names, CHINESE_OR)}' if names else '多半到不了'}")
    return Text(f"Which to take: {'; '.join(parts)}.", f"该选哪个：{'；'.join(parts_zh)}。")


def _same_for_all_budgets(names: tuple[str, ...]) -> Text:
    if not names:
        return Text("Most draws miss the target, however many trials.", "无论试几次，多半到不了目标。")
    return Text(
        f"However many trials you can afford, take {list_en(names, 'or')}.",
        f"无论能试几次，都选 {list_zh(names, CHINESE_OR)}。",
    )


def profile_sentence(study: Comparison) -> Text | None:
    """Which optimizer has the best score over all workloads; None for one workload, or while runs are missing."""
    if study.profiles is None:
        return None
    score = study.profiles.score.sort_values(ascending=False, kind="stable")
    count, best = len(study.plan.workloads), score.iloc[0]
    if best == 0:
        return Text(
            "No optimizer reached the target on most seeds of any workload.", "没有优化器在任何工作负载上到达目标。"
        )
    first = [str(label) for label in score.index[score == best]]
    then = [f"{label} ({value:.2f})" for label, value in score[score < best].iloc[:2].items()]
    do, others = "does" if len(first) == 1 else "do", f", followed by {list_en(then)}" if then else ""
    return Text(
        f"On all {count} workloads together {list_en(first)} {do} best, with a score of {best:.2f} out of 1{others}.",
        f"综合 {count} 个工作负载，{list_zh(first)} 表现最好，得分 {best:.2f}（满分 1）"
        f"{f'；其次是 {list_zh(then)}' if then else ''}。",
    )


def _joined(*texts: Text | None) -> Text:
    """Sentences one after the other, with a space between English ones."""
    sentences = [text for text in texts if text]
    return Text(" ".join(text.en for text in sentences), "".join(text.zh for text in sentences))
