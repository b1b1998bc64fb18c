"""Rendering of the page `report.html`: one file without network, in English and Chinese, light, dark and printed."""

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup
from matplotlib.figure import Figure

from ..base import numbers
from ..base.numbers import list_en, list_zh
from ..base.text import Text
from ..figures.contestants import looks
from ..study import Comparison, Plan
from ..study.looks import level_of
from .cells import defused
from .code import recipe_of
from .failures import diagnosed_sentences, failed_sentences
from .overview import first_names, lead, places, relative
from .pictures import strips
from .provenance import provenance_sentences
from .rows import chosen_budgets, fingerprints, only_learning_rates, packed_runs, plan_rows, result_rows
from .searching import points_text, search_warnings
from .sentences import (
    aside_sentence,
    broken_sentence,
    budget_sentence,
    data_sentence,
    edge_warnings,
    external_sentence,
    metric_after,
    partner_sentence,
    profile_sentence,
    stopped_sentence,
    target_sentence,
)
from .svg import inline, mark
from .verdict import joined_or_none, unfinished_sentence, verdict_texts
from .words import DESCRIPTIONS, PHASES, STATUSES, WORDS

__all__ = ["both", "render"]

Figures = Mapping[str, Mapping[str, Figure]]

MOST_FINGERPRINTS = 40
"""Number of fingerprints that the page shows; all of them are in runs.csv."""


def render(study: Comparison, figures: Figures, refresh: int | None = None) -> str:
    """The page as HTML.

    Args:
        study: the comparison, on one workload or several.
        figures: by workload and name, as `build.draw_all` returns them.
        refresh: seconds after which the page loads itself anew; None: it does not.
    """
    names = study.plan.short_names
    prints = fingerprints(study.runs, names)
    script = _template("report.js")
    return _environment().get_template("report.html").render(
        names=names,
        refresh=refresh,
        looks=_looks(study),
        places={label: index for index, label in enumerate(looks(study))},
        script=Markup(script),
        # the page's content security policy allows this script only, whatever a user's text may contain
        digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=Markup(_template("report.css")),
        several=len(names) > 1,
        unfinished=None if study.complete else unfinished_sentence(study),
        profile=profile_sentence(study),
        scores=[] if study.profiles is None else study.profiles.score.sort_values(ascending=False).items(),
        firsts=[(place.workload, first_names(place), place.behind, lead(place)) for place in places(study)],
        relative=relative(study),
        aside=[*map(aside_sentence, study.set_aside), *provenance_sentences(study)],
        sections=[_section(comparison, names[name]) for name, comparison in study.by_workload().items()],
        drawn=_inline_figures(study, figures),
        runs=packed_runs(study, names),
        endings=list(dict.fromkeys(study.runs["status"].dropna())),
        facts=study.facts | {"versions": json.loads(study.facts["versions"])},
        code=json.loads(study.facts.get("code", "{}")),
        extended=_is_extended(study),
        plan_rows=plan_rows(study),
        protocol=_protocol(study),
        devices=study.device_kinds,
        fingerprints=prints[:MOST_FINGERPRINTS],
        more_fingerprints=len(prints) - MOST_FINGERPRINTS,
        words=WORDS,
        phases=PHASES,
        statuses=STATUSES,
        bilingual=lambda texts: {name: asdict(text) for name, text in texts.items()},  # both languages, for the script
    )  # fmt: skip


def _is_extended(study: Comparison) -> bool:
    """Whether something was added to the plan after it began; trials that a sampler draws are none of that."""
    first = study.facts.get("first_plan")
    return first is not None and Plan.from_json(first).as_begun() != study.plan.as_begun()


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("steepest.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    shown = ("number", "share", "signed", "spent", "steps", "times")
    environment.filters |= {"both": both, "cell": defused, "parts": _parts} | {
        name: getattr(numbers, name) for name in shown
    }
    return environment


def _template(name: str) -> str:
    return files("steepest.report").joinpath("templates", name).read_text("utf-8")


def both(text: Text) -> Markup:
    """A text in both languages, as HTML; the page's style shows one of them.

    >>> both(Text("step", "步"))
    Markup('<span lang="en">step</span><span lang="zh">步</span>')
    """
    return Markup('<span lang="en">{}</span><span lang="zh">{}</span>').format(_unbroken(text.en), _unbroken(text.zh))


OPTION = re.compile(r"(--[a-z][a-z-]*(?: [0-9]+)?)")
"""An option in a sentence, with its number: browsers would break a line between its hyphens."""


def _unbroken(text: str) -> Markup:
    """A sentence whose options stay on one line each.

    >>> _unbroken("about 22 more would (--add-seeds 22)")
    Markup('about 22 more would (<span class="option">--add-seeds 22</span>)')
    """
    parts = OPTION.split(text)
    options = Markup('<span class="option">{}</span>')
    return Markup("").join(options.format(part) if index % 2 else part for index, part in enumerate(parts))


def _parts(shares: tuple[float, float, float] | None) -> Markup:
    """The parts of a step as a bar of three pieces and as percentages; of what was not measured, nothing."""
    if shares is None:
        return Markup("")
    pieces, left = [], 0.0
    for part, opacity in zip(shares, (0.25, 0.55, 1.0), strict=True):
        width = 0.0 if math.isnan(part) else 60 * part
        pieces.append(f'<rect x="{left:.2f}" width="{width:.2f}" height="8" fill="currentColor" opacity="{opacity}"/>')
        left += width
    texts = [numbers.NOTHING if math.isnan(part) else f"{100 * part:.0f}" for part in shares]
    bar = Markup('<svg viewBox="0 0 60 8" width="60" height="8" aria-hidden="true">{}</svg>').format(
        Markup("".join(pieces))  # numbers only
    )
    return Markup("{} {} %").format(bar, " · ".join(texts))


# --- the data of the template -----------------------------------------------------------------------------------------


def _looks(study: Comparison) -> list[dict[str, object]]:
    """Each contestant's label, its colours in the light and dark theme, and its line with its mark as SVG."""
    dark = looks(study, dark=True)
    return [
        {"label": label, "light": look.colour, "dark": dark[label].colour, "mark": mark(look, f"var(--c{index})")}
        for index, (label, look) in enumerate(looks(study).items())
    ]


def _inline_figures(study: Comparison, figures: Figures) -> dict[str, dict[str, Markup]]:
    """The figures as SVG, by the workload's short name; their colours become variables of the page's theme."""
    colours = {look.colour: f"var(--c{index})" for index, look in enumerate(looks(study).values())}
    names = study.plan.short_names | {"": ""}
    return {
        names[workload]: {
            name: inline(figure, DESCRIPTIONS[name], colours, f"f{index}-{name}") for name, figure in by_name.items()
        }
        for index, (workload, by_name) in enumerate(figures.items())
    }


def _section(comparison: Comparison, title: str) -> dict[str, object]:
    """The section of the page about one workload."""
    facts, budgets, best_of = comparison.workload, chosen_budgets(comparison), WORDS["best_of"]
    rows, shown = result_rows(comparison), strips(comparison)
    return {
        "title": title,
        "comparison": comparison,
        "about": Text(str(facts["about"]), str(facts["about_zh"])),
        "final": metric_after(WORDS["final"], comparison),
        "best": metric_after(WORDS["best"], comparison),
        "target": target_sentence(comparison),
        "verdict": verdict_texts(comparison),
        "broken": broken_sentence(comparison),
        "data": data_sentence(comparison),
        "parts": not comparison.parts.empty,
        "strips": shown,
        "missing": [_filled(WORDS["no_pictures"], strip.label, strip.problem) for strip in shown if strip.problem],
        "partner": joined_or_none(
            partner_sentence(comparison), external_sentence(comparison), stopped_sentence(comparison)
        ),
        "warnings": [
            *failed_sentences(comparison),
            *diagnosed_sentences(comparison),
            *search_warnings(comparison),
            *edge_warnings(comparison),
        ],
        "rows": rows,
        "recipes": [recipe_of(comparison, row["label"]) for row in rows],
        "budgets": [_filled(best_of, k) for k in budgets],
        "budget": budget_sentence(budgets) if comparison.complete else None,
        "noise": comparison.gradient_noise,
        "only_lr": only_learning_rates(comparison),
    }


def _filled(text: Text, *values: object) -> Text:
    return Text(text.en.format(*values), text.zh.format(*values))


def _protocol(study: Comparison) -> Text:
    """The sentence about how the comparison was made: trials and seeds."""
    plan = study.plan
    search, report = plan.search_numbers, plan.report_numbers
    on = f"{search[0]}" if len(search) == 1 else f"{search[0]} – {search[-1]}"
    to = f"{report[0]}" if len(report) == 1 else f"{report[0]} – {report[-1]}"
    searches = Text(" of each optimizer", "每个优化器")
    if plan.searches > 1:
        searches = Text(
            f" in each of {plan.searches} searches of each optimizer", f"每个优化器 {plan.searches} 轮搜索，每轮"
        )
    points = points_text(plan)
    trials, shared = f"{plan.trials:,}", Text("", "")
    if plan.equal == "seconds":
        numbers_of_trials = [len(contestant.trials) // plan.searches for contestant in plan.contestants]
        trials = f"{min(numbers_of_trials):,} – {max(numbers_of_trials):,}"
        shared = Text(", in the same seconds for every optimizer", "，各优化器秒数相同")
    if plan.budget:
        shared = Text(f"{shared.en}, for a budget of {plan.budget}", f"{shared.zh}，预算为 {plan.budget}")
    looks, level = Text("", ""), level_of(plan, max(len(plan.on(goal.name).contestants) for goal in plan.workloads))
    if level is not None:
        numbers_of_seeds = [str(seeds) for seeds in plan.looks]
        looks = Text(
            f"; looked at after {list_en(numbers_of_seeds)} seeds until the first is told apart, at"
            f" {100 * level:.2g} % each time, which is 5 % in all",
            f"；在 {list_zh(numbers_of_seeds)} 个种子后各检验一次，直到分出第一名，每次水平 {100 * level:.2g}%，"
            "合计 5%",
        )
    return Text(
        f"{trials} trials{searches.en} ({points.en}{shared.en}) on seed {on}; winners on fresh seeds {to}{looks.en}",
        f"{searches.zh} {trials} 次试验（{points.zh}{shared.zh}），训练种子 {on}；获胜设置用新种子 {to}{looks.zh}",
    )
