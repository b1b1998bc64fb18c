"""What the numbers of a comparison mean, in sentences that a student understands, in both languages."""

import math

from ..comparison import Comparison
from ..text import Text

__all__ = ["edge_warnings", "target_sentence", "verdict_sentence"]


def target_sentence(comparison: Comparison) -> Text:
    """What counts as having arrived."""
    facts = comparison.workload
    sign = "≥" if facts["higher_is_better"] else "≤"
    goal = f"{facts['metric_name']} {sign} {comparison.plan.target:g}"
    return Text(f"target: {goal}", f"目标：{goal}")


def verdict_sentence(comparison: Comparison) -> Text:
    """Which optimizer got there first, by how much, or that it is too close to call."""
    if not comparison.complete:
        done, total = len(comparison.runs), comparison.plan.runs
        return Text(
            f"Not finished: {done} of {total} runs are done.", f"尚未完成：共 {total} 次运行，已完成 {done} 次。"
        )
    failed = comparison.runs[comparison.runs["status"] == "failed"]
    if len(failed) == len(comparison.runs):
        cause = failed["message"].iloc[0]
        return Text(f"Every run failed: {cause}", f"所有运行都失败了：{cause}")
    verdict, table, seeds = comparison.verdict, comparison.table, comparison.plan.seeds
    if not verdict.first:
        return Text(
            "No optimizer reached the target on most seeds; give more steps (--steps) or an easier target (--target).",
            "没有优化器在多数种子上达到目标；请增加步数（--steps）或放宽目标（--target）。",
        )
    leader = verdict.first[0]
    spent, lr = _spent(comparison, leader), float(table["lr"][leader])
    how = Text(
        f"{spent.en} to the target (median of {seeds} fresh seeds) at learning rate {lr:g}.",
        f"在学习率 {lr:g} 下用 {spent.zh}达到目标（{seeds} 个新种子的中位数）。",
    )
    if len(table) == 1:
        lead = Text(f"{leader} takes {how.en}", f"{leader} {how.zh}")
    elif len(verdict.first) == 1:
        lead = Text(f"{leader} gets there first: {how.en}", f"{leader} 最先到达：{how.zh}")
    else:
        *most, last = verdict.first
        lead = Text(
            f"{', '.join(most)} and {last} tie: {seeds} seeds cannot tell them apart. {leader} took {how.en}",
            f"{'、'.join(verdict.first)} 打平：{seeds} 个种子分不出先后。{leader} {how.zh}",
        )
    behind = _behind(comparison)
    return Text(f"{lead.en} {behind.en}".strip(), lead.zh + behind.zh)


def _spent(comparison: Comparison, label: str) -> Text:
    """What a contestant needed to the target, in the measure that decides."""
    row = comparison.table.loc[label]
    if comparison.measure == "seconds_to_target":
        return Text(f"{row['seconds_to_target']:.2g} seconds", f"{row['seconds_to_target']:.2g} 秒")
    return Text(f"{row['steps_to_target']:.0f} steps", f"{row['steps_to_target']:.0f} 步")


def _behind(comparison: Comparison) -> Text:
    label, ratio = comparison.verdict.behind, comparison.verdict.ratio
    if label is None:
        return Text("", "")
    if math.isinf(ratio):
        return Text(f"{label} missed the target on most seeds.", f"{label} 在多数种子上未达到目标。")
    more = "as long" if comparison.measure == "seconds_to_target" else "as many steps"
    more_zh = "时间" if comparison.measure == "seconds_to_target" else "步数"
    return Text(
        f"{label}, the next, needs {ratio:.2g} times {more}.", f"其次的 {label} 需要 {ratio:.2g} 倍的{more_zh}。"
    )


def edge_warnings(comparison: Comparison) -> list[Text]:
    """A sentence for every winner at the end of its range, where a wider range may do better."""
    table = comparison.table
    return [
        Text(
            f"* {label}: its best learning rate, {row['lr']:g}, is the {_end(comparison, str(label))} of those tried;"
            " more trials or another range may do better.",
            f"* {label}：最佳学习率 {row['lr']:g} 位于搜索范围的边缘；增加试验或改变范围可能更好。",
        )
        for label, row in table[table["at_edge"]].iterrows()
    ]


def _end(comparison: Comparison, label: str) -> str:
    runs = comparison.runs
    tried = runs[(runs["label"] == label) & (runs["phase"] == "search")]["lr"]
    return "largest" if comparison.table.loc[label, "lr"] == tried.max() else "smallest"
