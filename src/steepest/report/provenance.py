"""Sentences about where a study's numbers come from: versions of libraries, and whether a run can be repeated."""

import json

from ..base.numbers import list_en, list_zh
from ..base.text import Text
from ..study import Comparison

__all__ = ["provenance_sentences"]

DIFFERS = {
    "data": Text("`data` gives other numbers each time", "`data` 每次给出的数都不同"),
    "batches": Text("`batches` gives others each time", "`batches` 每次给出的批次都不同"),
    "model": Text("the initial weights of one seed differ each time", "同一种子的初始权重每次都不同"),
    "measure": Text("the loss of one seed before its first step differs each time", "同一种子训练前的损失每次都不同"),
    "training": Text("the first steps of one seed differ each time", "同一种子的前几步每次都不同"),
}
"""What came out differently when the beginning of a run was done twice; see `steepest.training.repeating`."""


def provenance_sentences(study: Comparison) -> list[Text]:
    """What must be known before the runs are compared; none where all is in order."""
    return [*_quick(study), *_versions(study), *_devices(study), *_repeats(study)]


def _quick(study: Comparison) -> list[Text]:
    """That it is a first look only, where it is."""
    if not study.plan.quick:
        return []
    return [
        Text(
            "A first look (--quick): smaller networks and shorter runs than the real ones, few trials and seeds, and"
            " targets that Adam reached in such a run. It shows that everything works, and what may be worth a whole"
            " comparison; which optimizer suits the real size it does not show.",
            "快速浏览（--quick）：网络更小、运行更短、试验与种子较少，目标取 Adam 在这样一次运行中所达到的值。它表明"
            "一切运转正常、哪些值得完整比较；真实规模下哪个优化器合适，由此看不出来。",
        )
    ]


def _versions(study: Comparison) -> list[Text]:
    if not study.versions:
        return []
    several = [(name, *versions) for name, versions in study.versions.items()]
    shown = [f"{name} {list_en(versions)}" for name, *versions in several]
    shown_zh = [f"{name} {list_zh(versions)}" for name, *versions in several]
    return [
        Text(
            f"The runs were made with different versions: {'; '.join(shown)}. Runs of one seed begin alike, but need"
            " not be equal to the last bit.",
            f"各次运行所用的版本不同：{'；'.join(shown_zh)}。同一种子的运行起点相同，但未必逐位相等。",
        )
    ]


def _devices(study: Comparison) -> list[Text]:
    """That runs were done on devices of several kinds, where they were."""
    kinds = study.device_kinds
    if len(kinds) < 2:
        return []
    return [
        Text(
            f"The runs were done on {list_en(kinds)}. Those of one seed are compared only where data, initial weights"
            " and initial loss are equal to the last bit; seconds are those of the device that was used last.",
            f"各次运行分别在 {list_zh(kinds)} 上进行。只有数据、初始权重与初始损失逐位相等时，同一种子的运行才会"
            "相互比较；秒数取自最后所用的设备。",
        )
    ]


def _repeats(study: Comparison) -> list[Text]:
    sentences = []
    short_names = study.plan.short_names
    for workload, found in json.loads(study.facts.get("repeats", "{}")).items():
        parts: dict[str, list[str]] = {}
        for label, part in found.items():
            if part in DIFFERS and workload in short_names:
                parts.setdefault(part, []).append(label)
        for part, labels in parts.items():
            what, name = DIFFERS[part], short_names[workload]
            only = set(labels) != {contestant.label for contestant in study.plan.on(workload).contestants}
            accelerators = [kind for kind in study.device_kinds if kind != "cpu"]
            if accelerators and part in ("measure", "training"):
                sentences.append(_kernels(name, what, accelerators))
                continue
            whose, whose_zh = (f" with {list_en(labels)}", f"（{list_zh(labels)}）") if only else ("", "")
            sentences.append(
                Text(
                    f"{name} is not reproducible{whose}: {what.en}, although the generators of torch, NumPy and Python"
                    " are seeded. Runs of one seed are then no pairs, and the same command gives other results; draw"
                    " from these generators, or from one made anew of a seed.",
                    f"{name} 不可复现{whose_zh}：{what.zh}，尽管 torch、NumPy 和 Python 的随机数发生器都已设定种子。"
                    "于是同一种子的运行不能配对，同一命令会给出不同结果；请从这些发生器取数，或每次用种子新建一个。",
                )
            )
    return sentences


def _kernels(name: str, differs: Text, devices: list[str]) -> Text:
    """That a workload does not repeat on an accelerator, where torch's kernels may be the cause."""
    return Text(
        f"{name} does not repeat to the last bit on {list_en(devices)}: {differs.en}. Some of torch's kernels add in"
        " any order there; torch.use_deterministic_algorithms(True) at the top of the file forbids it. Or it draws"
        " from a generator that no seed decides.",
        f"{name} 在 {list_zh(devices)} 上不能逐位重复：{differs.zh}。torch 在那里的某些内核相加次序不定；在文件开头写"
        " torch.use_deterministic_algorithms(True) 可禁止这样。否则就是它用了未由种子决定的随机数发生器。",
    )
