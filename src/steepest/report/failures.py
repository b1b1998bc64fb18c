"""What is said of runs that failed or broke, in English and Chinese: how many, why, and what to do about it."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from ..base.numbers import list_en, list_zh
from ..base.status import Status
from ..base.text import Text
from ..findings.catalogue import DIAGNOSES, Finding
from ..statistics import BROKEN, STOPPED
from ..study import Comparison
from .rows import ending_text

__all__ = [
    "all_failed", "diagnosed_sentences", "failed_sentences", "none_worked", "why_most_broke", "why_none_worked",
]  # fmt: skip

ORDER = {code: place for place, code in enumerate(DIAGNOSES["findings"])}
"""The precedence of what the doctor can find."""

OF_A_RUN = ("nan", "ascent", "eps_large", "rounding", "half_adam")
"""What is proved of one run and its optimizer's settings, and says nothing of the workload."""

MOST_CAUSES = 3
"""Findings of the doctor that are named for an optimizer: the commonest."""

RETRIED = (Status.FAILED, Status.TIMED_OUT)
"""Statuses of the runs that `--retry failed` does again."""

ADVICE = {
    Status.FAILED: Text("correct the file that raises it", "请修正出错的文件"),
    Status.TIMED_OUT: Text("give a run more time (--timeout), or fewer steps (--steps)",
                           "请给每次运行更多时间（--timeout），或减少步数（--steps）"),
    Status.NON_FINITE: Text("look for a division by zero, a logarithm of zero or data that are not finite, or search"
                            " smaller learning rates (--range lr=1e-6:1e-3)",
                            "请检查除以零、对零取对数或非有限的数据，或搜索更小的学习率（--range lr=1e-6:1e-3）"),
    Status.DIVERGED: Text("search smaller learning rates (--range lr=1e-6:1e-3)",
                          "请搜索更小的学习率（--range lr=1e-6:1e-3）"),
}  # fmt: skip


def none_worked(comparison: Comparison) -> bool:
    """Whether every run that counts broke: the comparison says nothing about optimizers."""
    runs = comparison.runs
    return bool(len(runs)) and bool(runs["status"].isin(BROKEN).all())


def all_failed(comparison: Comparison) -> list[str]:
    """The optimizers of which every run failed or ran out of time."""
    failed = comparison.runs["status"].isin(RETRIED).groupby(comparison.runs["label"], sort=False).all()
    return [str(label) for label in failed.index[failed]]


def failed_sentences(comparison: Comparison) -> list[Text]:
    """What failed or ran out of time, and why, unless no run worked at all, which is the verdict.

    A sentence for every optimizer of which each run did, and one about all others of which some did.
    """
    if none_worked(comparison):
        return []
    runs, whole = comparison.runs, all_failed(comparison)
    sentences = []
    for label in whole:
        own = runs[runs["label"] == label]
        sentences.append(
            _such_as(f"{label}: every run failed ({len(own)})", f"{label}：所有运行（{len(own)} 次）都失败了", own)
        )
    failed = runs[runs["status"].isin(RETRIED) & ~runs["label"].isin(whole)]
    if len(failed):
        counts = [
            (label, len(own), (runs["label"] == label).sum()) for label, own in failed.groupby("label", sort=False)
        ]
        by_label = list_en([f"{label}: {count} of {done}" for label, count, done in counts])
        by_label_zh = list_zh([f"{label}：{done} 次中 {count} 次" for label, count, done in counts])
        run = "run" if len(failed) == 1 else "runs"
        sentences.append(
            _such_as(
                f"{len(failed)} {run} failed ({by_label})", f"有 {len(failed)} 次运行失败（{by_label_zh}）", failed
            )
        )
    return sentences


def _such_as(what: str, what_zh: str, failed: pd.DataFrame) -> Text:
    cause = ending_text(*_commonest(failed))
    return Text(
        f"{what}, such as: {cause.en}. Try again with: steepest compare --resume FOLDER --retry failed",
        f"{what_zh}，例如：{cause.zh}。重试：steepest compare --resume 文件夹 --retry failed",
    )


def diagnosed_sentences(comparison: Comparison) -> list[Text]:
    """What the doctor found: first what is wrong with the workload itself, then how trials of each optimizer failed.

    The workload is wrong where the same thing was proved in most of all runs, whoever trained. A trial has failed if
    it did not reach the target, unless it was stopped before its end; of each the worst finding counts.
    """
    runs = comparison.runs
    if runs.empty or runs["diagnoses"].isna().all():
        return []
    found = runs["diagnoses"].map(_diagnoses)
    everywhere = _proved_everywhere(found)
    sentences = [
        Text(
            f"The doctor found in {count} of {len(runs)} runs: {finding.text()}.",
            f"{len(runs)} 次运行中有 {count} 次诊断出：{finding.text('zh')}。",
        )
        for finding, count in everywhere
    ]
    known = {finding.code for finding, _ in everywhere}
    missed = (runs["phase"] == "search") & (runs["status"] != STOPPED) & ~np.isfinite(runs["steps_to_target"])
    for label, own in found[missed].groupby(runs["label"][missed], sort=False):
        worst = [next((each for each in listed if each.code not in known), None) for listed in own]
        causes = Counter(finding.code for finding in worst if finding is not None).most_common(MOST_CAUSES)
        if not causes:
            continue
        named = [(DIAGNOSES["findings"][code]["title"], count) for code, count in causes]
        (first, count), rest = named[0], named[1:]
        trials = "failed trial" if len(own) == 1 else "failed trials"
        more = "".join(f"; {times}: {title['en']}" for title, times in rest)
        more_zh = "".join(f"；{times} 次：{title['zh']}" for title, times in rest)
        sentences.append(
            Text(
                f"{count} of {len(own)} {trials} of {label}: {first['en']}{more}.",
                f"{label} 的 {len(own)} 次失败试验中有 {count} 次：{first['zh']}{more_zh}。",
            )
        )
    return sentences


def _diagnoses(text: str | None) -> list[Finding]:
    return [Finding(**each) for each in json.loads(text)] if isinstance(text, str) else []


def _proved_everywhere(found: "pd.Series[Any]") -> list[tuple[Finding, int]]:
    """What was proved in more than half of the runs, an example with the number of its runs, the worst first."""
    certain = {code for code, entry in DIAGNOSES["findings"].items() if entry.get("certain")} - set(OF_A_RUN)
    proved = [finding for listed in found for finding in listed if finding.code in certain]
    counts = Counter(finding.code for finding in proved)
    examples = {finding.code: finding for finding in reversed(proved)}
    common = [code for code, count in counts.items() if 2 * count > len(found)]
    return [(examples[code], counts[code]) for code in sorted(common, key=ORDER.__getitem__)]


def why_none_worked(comparison: Comparison) -> Text:
    """The commonest ending of the runs, all of which broke, and its remedy."""
    status, count, why = _cause_and_advice(comparison, comparison.runs)
    if count == len(comparison.runs):
        return Text(f"Every run {_did(status).en}: {why.en}.", f"所有运行都{_did(status).zh}：{why.zh}。")
    return Text(
        f"No run worked: {count} of {len(comparison.runs)} {_did(status).en}, such as: {why.en}.",
        f"没有一次运行成功：{len(comparison.runs)} 次中有 {count} 次{_did(status).zh}，例如：{why.zh}。",
    )


def why_most_broke(comparison: Comparison) -> Text | None:
    """Why no optimizer reached the target, where that is because most runs broke; None where they did not.

    Trials may diverge, as their learning rates are chosen by chance, but not fail.
    """
    runs = comparison.runs
    report = runs[runs["phase"] == "report"]
    which = Text("runs on fresh seeds", "新种子上的 ")
    among, broken = report, report[report["status"].isin(BROKEN)]
    if 2 * len(broken) <= len(report):
        which = Text("runs", "")
        among, broken = runs, runs[runs["status"].isin(RETRIED)]
        if 2 * len(broken) <= len(runs):
            return None
    status, count, why = _cause_and_advice(comparison, broken)
    return Text(
        f"No optimizer reached the target on most seeds: {count} of the {len(among)} {which.en} {_did(status).en}, such"
        f" as: {why.en}.",
        f"没有优化器在多数种子上达到目标：{which.zh}{len(among)} 次运行中有 {count} 次{_did(status).zh}，例如："
        f"{why.zh}。",
    )


def _cause_and_advice(comparison: Comparison, broken: pd.DataFrame) -> tuple[Status, int, Text]:
    """The commonest status of broken runs, how many of them have it, and how one of them ended, with what to do."""
    status = Status(broken["status"].mode().iloc[0])
    alike = broken[broken["status"] == status]
    example = _commonest(alike)
    cause, advice = ending_text(*example), ADVICE[status]
    if status == Status.NON_FINITE and comparison.runs["initial_loss"].isna().all():
        cause = Text("the loss is not a finite number before the first step", "第一步之前损失就不是有限数")
        advice = Text("correct the workload: no optimizer has made a step yet",
                      "请修正工作负载：此时优化器还没有迈出一步")  # fmt: skip
    if example[2] and Finding.from_json(example[2]).code == "out_of_memory":  # says itself what to do
        return status, len(alike), cause
    return status, len(alike), Text(f"{cause.en}; {advice.en}", f"{cause.zh}；{advice.zh}")


def _commonest(runs: pd.DataFrame) -> tuple[str, str, str | None]:
    """The status, message and finding with which most of these runs ended; of equally many, the first."""
    endings = runs[["status", "message", "finding"]].astype(object)
    ((commonest, _),) = Counter(endings.where(endings.notna(), None).itertuples(index=False, name=None)).most_common(1)
    return commonest


def _did(status: Status) -> Text:
    return {
        Status.FAILED: Text("failed", "失败了"), Status.TIMED_OUT: Text("ran out of time", "超时了"),
        Status.NON_FINITE: Text("became non-finite", "出现了非有限数"), Status.DIVERGED: Text("diverged", "发散了"),
    }[status]  # fmt: skip
