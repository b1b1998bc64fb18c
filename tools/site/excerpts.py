"""The texts of all pages by section, in a script, for the excerpts of the search.

Sphinx takes excerpts from the pages, which it fetches; a page that was opened from a disk may fetch none, but it may
load a script. `static/excerpts.js` reads what is written here, on the page of the search only.
"""

import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes

__all__ = ["SCRIPT", "sections", "setup"]

SCRIPT = "excerpts-texts.js"
"""The script's name, beside the page of the search."""

UNREAD = (nodes.math, nodes.math_block, nodes.raw, nodes.comment, addnodes.toctree, addnodes.index)
"""What is no prose: formulas would be shown as LaTeX."""


def sections(doctree: nodes.Node) -> list[tuple[str, str, str]]:
    r"""The sections and the described names of a page, in their order: anchor, title, and text without those inside.

    >>> from docutils.core import publish_doctree
    >>> text = "Top\n===\n\nOne.\n\nInner\n-----\n\nTwo\nthree."
    >>> sections(publish_doctree(text, settings_overrides={"doctitle_xform": False}))
    [('', 'Top', 'One.'), ('inner', 'Inner', 'Two three.')]
    """
    found = []
    parts = [node for node in doctree.findall() if isinstance(node, nodes.section | addnodes.desc | nodes.document)]
    for part in parts:
        first = part.next_node(nodes.title if not isinstance(part, addnodes.desc) else addnodes.desc_signature)
        own = _anchor(part, first)
        title = own if isinstance(part, addnodes.desc) else "" if first is None else _words(first)
        children = [child for child in part.children if child is not first]
        text = " ".join(filter(None, (_words(child) for child in children)))
        if text:
            found.append((own, title, text))
    return found


def _anchor(part: nodes.Node, first: nodes.Node | None) -> str:
    """Of the first section of a page, and what stands before it: none."""
    if isinstance(part, nodes.document) or isinstance(part.parent, nodes.document):
        return ""
    holder = first if isinstance(part, addnodes.desc) else part
    return holder["ids"][0] if holder is not None and holder["ids"] else ""


def _words(node: nodes.Node) -> str:
    """The text of a node in a line, without the sections inside it."""
    if isinstance(node, (nodes.section, addnodes.desc, *UNREAD)):
        return ""
    if isinstance(node, nodes.Text):
        return " ".join(node.astext().split())
    if isinstance(node, nodes.TextElement):
        kept = [child.astext() for child in node.findall(nodes.Text) if not isinstance(child.parent, UNREAD)]
        return " ".join("".join(kept).split())
    return " ".join(filter(None, map(_words, node.children)))


def _collect(app: Any, doctree: nodes.document, name: str) -> None:
    app.texts[name] = sections(doctree)


def _write(app: Any, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        texts = json.dumps(app.texts, ensure_ascii=False, separators=(",", ":"))
        (Path(app.outdir) / SCRIPT).write_text(f"window.steepestTexts={texts};\n", encoding="utf-8")


def _load(app: Any, name: str, template: str, context: Any, doctree: nodes.document | None) -> None:
    if name == "search":
        app.add_js_file(f"../{SCRIPT}", loading_method="defer")
        app.add_js_file("excerpts.js", loading_method="defer")


def setup(app: Any) -> dict[str, bool]:
    """Sphinx's entry."""
    app.texts = {}
    app.connect("doctree-resolved", _collect)
    app.connect("html-page-context", _load)
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": False}
