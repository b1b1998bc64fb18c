"""Write a comparison's folder: `runs.csv`, `curves.csv`, `table.csv`, figures, and the page `report.html`."""

import json
import math
import re
from io import StringIO
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ..comparison import Comparison
from ..figures.comparison import draw_curves, draw_learning_rates
from ..figures.style import GRID, INK, house_style, save
from ..text import Text
from .sentences import edge_warnings, target_sentence, verdict_sentence
from .words import LABELS, WORDS

__all__ = ["render", "write_report"]


def write_report(comparison: Comparison, folder: Path) -> None:
    """Write everything that is shown of a comparison into its folder, each file whole or not at all."""
    figures = _figures(comparison)
    (folder / "figures").mkdir(exist_ok=True)
    for name, figure in figures.items():
        save(figure, folder / "figures" / f"{name}.svg")
        save(figure, folder / "figures" / f"{name}.png")
    tables = {
        "runs.csv": comparison.runs.to_csv(index=False),
        "curves.csv": comparison.curves.to_csv(index=False),
        "table.csv": comparison.table.to_csv(),
        "report.html": render(comparison, figures),
    }
    for name, text in tables.items():
        part = folder / f".{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(folder / name)


def _figures(comparison: Comparison) -> dict[str, Figure]:
    return {"learning_rates": draw_learning_rates(comparison), "curves": draw_curves(comparison)}


def render(comparison: Comparison, figures: dict[str, Figure] | None = None) -> str:
    """The page as text."""
    environment = Environment(
        loader=PackageLoader("steepest.report"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"both": both, "steps": _steps, "number": _number}
    drawn = figures or _figures(comparison)
    return environment.get_template("report.html").render(
        comparison=comparison,
        facts=comparison.facts | {"versions": json.loads(comparison.facts["versions"])},
        figures={name: _inline(figure) for name, figure in drawn.items()},
        rows=comparison.table.reset_index().to_dict("records"),
        trials=comparison.runs.to_dict("records"),
        target=target_sentence(comparison),
        verdict=verdict_sentence(comparison),
        about=Text(str(comparison.workload["about"]), str(comparison.workload["about_zh"])),
        warnings=edge_warnings(comparison),
        noise=comparison.gradient_noise,
        words=WORDS,
    )


def both(text: Text) -> Markup:
    """A sentence in both languages; the page shows one of them."""
    return Markup('<span lang="en">{}</span><span lang="zh">{}</span>').format(text.en, text.zh)


def _inline(figure: Figure) -> Markup:
    """The figure as SVG inside the page: ink in the page's colour, labels in both languages."""
    buffer = StringIO()
    with house_style():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :].replace(INK, "currentColor").replace(GRID, "var(--line)")
    return Markup(re.sub(r"(<text [^>]*>)([^<]+)(</text>)", _translated, svg))


def _translated(match: "re.Match[str]") -> str:
    before, label, after = match.groups()
    if label not in LABELS:
        return match[0]
    en, zh = escape(label), escape(LABELS[label])
    return f'{before}<tspan lang="en">{en}</tspan><tspan lang="zh">{zh}</tspan>{after}'


def _steps(steps: float) -> str:
    return f"{steps:.0f}" if math.isfinite(steps) else "—"


def _number(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}g}" if value is not None and math.isfinite(value) else "—"
