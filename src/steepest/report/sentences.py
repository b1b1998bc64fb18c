"""Sentences of the report, in English and Chinese: target, warnings and remarks, from a comparison's numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..base.numbers import list_en, list_zh
from ..base.text import Text
from ..base.translation import joined_parts
from ..schedules import OF_THE_WORKLOAD
from ..statistics import BROKEN, STOPPED, SetAside
from ..study import Comparison
from .rows import part_shares
from .words import label_text

__all__ = [
    "aside_sentence", "broken_sentence", "budget_sentence", "data_sentence", "edge_warnings", "external_sentence",
    "joined", "metric_after", "metric_text", "partner_sentence", "profile_sentence", "stopped_sentence",
    "target_sentence",
]  # fmt: skip


CHINESE_OR = " 或 "

NO_TEST = Text("(A description; no interval stands behind it.)", "（仅为描述，没有区间支持。）")


def target_sentence(comparison: Comparison) -> Text:
    """The target: a metric and the value to reach."""
    name, sign = metric_text(comparison), "≥" if comparison.workload["higher_is_better"] else "≤"
    return Text(f"target: {name.en} {sign} {comparison.target:g}", f"目标：{name.zh} {sign} {comparison.target:g}")


def metric_text(comparison: Comparison) -> Text:
    """The name of the metric, with its Chinese translation if there is one."""
    return label_text(str(comparison.workload["metric_name"]))


def metric_after(word: Text, comparison: Comparison) -> Text:
    """The name of the metric after a word; in Chinese without a space, unless the name is a Latin one."""
    name = metric_text(comparison)
    return Text(f"{word.en} {name.en}", joined_parts([word.zh, name.zh]))


HALF = 0.5
"""Share of a step's time from which on getting data is said to take most of it."""


def data_sentence(comparison: Comparison) -> Text | None:
    """That getting data takes most of a step's time, where it does for some optimizer."""
    shares = [data for data, _, _ in part_shares(comparison).values() if data >= HALF]
    if not shares:
        return None
    low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
    takes, takes_zh = (low, low) if low == high else (f"{low} to {high}", f"{low} 至 {high}")
    return Text(
        f"Getting data takes {takes} of the time of a step, whatever the optimizer does: fewer steps save that time, a"
        " faster step does not.",
        f"单步耗时的 {takes_zh} 用于取得数据，与优化器无关：减少步数能省下这些时间，加快单步则不能。",
    )


def edge_warnings(comparison: Comparison) -> list[Text]:
    """A warning for every winner near the end of a range, or outside of it, with the range to try next."""
    arrived = set(comparison.runs.loc[np.isfinite(comparison.runs["steps_to_target"]), "label"])
    return [_edge_warning(edge, missed=edge.label not in arrived) for edge in comparison.edges.itertuples()]


def _edge_warning(edge: Any, missed: bool) -> Text:
    """Of one setting; only a default lies outside its range, and where all `missed`, the best has the least loss."""
    inside = edge.low <= edge.value <= edge.high
    where = Text(f"at the {edge.side} end of", "的边缘") if inside else Text("outside", "之外")
    notes = [] if inside else [Text("the default", "默认值")]
    notes += [Text("by final loss, as no run reached the target", "按最终损失，因为没有运行到达目标")] * missed
    noted = f" ({'; '.join(note.en for note in notes)})" * bool(notes)
    noted_zh = "".join(f"，{note.zh}" for note in notes)
    return Text(
        f"* {edge.label}: its best {edge.name}, {edge.value:g}{noted}, lies {where.en} its range,"
        f" {edge.low:g} to {edge.high:g}; try {edge.next_low:g} to {edge.next_high:g} next (--widen).",
        f"* {edge.label}：最佳 {edge.name}（{edge.value:g}{noted_zh}）位于搜索范围 {edge.low:g} 至 {edge.high:g}"
        f" {where.zh}；建议再试 {edge.next_low:g} 至 {edge.next_high:g}（--widen）。",
    )


def partner_sentence(comparison: Comparison) -> Text | None:
    """Which rules are for matrices only, and which rules train the rest; None where there is no such rule."""
    by_partner: dict[tuple[str, bool], list[str]] = {}
    for contestant in comparison.plan.contestants:
        facts = comparison.facts_of_rule(contestant.rule)
        if facts["partner"]:
            by_partner.setdefault((facts["partner"], facts["partner_scaled"]), []).append(contestant.label)
    if not by_partner:
        return None
    return joined(*(_partner(*partner, list(dict.fromkeys(labels))) for partner, labels in by_partner.items()))


def _partner(partner: str, scaled: bool, labels: list[str]) -> Text:
    have = "moves" if len(labels) == 1 else "move"
    rate = "the learning rate at which its steps are as long" if scaled else "the same learning rate"
    rate_zh = "其学习率取两者步长相等之值" if scaled else "学习率相同"
    return Text(
        f"{list_en(labels)} {have} the matrices inside the network; {partner} trains all else, at {rate}.",
        f"{list_zh(labels)} 只更新网络内部的矩阵；其余参数由 {partner} 训练，{rate_zh}。",
    )


def external_sentence(comparison: Comparison) -> Text | None:
    """What to know of classes that are not steepest's: made ranges, closures, the workload's scheduler; or None."""
    by_range: dict[tuple[float, float], list[str]] = {}
    for contestant in comparison.plan.contestants:
        made = comparison.facts_of_rule(contestant.rule).get("by_default")
        ends = contestant.ranges.get("lr")
        if made and isinstance(ends, tuple) and ends == tuple(made):
            by_range.setdefault((ends[0], ends[1]), []).append(contestant.label)
    sentences = [_made_range(low, high, labels) for (low, high), labels in by_range.items()]
    if labels := comparison.counted_in_updates:
        computes = "computes" if len(labels) == 1 else "compute"
        sentences.append(
            Text(
                f"A step of {list_en(labels)} {computes} the gradient several times (it takes a closure), so steps are"
                " not alike, and seconds decide.",
                f"{list_zh(labels)} 的一步会多次计算梯度（使用闭包），各优化器的步不可相比，因此以秒数决定先后。",
            )
        )
    if several := comparison.several_evaluations:
        sentences.append(_evaluations(several))
    if OF_THE_WORKLOAD in {contestant.schedule for contestant in comparison.plan.contestants}:
        sentences.append(
            Text(
                "The learning rate follows the scheduler of the workload's file.",
                "学习率按工作负载文件中的 scheduler 变化。",
            )
        )
    return joined(*sentences) if sentences else None


def _evaluations(several: Mapping[str, int | None]) -> Text:
    """What a step is where updates take several evaluations of the gradient: two, or as many as a line search."""
    english, chinese = [], []
    if labels := [label for label, evaluations in several.items() if evaluations is not None]:
        makes = "makes an update" if len(labels) == 1 else "make an update"
        english.append(
            f"{list_en(labels)} {makes} of two of them, half as many as the others in the same number of steps"
        )
        chinese.append(f"{list_zh(labels)} 每次更新求两次梯度，同样步数内的更新次数是其他优化器的一半")
    if labels := [label for label, evaluations in several.items() if evaluations is None]:
        makes = "makes an update of as many as it takes" if len(labels) == 1 else "make updates of as many as they take"
        english.append(f"{list_en(labels)} {makes}, and an update counts once all of its own are made")
        chinese.append(f"{list_zh(labels)} 每次更新求几次梯度由其自行决定，全部求完后该次更新才计入")
    return Text(
        f"Steps are evaluations of the gradient: {'; '.join(english)}.",
        f"步数按梯度求值次数计：{'；'.join(chinese)}。",
    )


def _made_range(low: float, high: float, labels: list[str]) -> Text:
    declare = "declares" if len(labels) == 1 else "declare"
    return Text(
        f"{list_en(labels)} {declare} no range of learning rates; {low:g} to {high:g} was searched (--range for"
        " another).",
        f"{list_zh(labels)} 未声明学习率范围；搜索了 {low:g} 至 {high:g}（用 --range 可改）。",
    )


def broken_sentence(comparison: Comparison) -> Text | None:
    """The number of broken runs on fresh seeds by contestant; None where there is none, or every run failed."""
    report = comparison.runs[comparison.runs["phase"] == "report"]
    broken = report[report["status"].isin(BROKEN)]
    if broken.empty or len(broken) == len(report):
        return None
    counts = [f"{label} ({count})" for label, count in broken["label"].value_counts(sort=False).items()]
    return Text(
        f"{len(broken)} of the {len(report)} runs on fresh seeds went wrong: {list_en(counts)}. The table of every run"
        " says how.",
        f"新种子上的 {len(report)} 次运行中有 {len(broken)} 次出错：{list_zh(counts)}。原因见“全部运行”表。",
    )


def stopped_sentence(comparison: Comparison) -> Text | None:
    """How many trials were stopped early, and how many steps that saved; None where none was to be."""
    plan, runs = comparison.plan, comparison.runs
    firsts = [plan.seeds_of(search)[0] for search in range(plan.searches)]
    trials = runs[(runs["phase"] == "search") & runs["seed"].isin(firsts)]
    stopped = trials["status"] == STOPPED
    if not stopped.any():
        return None
    whole = trials["steps"].where(stopped, trials["last_step"].fillna(trials["steps"]))
    made = sum(_steps_of_attempts(list(plan.pauses_of(contestant)), own["last_step"].dropna())
               for contestant in plan.contestants
               for own in [trials[trials["label"] == contestant.label]])  # fmt: skip
    share = f"{made / whole.sum():.0%}"
    return Text(
        f"{stopped.sum()} of {len(trials)} trials were stopped early, as hopeless (--stop-early): the trials took"
        f" {share} of the steps that they would have taken to their end.",
        f"{len(trials)} 次试验中有 {stopped.sum()} 次因无望而提前停止（--stop-early）：试验所用步数为全部跑完所需的"
        f" {share}。",
    )


def _steps_of_attempts(pauses: list[int], last_steps: "pd.Series[float]") -> int:
    """The steps of trials that run again from their start after each pause."""
    return int(last_steps.sum()) + sum(int(pause * (last_steps > 1.2 * pause).sum()) for pause in pauses)


def aside_sentence(aside: SetAside) -> Text:
    """The sentence about runs that are left out, since they solved another problem."""
    where = f"{aside.workload}，" if aside.workload else ""
    why = "工作负载、数据或某个库是否改变过？"
    if aside.devices:
        why = f"这些运行是在 {aside.devices[0]} 上做的，其余在 {aside.devices[1]} 上，两者的舍入不同。"
    return Text(
        f"Left out: {aside}",
        f"未计入：{where}种子 {aside.seed} 的 {aside.runs} 次运行（{list_zh(aside.labels)}）的数据、初始权重或初始损失"
        f"与其余 {aside.kept} 次不同，无法比较；{why}",
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
    return Text(
        f"First to the target in the median draw of these trials: {'; '.join(parts)}. {NO_TEST.en}",
        f"在这些试验的居中一次抽取里最先到达目标的：{'；'.join(parts_zh)}。{NO_TEST.zh}",
    )


def _same_for_all_budgets(names: tuple[str, ...]) -> Text:
    if not names:
        return Text("Most draws miss the target, however many trials.", "无论试几次，多半到不了目标。")
    return Text(
        f"First to the target in the median draw of these trials, however many there are: {list_en(names, 'or')}."
        f" {NO_TEST.en}",
        f"无论试几次，在这些试验的居中一次抽取里最先到达目标的都是 {list_zh(names, CHINESE_OR)}。{NO_TEST.zh}",
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
        f"On all {count} workloads together {list_en(first)} {do} best, with a score of {best:.2f} out of 1{others}."
        f" {NO_TEST.en}",
        f"综合 {count} 个工作负载，{list_zh(first)} 表现最好，得分 {best:.2f}（满分 1）"
        f"{f'；其次是 {list_zh(then)}' if then else ''}。{NO_TEST.zh}",
    )


def joined(*texts: Text | None) -> Text:
    """Sentences one after the other, with a space between English ones."""
    sentences = [text for text in texts if text]
    return Text(" ".join(text.en for text in sentences), "".join(text.zh for text in sentences))
