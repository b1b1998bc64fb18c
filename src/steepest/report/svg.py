"""Figures as SVG within the page: colours follow its theme, words its language, and its toggles hide contestants."""

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import StringIO

import numpy as np
from markupsafe import Markup, escape
from matplotlib.figure import Figure
from matplotlib.markers import MarkerStyle

from ..base.text import Text
from ..figures.looks import Look
from ..figures.style import GREY, GRID, INK, house_style
from ..figures.words import COMPARISON

__all__ = ["boxes_for_missing_letters", "inline", "mark"]

THEME = {INK: "currentColor", GRID: "var(--line)", GREY: "var(--soft)"}
"""CSS values by the figures' colours."""

WIDTH, HEIGHT, THICK, RADIUS = 30, 12, 2.0, 4.5
"""Sizes of a legend symbol, in pixels: its box, the width of the line, and the radius of the mark."""


def inline(figure: Figure, description: Text, colours: Mapping[str, str], prefix: str) -> Markup:
    """A figure as an SVG element.

    Args:
        figure: the figure; artists named by `figures.contestants.tag` get the attribute `data-contestant`.
        description: the alternative text, for screen readers.
        colours: CSS values, such as variables, by the figure's colours.
        prefix: of all ids within it, so that the ids of a page are unique.
    """
    buffer = StringIO()
    with house_style(), boxes_for_missing_letters():
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    replaced = {colour.lower(): variable for colour, variable in {**THEME, **colours}.items()}
    # colours and ids only within tags: the texts of users are between them, with < and > escaped
    svg = re.sub(r"<[^<>]*>", lambda tag: _adapted(tag[0], replaced, prefix), svg)
    svg = re.sub(r"(<text [^>]*>)([^<]+)(</text>)", _translated, svg)
    name = Markup(' role="img" aria-label="{0}" data-en="{0}" data-zh="{1}"').format(description.en, description.zh)
    return Markup(svg.replace("<svg", f"<svg{name}", 1))


@contextmanager
def boxes_for_missing_letters() -> Iterator[None]:
    """A context without Matplotlib's warnings of missing glyphs: a user's text may have any; a figure shows boxes."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from font")
        yield


def _adapted(tag: str, colours: Mapping[str, str], prefix: str) -> str:
    """A tag with the page's colours, unique ids, and coordinates rounded down to a hundredth of a point."""
    tag = re.sub(r"#[0-9a-f]{6}\b", lambda colour: colours.get(colour[0], colour[0]), tag)
    tag = re.sub(r' id="contestant-(\d+)-[^"]*"', r' data-contestant="\1"', tag)
    tag = re.sub(r"(\d\.\d\d)\d+", r"\1", tag)
    if tag.startswith("<g"):  # nothing refers to a group
        tag = re.sub(r' id="[^"]*"', "", tag)
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{prefix}-", tag)


def _translated(match: "re.Match[str]") -> str:
    """A `text` element in both languages, if its label is one of `COMPARISON`."""
    before, label, after = match.groups()
    if label not in COMPARISON:
        return match[0]
    en, zh = escape(label), escape(COMPARISON[label])
    return f'{before}<tspan lang="en">{en}</tspan><tspan lang="zh">{zh}</tspan>{after}'


def mark(look: Look, colour: str) -> Markup:
    """The legend symbol of a look as SVG elements, 30 by 12 pixels: a piece of the line with its dash, and its mark."""
    dashes = " ".join(f"{THICK * length:g}" for length in look.dashes) or "none"
    style = MarkerStyle(look.marker)
    outline = style.get_path().transformed(style.get_transform()).to_polygons(closed_only=False)
    points = 2 * RADIUS * np.concatenate(outline) * (1, -1) + (WIDTH / 2, HEIGHT / 2)
    polygon = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup(
        f'<path d="M0 {HEIGHT / 2:g}H{WIDTH}" stroke="{colour}" stroke-width="{THICK:g}" stroke-dasharray="{dashes}"/>'
        f'<polygon points="{polygon}" fill="{colour}"/>'
    )
