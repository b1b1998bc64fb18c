"""The verdict of a comparison in sentences, in English and Chinese: who was first, how all others compare, and why."""

import math
from collections.abc import Sequence

from ..base.numbers import general, list_en, list_zh, number, settings_text, spent, times
from ..base.text import Text
from ..base.translation import joined_parts
from ..statistics import BROKEN, clearly_last
from ..study import Comparison
from .failures import none_worked, why_most_broke, why_none_worked
from .sentences import joined, metric_text

__all__ = ["unfinished_sentence", "verdict_sentence", "verdict_texts"]

EARLY = 10
"""A target reached within so few steps tells little: of so few, one step more or less is a large share."""


def verdict_sentence(comparison: Comparison) -> Text:
    """The whole verdict: which optimizer reached the target first, and by how much, or which ones tie."""
    return joined(*verdict_texts(comparison))


def verdict_texts(comparison: Comparison) -> tuple[Text, Text | None]:
    """The verdict in two parts: a headline, and the rest, if there is any."""
    if not comparison.complete:
        return unfinished_sentence(comparison), None
    if none_worked(comparison):
        return why_none_worked(comparison), None
    if (met := _met_at_start(comparison)) is not None:
        return met, None
    first = comparison.verdict.first
    if not first:
        return _none_reached(comparison)
    remarks = (_misses(comparison, first), _early(comparison), _clock(comparison))
    if len(first) == 1:
        return _single_leader(comparison), joined_or_none(_behind(comparison), *remarks)
    rest = (_leader(comparison), _behind(comparison), _median_remark(comparison), *remarks)
    return _tie(comparison), joined(*rest)


def joined_or_none(*texts: Text | None) -> Text | None:
    """As `joined`, and None where there is no sentence."""
    return joined(*texts) if any(texts) else None


def unfinished_sentence(study: Comparison) -> Text:
    """The progress of an unfinished study, and the command to resume it, unless it is running."""
    done, total = len(study.runs), study.plan.runs
    if study.running:
        return Text(f"Running: {done:,} of {total:,} runs are done; this is no result yet.",
                    f"正在运行：共 {total:,} 次运行，已完成 {done:,} 次；尚无结论。")  # fmt: skip
    return Text(
        f"Not finished: {done:,} of {total:,} runs are done. Go on with: steepest compare --resume FOLDER",
        f"尚未完成：共 {total:,} 次运行，已完成 {done:,} 次。继续：steepest compare --resume 文件夹",
    )


# --- no winner --------------------------------------------------------------------------------------------------------


def _met_at_start(comparison: Comparison) -> Text | None:
    """That most seeds meet the target before the first step, so that nothing can be told; None where they do not."""
    report = comparison.runs[comparison.runs["phase"] == "report"]
    starts = comparison.curves[(comparison.curves["step"] == 0) & comparison.curves["run"].isin(report["id"])]
    higher = bool(comparison.workload["higher_is_better"])
    metrics = starts["metric"].astype(float)
    met = metrics >= comparison.target if higher else metrics <= comparison.target
    if 2 * met.sum() <= len(met):
        return None
    return met_at_start(metric_text(comparison), float(metrics[met].iloc[0]), comparison.target, higher)


def met_at_start(name: Text, value: float, target: float, higher: bool) -> Text:
    """The sentence that a target is met before the first step."""
    sign, other = ("≥", False) if higher else ("≤", True)
    better, better_zh = ("smaller", "更小") if higher else ("larger", "更大")
    shown = number(value, 4)
    return Text(
        f"The target, {name.en} {sign} {target:g}, is met before the first step ({shown}), so it cannot tell optimizers"
        f" apart; give a harder one (--target), or write higher_is_better = {other} in the workload's file if {better}"
        " is better.",
        f"第一步之前就已达到目标（{name.zh} {sign} {target:g}，此时为 {shown}），因此分不出优化器的先后；请给出更难的"
        f"目标（--target）；若{better_zh}才更好，请在工作负载文件中写 higher_is_better = {other}。",
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
    advice = why_most_broke(comparison) or Text(
        "No optimizer reached the target on most seeds; give more steps (--steps) or an easier target (--target).",
        "没有优化器在多数种子上达到目标；请增加步数（--steps）或放宽目标（--target）。",
    )
    metrics = comparison.table["final_metric"].dropna()
    if metrics.empty:
        return advice, None
    best = float(metrics.max() if comparison.workload["higher_is_better"] else metrics.min())
    closest = [str(label) for label in comparison.table.index if metrics.get(label) == best]
    name, value = metric_text(comparison), number(best, 4)
    if len(closest) == len(metrics) > 1:
        return advice, Text(f"All came equally close: {name.en} {value} at the end.",
                            joined_parts(["所有优化器同样接近：最终", name.zh, f"为 {value}。"]))  # fmt: skip
    return advice, Text(
        f"{list_en(closest)} came closest: {name.en} {value} at the end.",
        joined_parts([f"最接近的是 {list_zh(closest)}：最终", name.zh, f"为 {value}。"]),
    )


def _has_no_metric(comparison: Comparison) -> bool:
    """Whether runs ended well, and not one of them ever measured a metric that is a number."""
    sound = comparison.runs[~comparison.runs["status"].isin(BROKEN)]
    return bool(len(sound) and sound["best_metric"].isna().all() and sound["final_metric"].isna().all())


# --- winners ----------------------------------------------------------------------------------------------------------


def _single_leader(comparison: Comparison) -> Text:
    """The verdict where one optimizer is first, or is the only one; one that ends worst is said to, too."""
    (leader,) = comparison.verdict.first
    result = _performance(comparison, leader)
    if len(comparison.table) == 1:
        return Text(f"{leader} takes {result.en}.", f"{leader} {result.zh}。")
    best = clearly_last(comparison.runs, leader, bool(comparison.workload["higher_is_better"]))
    if best is None:
        return Text(f"{leader} gets there first: {result.en}.", f"{leader} 最先到达：{result.zh}。")
    metric, ends = metric_text(comparison), comparison.table["final_metric"]
    own, other = number(float(ends[leader]), 4), number(float(ends[best]), 4)
    return Text(
        f"{leader} gets there first: {result.en}; but it ends worst of all, with {metric.en} {own} where {best} has"
        f" {other}.",
        joined_parts(
            [f"{leader} 最先到达：{result.zh}；但最终结果最差，", metric.zh, f"为 {own}，而 {best} 为 {other}。"]
        ),
    )


def _tie(comparison: Comparison) -> Text:
    """The verdict where several tie, and about how many more seeds would separate them."""
    first, seeds = comparison.verdict.first, comparison.plan.seeds
    cannot, cannot_zh = (f"{seeds} seeds cannot", f"{seeds} 个种子") if seeds > 1 else ("one seed cannot", "一个种子")
    more = comparison.verdict.more_seeds
    if math.isnan(more):
        outlook = Text(", and more are not likely to", "，增加种子多半也分不出")
        searches, most = comparison.plan.searches, min(2 * comparison.plan.searches, seeds)
        if comparison.undecided_by_searches and most > searches:
            outlook = Text(
                f"{outlook.en}, as the {searches} searches disagree; a new study with more of them (--searches {most})"
                " may",
                f"{outlook.zh}，因为 {searches} 轮搜索的结果不一致；可另做一项搜索轮数更多的研究（--searches {most}）",
            )
    elif never := comparison.verdict.inseparable:
        told = [label for label in first[1:] if label not in never]
        outlook = Text(
            f"; about {more:.0f} more would tell {first[0]} from {list_en(told)} (--add-seeds {more:.0f}), but are not"
            f" likely to tell it from {list_en(never)}",
            f"；再加约 {more:.0f} 个（--add-seeds {more:.0f}）可分出 {first[0]} 与 {list_zh(told)}，但多半仍分不出它与"
            f" {list_zh(never)}",
        )
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
    return Text(f"{leader} took {result.en}.", f"{leader} {result.zh}。")


def _performance(comparison: Comparison, label: str) -> Text:
    """A contestant's steps (or seconds) to the target, over how many seeds, and at which settings."""
    seeds, needed, settings = comparison.plan.seeds, _cost(comparison, label), _settings(comparison, label)
    over = Text(f"median of {seeds} fresh seeds", f"{seeds} 个新种子的中位数")
    if seeds == 1:
        over = Text("on one fresh seed", "一个新种子")
    return Text(
        f"{needed.en} to the target ({over.en}) at {settings.en}",
        f"在{settings.zh}下用 {needed.zh}达到目标（{over.zh}）",
    )


def _cost(comparison: Comparison, label: str) -> Text:
    """A contestant's steps or seconds to the target, whichever decides."""
    value = float(comparison.table[comparison.measure][label])
    amount = spent(value, comparison.measure)
    if comparison.measure == "seconds_to_target":
        return Text(f"{amount} seconds", f"{amount} 秒")
    return Text(f"{amount} step{'' if value == 1 else 's'}", f"{amount} 步")


def _settings(comparison: Comparison, label: str) -> Text:
    """The settings of a contestant's best winner, and the learning rates of all where its searches chose others."""
    settings = comparison.chosen.get(label, {})
    if settings and "lr" not in settings:  # of a class that has none
        text = settings_text(settings)
        return Text(text or "its only setting", text or "唯一的设置")
    lr = general(settings.get("lr", comparison.table["lr"][label]), 3)
    rest = settings_text({name: value for name, value in settings.items() if name != "lr"})
    rates = sorted({general(other["lr"], 3) for other in comparison.winners.get(label, ())}, key=float)
    over = Text("", "")
    if len(rates) > 1:
        searches = comparison.plan.searches
        over = Text(f" ({rates[0]} {'and' if len(rates) == 2 else 'to'} {rates[-1]} in {searches} searches)",
                    f"（{searches} 轮搜索为 {rates[0]} {'和' if len(rates) == 2 else '至'} {rates[-1]}）")  # fmt: skip
    return Text(
        f"learning rate {lr}{f', {rest}' * bool(rest)}{over.en}",
        f"学习率 {lr}{f'、{rest}' * bool(rest)}{over.zh or ' '}",
    )


def _behind(comparison: Comparison) -> Text | None:
    """The sentence about all contestants that are clearly slower, the next one first; None if there is none."""
    verdict, seconds = comparison.verdict, comparison.measure == "seconds_to_target"
    if verdict.behind is None:
        return None
    others = [_times_slower(comparison, label, bool(index)) for index, label in enumerate(verdict.slower)]
    who = Text("Clearly slower", "明显较慢的")
    if len(verdict.first) > 1:
        who = Text(f"Clearly slower than {verdict.first[0]}", f"明显比 {verdict.first[0]} 慢的")
    unit = Text("the time" if seconds else "the steps", "时间" if seconds else "步数")
    return Text(
        f"{who.en}, in {unit.en} needed: {'; '.join(text.en for text in others)}.",
        f"{who.zh}（所需{unit.zh}之比）：{'；'.join(text.zh for text in others)}。",
    )


def _times_slower(comparison: Comparison, label: str, short: bool) -> Text:
    """A contestant's ratio to the first, with its interval unless `short`, and the seeds on which it missed."""
    ratio, low, high = (float(comparison.ratios[name][label]) for name in ("ratio", "low", "high"))
    missed, seeds = _missed(comparison, label), comparison.plan.seeds
    misses = Text(f"missed on {missed} of {seeds} seeds", f"{seeds} 个种子中有 {missed} 个未到达")
    if 2 * missed >= seeds:  # by how much is hidden, and an estimate would suggest otherwise
        least = Text(f" at least {times(low)} times", f" 至少 {times(low)} 倍") if low > 1 else Text("", "")
        return Text(f"{label}{least.en} ({misses.en})", f"{label}{least.zh}（{misses.zh}）")
    notes = [] if short else [Text(*_interval(low, high))]
    notes += [misses] * bool(missed)
    noted = Text(f" ({', '.join(note.en for note in notes)})", f"（{'，'.join(note.zh for note in notes)}）")
    return Text(
        f"{label} {times(ratio)} times{noted.en * bool(notes)}", f"{label} {times(ratio)} 倍{noted.zh * bool(notes)}"
    )


def _interval(low: float, high: float) -> tuple[str, str]:
    if math.isinf(high):
        return f"95 % interval from {times(low)} up", f"95% 区间 {times(low)} 以上"
    return f"95 % interval {times(low)} to {times(high)}", f"95% 区间 {times(low)} 至 {times(high)}"


def _missed(comparison: Comparison, label: str) -> int:
    """Number of report seeds on which a contestant missed the target."""
    reached = float(comparison.table["reached"][label])
    return 0 if math.isnan(reached) else round((1 - reached) * comparison.plan.seeds)


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


def _misses(comparison: Comparison, labels: Sequence[str]) -> Text | None:
    """Which of these contestants missed the target, and on how many seeds; None if none did."""
    counts = {label: missed for label in labels if (missed := _missed(comparison, label))}
    if not counts:
        return None
    seeds = comparison.plan.seeds
    parts = [f"{label} on {missed}" for label, missed in counts.items()]
    parts_zh = [f"{label} {missed} 个" for label, missed in counts.items()]
    return Text(
        f"Of {seeds} seeds the target was missed by {list_en(parts)}.",
        f"{seeds} 个种子中未到达目标的：{list_zh(parts_zh)}。",
    )


def _early(comparison: Comparison) -> Text | None:
    """That the target is too easy to tell optimizers apart, where it is."""
    steps = comparison.table["steps_to_target"].min()
    if steps > EARLY or len(comparison.table) == 1:
        return None
    count = f"{steps:.0f} step{'' if steps == 1 else 's'}"
    return Text(
        f"The target is reached within {count}, of which one more or less is a large share; a harder one (--target)"
        " would tell more.",
        f"目标只需 {steps:.0f} 步便达到，一步之差已占很大比例；更难的目标（--target）更能区分。",
    )


CLOSE = 0.1
"""Relative width of an interval of step times beyond which the machine counts as too busy to tell."""


def _clock(comparison: Comparison) -> Text | None:
    """By which clock seconds are measured, and whether the machine was too busy; None where steps decide."""
    if comparison.measure != "seconds_to_target" or comparison.timings.empty:
        return None
    wide = comparison.uncertainty_of_time
    clock = Text("processor time of the thread that trains", "训练线程的处理器时间")
    if (comparison.timings["clock"] != "thread").any():
        clock = Text("time on the clock", "挂钟时间")
    rounds = comparison.timings["round"].nunique()
    text = Text(f"Seconds are {clock.en}, from {rounds} rounds.", f"秒数为{clock.zh}，取自 {rounds} 轮测量。")
    if wide <= CLOSE:
        return text
    return joined(text, Text(
        f"The machine was too busy to tell step times closer than ±{wide:.0%}: measure again when it is quiet.",
        f"机器太忙，每步时间只能精确到 ±{wide:.0%}：请在空闲时重新测量。",
    ))  # fmt: skip
