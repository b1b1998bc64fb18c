"""What the last line of a notebook's cell shows of a value.

Pictures are PNG files within HTML, which every front end shows. Of notebooks that are not trusted, and on sites that
show them, frames, scripts, formulas and drawings in SVG are taken out, and only their letters are left, in disorder.
Words are in the language of STEEPEST_LANG, or else of the locale.
"""

import os
from collections.abc import Mapping, Sequence
from functools import singledispatch
from html import escape
from typing import Any

from ..base import numbers
from ..base.display import without_styles
from ..base.language import default_language
from ..base.text import Text
from ..diagnose import Doctor
from ..diagnose.finding import Diagnosis
from ..findings.catalogue import Finding
from ..landscapes import Landscape
from ..paths.maps import BasinMap, SweepMap
from ..paths.tracing import Path
from ..program.mathml import mathml
from ..program.plain import plain
from ..program.showing import Page, Table, landscape_page, rule_page
from ..rules import Rule
from ..study import Comparison

__all__ = ["bundle"]

CURVES = Text("learning curves of the winners", "各优胜设置的学习曲线")

STYLE = "max-width: 60rem; line-height: 1.45"


def bundle(value: Any) -> dict[str, str]:
    """What IPython's display asks for: the value by media type.

    >>> from steepest.rules import find
    >>> sorted(bundle(find("sgd")))
    ['text/html', 'text/latex', 'text/plain']
    """
    lang = default_language(os.environ)
    page, text, more = _parts(value, lang)
    return {
        "text/plain": text,
        "text/html": f'<div class="steepest" lang="{lang}" style="{STYLE}">{page}</div>',
        **more,
    }


Parts = tuple[str, str, Mapping[str, str]]
"""HTML, plain text, and other media types."""


@singledispatch
def _parts(value: Any, lang: str) -> Parts:
    return f"<pre>{escape(repr(value))}</pre>", repr(value), {}


@_parts.register
def _(value: Path, lang: str) -> Parts:
    from ..figures.html import picture
    from ..figures.paths import draw_paths

    told = [finding.text(lang) for finding in (value.finding, *value.why)]
    rule, on = value.rule.title, value.landscape.name
    name = Text(f"path of {rule} on {on}", f"{rule} 在 {on} 上的路径")
    return (
        picture(draw_paths([value], lang=lang), getattr(name, lang)) + "".join(map(_paragraph, told)),
        "\n".join(told),
        {},
    )


@_parts.register
def _(value: BasinMap, lang: str) -> Parts:
    from ..figures.basins import draw_basin
    from ..figures.html import picture

    name = getattr(Text("where paths end, by their start", "各起点的路径终点"), lang)
    return picture(draw_basin(value, lang=lang), name), name, {}


@_parts.register
def _(value: SweepMap, lang: str) -> Parts:
    from ..figures.html import picture
    from ..figures.sweeps import draw_sweep

    name = getattr(Text("how far each setting gets", "各设置的结果"), lang)
    return picture(draw_sweep(value, lang=lang), name), name, {}


@_parts.register
def _(value: Rule, lang: str) -> Parts:
    return _page(rule_page(value, lang), repr(value))


@_parts.register
def _(value: Landscape, lang: str) -> Parts:
    return _page(landscape_page(value, lang), value.name)


@_parts.register
def _(value: Finding, lang: str) -> Parts:
    told = value.text(lang)
    code = f"<code>{escape(value.code)}</code> " if isinstance(value, Diagnosis) else ""
    return f"<p>{code}{escape(told)}</p>", told, {}


@_parts.register
def _(value: Doctor, lang: str) -> Parts:
    told = value.text(lang) or getattr(Text("nothing found", "没有发现问题"), lang)
    return "".join(map(_paragraph, told.splitlines())), told, {}


@_parts.register
def _(value: Comparison, lang: str) -> Parts:
    from ..figures.comparison import draw_curves
    from ..figures.html import picture
    from ..report.overview import first_names, lead, places
    from ..report.sentences import profile_sentence, target_sentence
    from ..report.svg import boxes_for_missing_letters
    from ..report.verdict import verdict_sentence
    from ..report.words import WORDS

    parts, told = [], []
    names = value.plan.short_names
    rows = [
        (place.workload, getattr(first_names(place), lang), place.behind or numbers.NOTHING, lead(place))
        for place in places(value)
    ]
    if rows:
        head = [WORDS[name] for name in ("workload", "first", "behind", "times_as_much")]
        parts.append(_table([getattr(text, lang) for text in head], rows))
    for name, part in value.by_workload().items():
        verdict = getattr(verdict_sentence(part), lang)
        told.append(verdict)
        several = f"<h4>{escape(names[name])}</h4>" if len(names) > 1 else ""
        parts += [
            several,
            f"<p><strong>{escape(verdict)}</strong></p>",
            _paragraph(getattr(target_sentence(part), lang)),
        ]
        parts.append(_results(part, lang))
        if not part.table.empty and len(names) == 1:
            with boxes_for_missing_letters():
                parts.append(picture(draw_curves(part, lang), getattr(CURVES, lang)))
    if (profile := profile_sentence(value)) is not None:
        parts.append(_paragraph(getattr(profile, lang)))
    return "".join(parts), "\n".join(told), {}


def _results(part: Comparison, lang: str) -> str:
    from ..report.rows import result_rows
    from ..report.sentences import metric_after
    from ..report.words import WORDS

    head = [WORDS[name] for name in ("optimizer", "winner", "steps", "reached", "seconds")]
    head.append(metric_after(WORDS["final"], part))
    missed = {"en": "missed", "zh": "未达到"}[lang]
    rows = [
        (
            row["label"], row["settings"] or numbers.NOTHING, numbers.steps(row["steps_to_target"], missed),
            numbers.share(row["reached"]), numbers.number(row["seconds_to_target"]),
            numbers.number(row["final_metric"], 4),
        )
        for row in result_rows(part)
    ]  # fmt: skip
    return _table([getattr(text, lang) for text in head], rows)


# --- pieces -----------------------------------------------------------------------------------------------------------


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _page(page: Page, name: str) -> Parts:
    shown = '<math display="block" style="margin: 0.4em 0">'
    lines = [mathml(line).replace("<math>", shown, 1) for line in page.equations]
    if lines:
        lines.append(without_styles(f"<pre>{escape(chr(10).join(map(plain, page.equations)))}</pre>"))
    tables = [_table(table.head, table.rows) for table in (page.facts, page.settings) if isinstance(table, Table)]
    formula = {"text/latex": "\n".join(f"$$ {line} $$" for line in page.equations)} if page.equations else {}
    return f"<h4>{escape(page.title)}</h4>{''.join(lines)}{''.join(tables)}", name, formula


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are texts, the first column a heading."""
    left = 'style="text-align: left; vertical-align: top"'
    top = f"<thead><tr>{''.join(f'<th {left}>{escape(cell)}</th>' for cell in head)}</tr></thead>" if any(head) else ""
    lines = (
        [f"<th {left}>{escape(first)}</th>", *(f"<td {left}>{escape(cell)}</td>" for cell in cells)]
        for first, *cells in rows
    )
    body = "".join(f"<tr>{''.join(line)}</tr>" for line in lines)
    return f"<table>{top}<tbody>{body}</tbody></table>"
