r"""Formulas as MathML, which every browser since 2023 draws itself: no script, no font, no network.

`latex2mathml` reads the LaTeX, since prose and docstrings use more of it than a rule's program prints (which
`steepest.program.mathml` reads, for the playground). What it does not know it would print as a word: that is a warning
here, and so the build fails.
"""

import re
from functools import partial
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

__all__ = ["apart", "mathml", "setup"]

BARS = re.compile(r"(?<![\\a-z])\|([^|]+)(?<!\\)(?<!right)\|")
"""An absolute value, of which the reader would take both bars for signs between two terms."""

UNKNOWN = re.compile(r"<m[io]>(\\[A-Za-z]+)</m[io]>")
logger = logging.getLogger(__name__)


def mathml(latex: str, display: str = "inline") -> str:
    r"""MathML of a formula; its LaTeX is kept for whoever copies it.

    Raises:
        ValueError: it cannot be read.

    >>> "<mi>η</mi>" in mathml(r"\eta").replace("&#x003B7;", "η")
    True
    """
    try:
        made = convert(BARS.sub(r"\\left|\1\\right|", latex), display=display)
    except Exception as error:  # of the reader, which raises whatever it stumbles over
        raise ValueError(f"{latex}: {error!r}") from error
    if unknown := UNKNOWN.search(made):
        raise ValueError(f"{latex}: {unknown[1]} is unknown")
    made = made.replace("<msub><mo>&#x02016;</mo>", '<msub><mo stretchy="false">&#x02016;</mo>')  # else it sinks
    return made.replace("<math ", f'<math alttext="{escape(latex, quote=True)}" ', 1)


def _made(node: Any, latex: str, display: str) -> str:
    try:
        return mathml(latex, display)
    except ValueError as error:
        logger.warning("formula: %s", error, location=node)
        return f"<code>{escape(latex)}</code>"


def _inline(self: Any, node: Any) -> None:
    self.body.append(_made(node, node.astext().strip(), "inline"))
    raise nodes.SkipNode


def _block(self: Any, node: Any) -> None:
    parts = "".join(map(partial(_made, node, display="block"), apart(node.astext())))
    self.body.append(f'<div class="formula">{parts}</div>')
    raise nodes.SkipNode


def apart(latex: str) -> list[str]:
    r"""The formulas of a line, which are written with wide space between them: on a phone each has a line of its own.

    >>> apart(r"a = b, \qquad c = d")
    ['a = b,', 'c = d']
    >>> apart(r"\text{if \qquad so}")
    ['\\text{if \\qquad so}']
    """
    parts = [part.strip() for part in re.split(r"\\qquad\b", latex)]
    whole = "\\begin" in latex or any(part.count("{") != part.count("}") for part in parts)
    return [latex.strip()] if whole else [part for part in parts if part]


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
