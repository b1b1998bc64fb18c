"""The export to Markdown: the verdict and the table of each workload, to be pasted into an issue or a chat."""

import re
from collections.abc import Mapping

from ..base.numbers import NOTHING, number, share, steps, times
from ..base.text import Text
from ..study import Comparison
from .cells import defused
from .code import recipe_of
from .data import as_json
from .failures import diagnosed_sentences, failed_sentences
from .overview import first_names, lead, places, relative
from .pictures import picture_files, strips
from .provenance import provenance_sentences
from .rows import only_learning_rates, result_rows
from .searching import search_warnings
from .sentences import (
    aside_sentence,
    broken_sentence,
    data_sentence,
    edge_warnings,
    external_sentence,
    partner_sentence,
    profile_sentence,
    stopped_sentence,
    target_sentence,
)
from .verdict import verdict_sentence
from .words import WORDS

__all__ = ["as_markdown"]


def as_markdown(study: Comparison) -> str:
    """The text of `report.md`, which refers to the files of `pictures.picture_files`."""
    names, files = study.plan.short_names, picture_files(study)
    parts = ["# Which optimizer gets there first?", _english(profile_sentence(study)), _overview(study)]
    for name, comparison in study.by_workload().items():
        remarks = [
            data_sentence(comparison),
            partner_sentence(comparison),
            external_sentence(comparison),
            stopped_sentence(comparison),
            broken_sentence(comparison),
            *failed_sentences(comparison),
            *diagnosed_sentences(comparison),
            *search_warnings(comparison),
            *edge_warnings(comparison),
        ]
        remarks += map(aside_sentence, comparison.set_aside)
        parts.append(f"## {_escaped(names[name])}")
        parts += map(_english, (verdict_sentence(comparison), target_sentence(comparison)))
        parts += [_table(comparison), *map(_english, remarks), _ratios(comparison), *_code(comparison)]
        parts += _pictures(comparison, files)
        data = f"```json\n{as_json(comparison)}\n```"  # folded, as it is longer than all else
        parts += ["<details><summary>What this was computed from</summary>", data, "</details>"]
    parts += map(_english, provenance_sentences(study))
    return "\n\n".join(part for part in parts if part) + "\n"


def _english(text: Text | None) -> str:
    return "" if text is None else _escaped(text.en)


def _table(comparison: Comparison) -> str:
    settings = "learning rate" if only_learning_rates(comparison) else "best settings"
    head = ["optimizer", settings, "steps to target", "seeds that reached it", "seconds to target",
            f"final {comparison.workload['metric_name']}"]  # fmt: skip
    rows = [
        [defused(row["label"]), defused(row["settings"]) or NOTHING, steps(row["steps_to_target"]),
         share(row["reached"]), number(row["seconds_to_target"]), number(row["final_metric"], 4)]
        for row in result_rows(comparison)
    ]  # fmt: skip
    return _rows(head, rows, 2)


def _overview(study: Comparison) -> str:
    """Who is first on each workload; empty for one workload, or while runs are missing."""
    rows = [
        [place.workload, defused(first_names(place).en), defused(place.behind or NOTHING), lead(place)]
        for place in places(study)
    ]
    if not rows:
        return ""
    all_of_them = [
        [defused(label), *(f"{times(ratio)}{' (first)' * is_first}" for ratio, is_first in row)]
        for label, row in relative(study).items()
    ]
    head = ["times as much as the leader", *study.plan.short_names.values()]
    return "\n\n".join([
        _rows(["workload", "first", "behind", "times as much (95 % interval)"], rows, 3), _rows(head, all_of_them, 1),
    ])  # fmt: skip


def _code(comparison: Comparison) -> list[str]:
    """The first contestant as lines of Python; nothing where none has runs."""
    if comparison.table.empty:
        return []
    recipe = recipe_of(comparison, str(comparison.table.index[0]))
    title = f"### {WORDS['code_title'].en}: {_escaped(defused(recipe.label))}"
    fence = "````" if "```" in recipe.code else "```"
    return [title, f"{fence}python\n{recipe.code}\n{fence}", _english(recipe.note)]


def _pictures(comparison: Comparison, files: Mapping[tuple[str, str, int], tuple[str, bytes]]) -> list[str]:
    """What the best show in the course of training: images as files beside this one, texts as they are."""
    name, parts = comparison.plan.workloads[0].name, []
    for strip in strips(comparison):
        parts.append(f"### {WORDS['pictures'].en}: {_escaped(defused(strip.label))}")
        for shot in strip.shots:
            file = files.get((name, strip.label, shot["step"]))
            shown = f"![{_escaped(shot['alt'].en)}]({file[0]})" if file else _quoted(shot["text"])
            parts += [_escaped(shot["caption"].en), shown]
        if strip.problem:
            parts.append(_escaped(strip.problem))
    return parts


def _quoted(text: str) -> str:
    """A text of several lines as a block of its own."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}text\n{text}\n{fence}"


def _ratios(comparison: Comparison) -> str:
    """How each contestant compares with the first to the target; empty where there is nothing to compare."""
    table = comparison.ratios
    if table.empty or not comparison.complete:
        return ""
    head = ["optimizer", "compared with", "verdict", "times as much", "95 % interval", "p", "seeds"]
    rows = []
    for label, row in table.iterrows():
        ratio, low, high = (times(float(row[name])) for name in ("ratio", "low", "high"))
        rows.append([
            defused(str(label)), defused(str(row["against"])), str(row["word"]), ratio, f"{low} to {high}",
            number(float(row["p"]), 2), str(row["pairs"]),
        ])  # fmt: skip
    return _rows(head, rows, 3)


def _rows(head: list[str], rows: list[list[str]], texts: int) -> str:
    """A table whose first columns are texts and the others numbers."""
    body = [[_escaped(str(cell)) for cell in row] for row in (head, *rows)]
    body.insert(1, ["---"] * texts + ["---:"] * (len(head) - texts))
    return "\n".join(f"| {' | '.join(row)} |" for row in body)


def _escaped(text: str) -> str:
    """A text on one line, with every character escaped that Markdown would interpret."""
    return re.sub(r"([\\`*_\[\]<>|~&$#])", r"\\\1", " ".join(text.split()))
