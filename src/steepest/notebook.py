"""Notebooks: what the last line of a cell shows of a value, and the progress of a comparison as one line.

Pictures are PNG files within HTML, which every front end shows, saved notebooks included. Words are in the language of
STEEPEST_LANG, or else of the locale.
"""

import base64
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING, Any

from .base import numbers
from .base.language import default_language
from .base.text import Text
from .base.translation import in_chinese
from .diagnose.finding import Diagnosis
from .findings.catalogue import Finding
from .landscapes import Landscape
from .paths.maps import BasinMap, SweepMap
from .paths.tracing import Path
from .program.mathml import mathml
from .program.showing import Page, Table, landscape_page, rule_page
from .rules import Rule
from .study import Comparison, Store

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["bundle", "progress"]

STYLE = "max-width: 60rem; line-height: 1.45"

REFRESH = 1.0
"""Seconds between two changes of the line of progress."""


def bundle(value: Any) -> dict[str, str]:
    """What IPython's display asks for: the value by media type.

    >>> from steepest.rules import find
    >>> sorted(bundle(find("sgd")))
    ['text/html', 'text/latex', 'text/plain']
    """
    lang = default_language(os.environ)
    page, plain, more = _parts(value, lang)
    return {"text/plain": plain, "text/html": f'<div class="steepest" lang="{lang}" style="{STYLE}">{page}</div>', **more}


Parts = tuple[str, str, Mapping[str, str]]
"""HTML, plain text, and other media types."""


@singledispatch
def _parts(value: Any, lang: str) -> Parts:
    return f"<pre>{escape(repr(value))}</pre>", repr(value), {}


@_parts.register
def _(value: Path, lang: str) -> Parts:
    from .figures.paths import draw_paths

    told = " ".join(_say(finding, lang) for finding in (value.finding, *value.why))
    name = getattr(Text(f"path of {value.rule.title} on {value.landscape.name}", f"{value.rule.title} 在 {value.landscape.name} 上的路径"), lang)
    return _picture(draw_paths([value], lang=lang), name) + _paragraph(told), told, {}


@_parts.register
def _(value: BasinMap, lang: str) -> Parts:
    from .figures.basins import draw_basin

    name = getattr(Text("where paths end, by their start", "各起点的路径终点"), lang)
    return _picture(draw_basin(value, lang=lang), name), name, {}


@_parts.register
def _(value: SweepMap, lang: str) -> Parts:
    from .figures.sweeps import draw_sweep

    name = getattr(Text("how far each setting gets", "各设置的结果"), lang)
    return _picture(draw_sweep(value, lang=lang), name), name, {}


@_parts.register
def _(value: Rule, lang: str) -> Parts:
    return _page(rule_page(value, lang), repr(value))


@_parts.register
def _(value: Landscape, lang: str) -> Parts:
    return _page(landscape_page(value, lang), value.name)


@_parts.register
def _(value: Finding, lang: str) -> Parts:
    told = _say(value, lang)
    code = f"<code>{escape(value.code)}</code> " if isinstance(value, Diagnosis) else ""
    return f"<p>{code}{escape(told)}</p>", told, {}


@_parts.register
def _(value: Comparison, lang: str) -> Parts:
    from .figures.comparison import draw_curves
    from .report.overview import first_names, lead, places
    from .report.sentences import profile_sentence, target_sentence
    from .report.verdict import verdict_sentence

    parts, told = [], []
    names = value.plan.short_names
    rows = [(place.workload, getattr(first_names(place), lang), place.behind or numbers.NOTHING, lead(place)) for place in places(value)]
    if rows:
        head = {"en": ("workload", "first", "behind", "times as much (95 % interval)"), "zh": ("任务", "最先", "其后", "倍数（95% 区间）")}
        parts.append(_table(head[lang], rows))
    for name, part in value.by_workload().items():
        verdict = getattr(verdict_sentence(part), lang)
        told.append(verdict)
        several = f"<h4>{escape(names[name])}</h4>" if len(names) > 1 else ""
        parts += [several, f"<p><strong>{escape(verdict)}</strong></p>", _paragraph(getattr(target_sentence(part), lang))]
        parts.append(_results(part, lang))
        if not part.table.empty and len(names) == 1:
            figure = draw_curves(part)
            parts.append(_picture(figure, getattr(Text("learning curves", "学习曲线"), lang)))
    if (profile := profile_sentence(value)) is not None:
        parts.append(_paragraph(getattr(profile, lang)))
    return "".join(parts), "\n".join(told), {}


def _results(part: Comparison, lang: str) -> str:
    from .report.rows import result_rows

    head = {
        "en": ("optimizer", "settings", "steps to target", "reached", "seconds to target", f"final {part.workload['metric_name']}"),
        "zh": ("优化器", "设置", "达标步数", "达标比例", "达标秒数", f"最终 {in_chinese(str(part.workload['metric_name']))}"),
    }
    missed = {"en": "missed", "zh": "未达到"}[lang]
    rows = [
        (
            row["label"], row["settings"] or numbers.NOTHING, numbers.steps(row["steps_to_target"], missed),
            numbers.share(row["reached"]), numbers.number(row["seconds_to_target"]),
            numbers.number(row["final_metric"], 4),
        )
        for row in result_rows(part)
    ]  # fmt: skip
    return _table(head[lang], rows)


# --- pieces -----------------------------------------------------------------------------------------------------------


def _say(finding: Finding, lang: str) -> str:
    return finding.text(lang)


def _paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _picture(figure: "Figure", name: str) -> str:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=144)
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(72 * figure.get_figwidth())
    return f'<img alt="{escape(name)}" style="width: {width}px; max-width: 100%" src="data:image/png;base64,{data}">'


def _page(page: Page, plain: str) -> Parts:
    lines = [mathml(line).replace("<math>", '<math display="block">', 1) for line in page.equations]
    tables = [_table(table.head, table.rows) for table in (page.facts, page.settings) if isinstance(table, Table)]
    formula = {"text/latex": "\n".join(f"$$ {line} $$" for line in page.equations)} if page.equations else {}
    return f"<h4>{escape(page.title)}</h4>{''.join(lines)}{''.join(tables)}", plain, formula


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Cells are texts, the first column a heading."""
    left = 'style="text-align: left; vertical-align: top"'
    top = f"<thead><tr>{''.join(f'<th {left}>{escape(cell)}</th>' for cell in head)}</tr></thead>" if any(head) else ""
    body = "".join(
        f"<tr><th {left}>{escape(str(first))}</th>{''.join(f'<td {left}>{escape(str(cell))}</td>' for cell in cells)}</tr>"
        for first, *cells in rows
    )
    return f"<table>{top}<tbody>{body}</tbody></table>"


# --- progress ---------------------------------------------------------------------------------------------------------


def progress() -> Callable[[Store], None] | None:
    """A line below the running cell, changed in place, for `compare`; None where there is no notebook."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    return _Line()


class _Line:
    def __init__(self) -> None:
        self._began, self._next, self._shown = time.monotonic(), 0.0, None

    def __call__(self, store: Store) -> None:
        now, done, total = time.monotonic(), store.done(), store.plan.runs
        if now < self._next and done < total:
            return
        self._next = now + REFRESH
        text = self._text(done, total, now - self._began, bool(store.recording))
        bar = f'<progress value="{done}" max="{max(total, 1)}"></progress> {escape(text)}'
        content = {"text/plain": text, "text/html": bar}
        from IPython.display import display

        if self._shown is None:
            self._shown = display(content, raw=True, display_id=True)
        else:
            self._shown.update(content, raw=True)

    @staticmethod
    def _text(done: int, total: int, seconds: float, pictures: bool) -> str:
        if default_language(os.environ) == "zh":
            return f"{done} / {total} 次训练，{seconds:.0f} 秒" + "，正在为图片重新训练最优者" * pictures
        return f"{done} of {total} runs, {seconds:.0f} s" + ", training the best once more for pictures" * pictures
