r"""Formulas as MathML, which every browser since 2023 draws itself: no script, no font, no network.

`latex2mathml` reads the LaTeX, since prose and docstrings use more of it than a rule's program prints (which
`steepest.program.mathml` reads, for the playground). What it does not know it would print as a word: that is a warning
here, and so the build fails.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.util import logging

__all__ = ["mathml", "setup"]

UNKNOWN = re.compile(r"<m[io]>(\\[A-Za-z]+)</m[io]>")
logger = logging.getLogger(__name__)


def mathml(latex: str, display: str = "inline") -> str:
    r"""MathML of a formula; its LaTeX is kept for whoever copies it.

    Raises:
        ValueError: it cannot be read.

    >>> mathml(r"\eta")[-16:]
    '<mi>η</mi></math>'
    """
    try:
        made = convert(latex, display=display)
    except Exception as error:  # of the reader, which raises whatever it stumbles over
        raise ValueError(f"{latex}: {error!r}") from error
    if unknown := UNKNOWN.search(made):
        raise ValueError(f"{latex}: {unknown[1]} is unknown")
    return made.replace("<math ", f'<math alttext="{escape(latex, quote=True)}" ', 1)


def _made(node: Any, display: str) -> str:
    try:
        return mathml(node.astext().strip(), display)
    except ValueError as error:
        logger.warning("formula: %s", error, location=node)
        return f"<code>{escape(node.astext())}</code>"


def _inline(self: Any, node: Any) -> None:
    self.body.append(_made(node, "inline"))
    raise nodes.SkipNode


def _block(self: Any, node: Any) -> None:
    self.body.append(f'<div class="formula">{_made(node, "block")}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
